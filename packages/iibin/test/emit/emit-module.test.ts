import { describe, expect, test } from "vitest";
import type { Codec } from "../../src/codec.ts";
import { emitModule } from "../../src/emit/emit-module.ts";
import { defineEnum } from "../../src/enum.ts";
import { Registry } from "../../src/registry.ts";
import { type AnySchema, defineSchema } from "../../src/schema.ts";
import { bundle } from "../browser/bundle.ts";
import { builtModuleOf } from "../built-module.ts";

/** Messages `Kind0`, `Kind1`... each of which holds the next so many, by fields `own0`, `own1`... */
function kinds(count: number, held: number): AnySchema[] {
  const registry = new Registry();
  for (let i = 0; i < count; i++)
    defineSchema(
      `Kind${i}`,
      {
        [`own${i}`]: { tag: 1, type: "string" },
        [`map${i}`]: { tag: 2, type: "int32", map: "string" },
        [`level${i}`]: { tag: 3, type: defineEnum(`Level${i}`, { [`ZERO${i}`]: 0 }) },
        ...Object.fromEntries(
          Array.from({ length: held }, (_, n) => [
            `kind${n}`,
            { tag: 4 + n, type: `Kind${(i + n + 1) % count}` },
          ]),
        ),
      },
      { registry },
    );
  return registry.schemas();
}

test("messages that hold each other have one encoder and one decoder each", () => {
  const { code } = emitModule(kinds(80, 3));
  expect(code.match(/^function e\d+\(/gm)).toHaveLength(80);
  expect(code.match(/^function d\d+\(/gm)).toHaveLength(80);
  expect(code.length).toBeLessThan(80 * 10_000);
});

test("a message that is held but not given has functions, and no codec", () => {
  const [first, ...others] = kinds(3, 1) as [AnySchema, ...AnySchema[]];
  const exported = builtModuleOf([first]);
  expect(Object.keys(exported)).toEqual(["Kind0"]);
  expect(Object.keys(builtModuleOf([first, ...others]))).toEqual(["Kind0", "Kind1", "Kind2"]);
  const codec = exported["Kind0"] as Codec<object, unknown>;
  const bytes = codec.encode({ kind0: { own1: "a", kind0: { map2: { a: 1 } } } });
  expect(codec.decode(bytes)).toEqual({
    own0: "",
    map0: {},
    level0: 0,
    kind0: { own1: "a", map1: {}, level1: 0, kind0: { own2: "", map2: { a: 1 }, level2: 0 } },
  });
});

test("a bundle has the codecs that are used, and what they hold", async () => {
  const alone = await bundle(
    'import { Kind7 } from "built"; console.log(Kind7.encode({}));',
    kinds(80, 0),
  );
  expect(new Set(alone.code.match(/\b(?:Kind|own|map|level|ZERO)\d+\b/g))).toEqual(
    new Set(["Kind7", "own7", "map7", "level7", "ZERO7"]),
  );
  const nothing = await bundle('import { Kind7 } from "built";', kinds(80, 0));
  expect(nothing.code).toBe("");
  const pair = [...kinds(2, 1), ...kinds(9, 0).slice(2)];
  const held = await bundle('import { Kind0 } from "built"; console.log(Kind0.name);', pair);
  expect(new Set(held.code.match(/\bown\d+\b/g))).toEqual(new Set(["own0", "own1"]));
});

describe("names", () => {
  const built = (...names: string[]) =>
    Object.keys(builtModuleOf(names.map((name) => defineSchema(name, {}))));

  test("of functions in the module, of types and of values that cannot be shadowed get a line behind", () => {
    expect(built("e0", "d12", "l3_4", "any", "string", "NaN", "Infinity", "undefined")).toEqual([
      "e0_",
      "d12_",
      "l3_4_",
      "any_",
      "string_",
      "NaN_",
      "Infinity_",
      "undefined_",
    ]);
  });

  test("that become the same are refused", () => {
    expect(() => built("any", "any_")).toThrow(
      expect.objectContaining({
        code: "KING_IIBIN_SCHEMA_INVALID",
        message: "any_: the identifier any_ is that of any already",
      }),
    );
  });
});
