import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { temporaryFolder } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import type { Codec } from "../../src/codec.ts";
import { emitModule } from "../../src/emit/emit-module.ts";
import { defineEnum } from "../../src/enum.ts";
import { Registry } from "../../src/registry.ts";
import { defineSchema } from "../../src/schema.ts";
import * as functions from "../../src/wire/functions.ts";
import { bundle } from "../browser/bundle.ts";

const run = promisify(execFile);
const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Compiles files as strictly as the repository itself; gives what the compiler says. */
async function compile(files: Readonly<Record<string, string>>): Promise<string> {
  await using folder = await temporaryFolder("iibin-types");
  for (const [name, text] of Object.entries(files)) await writeFile(folder.join(name), text);
  const config = {
    extends: pathOf("../../../../tsconfig.base.json"),
    compilerOptions: {
      noEmit: true,
      // The declarations that were written are what is checked.
      skipLibCheck: false,
      typeRoots: [pathOf("../../../../node_modules/@types")],
      paths: {
        "@king-runtime/iibin": [pathOf("../../src/index.ts")],
        "@king-runtime/iibin/runtime": [pathOf("../../src/runtime.ts")],
      },
    },
    files: Object.keys(files).filter((name) => name.endsWith(".ts")),
  };
  await writeFile(folder.join("package.json"), '{ "type": "module" }');
  await writeFile(folder.join("tsconfig.json"), JSON.stringify(config));
  const tsc = pathOf("../../../../node_modules/@typescript/native/bin/tsc");
  try {
    return (await run(process.execPath, [tsc, "-p", folder.path])).stdout;
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

const hostileNames = [
  ...new Set([
    // What TypeScript and JavaScript have words for.
    ..."abstract accessor any arguments as asserts async await bigint boolean break case catch".split(
      " ",
    ),
    ..."class const constructor continue debugger declare default delete do else enum eval".split(
      " ",
    ),
    ..."export extends false finally for from function get global if implements import in".split(
      " ",
    ),
    ..."infer instanceof interface intrinsic is keyof let module namespace never new null".split(
      " ",
    ),
    ..."number object of out override package private protected public readonly require".split(" "),
    ..."return satisfies set static string super switch symbol this throw true try type".split(" "),
    ..."typeof undefined unique unknown using var void while with yield __proto__ exports".split(
      " ",
    ),
    ...Object.getOwnPropertyNames(globalThis).filter((name) => /^[\w$]+$/.test(name)),
    ..."ArrayLike Partial Pick Readonly ReadonlyArray ReadonlyMap Record Uppercase".split(" "),
    // What the module itself has.
    ...Object.keys(functions),
    ..."builtCodec Codec NumberArray a1 d0 d1 e0 e1 f0 k l0_4 m0_7 n0 o p r t0_9 v w y0_9".split(
      " ",
    ),
  ]),
];

/** Which message holds which: each one the next, in rings of three, as no compiler follows a long one. */
function partner(i: number): number {
  const next = i % 3 === 2 ? i - 2 : i + 1;
  return next < hostileNames.length ? next : i;
}

/** A field of the message's own name; one that all objects have is no string to TypeScript. */
const ownField = (name: string) => (name in Object.prototype ? `${name}_` : name);

function hostileRegistry(): Registry {
  const registry = new Registry();
  const Level = defineEnum("Some.Level", { LOW: 0, "a b": 1, __proto__x: 2 }, { registry });
  for (const [i, name] of hostileNames.entries()) {
    const next = hostileNames[partner(i)] as string;
    // A message may be called like a scalar; by that name a field would have the scalar.
    const type = () => registry.schema(next);
    defineSchema(
      name,
      {
        [ownField(name)]: { tag: 1, type: "string" },
        next: { tag: 2, type },
        list: { tag: 3, type, repeated: true },
        map: { tag: 4, type, map: "string" },
        wide: { tag: 5, type: "sint64", repeated: true },
        narrow: { tag: 6, type: "double", repeated: true },
        level: { tag: 7, type: Level, repeated: true },
        infinite: { tag: 8, type: "float", default: Number.NEGATIVE_INFINITY },
        flags: { tag: 9, type: "string", map: "bool" },
        byNumber: { tag: 10, type: "bytes", map: "fixed32" },
        byId: { tag: 11, type: "bool", map: "int64" },
        must: { tag: 12, type: "bool", required: true },
      },
      { registry },
    );
  }
  return registry;
}

/** What people export of schemas, for which TypeScript writes declarations; and functions over any. */
const user = `import {
  type AnySchema, type Message, type MessageInput,
  createCodec, decode, defineSchema, encode, fromJson, toJson, unknownFields,
} from "@king-runtime/iibin";
export const Tree = defineSchema("Tree", {
  label: { tag: 1, type: "string" },
  left: { tag: 2, type: "Tree" },
  more: { tag: 3, type: "Tree", map: "bool" },
});
export const codec = createCodec(Tree);
export const tree = decode(Tree, encode(Tree, { left: { label: "a" }, more: { true: {} } }));
export const same = fromJson(Tree, toJson(Tree, tree));
export const label: string | undefined = tree.more.false?.left?.label;
export function roundTrip<S extends AnySchema>(schema: S, message: MessageInput<S>): Message<S> {
  return decode(schema, encode(schema, message));
}
export const again = roundTrip(Tree, tree).left;
export const store = <S extends AnySchema>(schema: S) => {
  const { encode, decode } = createCodec(schema);
  return { put: encode, get: decode };
};
export const trees = store(Tree);
export const got: Message<typeof Tree> = trees.get(trees.put({ [unknownFields]: new Uint8Array(0) }));
interface Typed { label: string }
export function encodeAny(schema: AnySchema, typed: Typed) {
  // @ts-expect-error: no object
  encode(schema, 7);
  // @ts-expect-error: none of its fields
  encode(Tree, { lable: "a" });
  return [encode(schema, typed), encode(schema, { [unknownFields]: new Uint8Array(0) })];
}
`;

test("a module of messages with any names compiles, runs, and has types that hold, as schemas do", async () => {
  const registry = hostileRegistry();
  const schemas = registry.schemas();
  const emitted = emitModule([...registry.enums(), ...schemas]);
  const exported = [...emitted.code.matchAll(/^export const ([\w$]+) = /gm)]
    .map(([, name]) => name as string)
    .slice(1);
  expect(exported).toHaveLength(schemas.length);

  const consumer = `import * as built from "./built.js";
import type { NumberArray } from "@king-runtime/iibin/runtime";
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const yes = <T extends true>(): T | undefined => undefined;
const low: 0 = built.Some_Level.LOW;
${exported
  .map(
    (
      name,
      i,
    ) => `import { ${name} as codec${i}, type ${name} as Out${i}, type ${name}Input as In${i} } from "./built.js";
const out${i}: Out${i} = codec${i}.decode(codec${i}.encode({ must: true, next: { must: false } }));
yes<Same<Out${i}["list"], Out${partner(i)}[]>>();
yes<Same<Out${i}["map"], Record<string, Out${partner(i)}>>>();
yes<Same<In${i}["next"], In${partner(i)} | null | undefined>>();
yes<Same<In${i}["narrow"], readonly number[] | NumberArray<number> | null | undefined>>();`,
  )
  .join("\n")}
yes<Same<Out0["flags"], Partial<Record<"true" | "false", string>>>>();
yes<Same<Out0["byNumber"], Record<number, Uint8Array<ArrayBuffer>>>>();
yes<Same<ReturnType<typeof codec0["encode"]>, Uint8Array<ArrayBuffer>>>();
yes<Same<Out0["byId"], Record<string, boolean>>>();
yes<Same<Out0["wide"], bigint[]>>();
yes<Same<Out0["infinite"], number>>();
const taken: In0[] = [
  { must: true, wide: new BigInt64Array(1), narrow: new Float32Array(1), level: ["a b", 7] },
  { must: true, wide: [1, 2n], level: new Int32Array(1), byNumber: { 7: new Uint8Array(1) } },
  { must: true, flags: { true: "a" }, byId: new Map([[7n, true]]) },
  { must: true, flags: new Map([[false, "a"]]), byNumber: new Map([[7, new Uint8Array(1)]]) },
  out0,
];
const refused: In0[] = [
  // @ts-expect-error: it is required
  {},
  // @ts-expect-error: not every list is one of numbers
  { must: true, narrow: "12" },
  // @ts-expect-error: an object with a length is no list
  { must: true, narrow: { length: 0 } },
  // @ts-expect-error: no such member
  { must: true, level: ["MIDDLE"] },
  // @ts-expect-error: not of 64 bits
  { must: true, narrow: new BigInt64Array(1) },
  // @ts-expect-error: no boolean
  { must: true, flags: { maybe: "a" } },
];
console.log(low, taken, refused, ${exported.map((_, i) => `out${i}`).join(", ")});
`;
  const files = { "built.d.ts": emitted.types, "consumer.ts": consumer, "user.ts": user };
  expect(await compile(files)).toBe("");

  const { code } = await bundle('import * as built from "built"; report(built);', [
    ...registry.schemas(),
  ]);
  let built: Readonly<Record<string, Codec<object, unknown>>> = {};
  new Function("report", code)((all: typeof built) => {
    built = all;
  });
  for (const [i, name] of exported.entries()) {
    const codec = built[name] as Codec<object, unknown>;
    const key = ownField(hostileNames[i] as string);
    const message = { must: true, narrow: [1], map: { a: { must: true } } };
    Object.defineProperty(message, key, { value: "x", enumerable: true });
    const decoded = codec.decode(codec.encode(message)) as object;
    expect(Object.getOwnPropertyDescriptor(decoded, key)?.value).toBe("x");
    expect(decoded).toMatchObject({ narrow: [1], infinite: Number.NEGATIVE_INFINITY });
  }
}, 60_000);

test("what may be absent of a decoded message is absent, and to be encoded may be undefined too", () => {
  const A = defineSchema("A", { n: { tag: 1, type: "int32", optional: true } });
  const { types } = emitModule([A]);
  expect(types).toContain("export interface A {\n  n?: number;\n}");
  expect(types).toContain("export interface AInput {\n  n?: number | null | undefined;\n}");
});
