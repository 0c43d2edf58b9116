import fc from "fast-check";
import { expect, test } from "vitest";
import { createCodec } from "../src/codec.ts";
import { reachableSchemas } from "../src/emit/message-plan.ts";
import { iibinErrors } from "../src/errors.ts";
import type { AnySchema, Profile } from "../src/schema.ts";
import { arbitraryMessageOf } from "./arbitrary-message.ts";
import { arbitraryPlan, defineRoot } from "./arbitrary-schema.ts";
import { builtCodecOf } from "./built-module.ts";
import { printValue } from "./print-value.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);
const timeoutMs = 60_000 + numRuns * 100;

const variants = [
  { int64: "bigint" },
  { int64: "number" },
  { unknownFields: "keep" },
  { bytes: "view", int64: "number", unknownFields: "keep" },
] as const;

/** Whether a default is no safe integer, so that it cannot be given as a number. */
function hasUnsafeDefault(schema: AnySchema): boolean {
  return reachableSchemas(schema).some(({ fields }) =>
    fields.some(
      ({ default: value }) => typeof value === "bigint" && !Number.isSafeInteger(Number(value)),
    ),
  );
}

/** What a function gives, or why it does not: code, message and details of an error of the codec's own. */
function outcome(run: () => unknown): string {
  try {
    const value = run();
    return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : printValue(value);
  } catch (error) {
    if (!iibinErrors.is(error)) throw error;
    return JSON.stringify(error);
  }
}

test.each<Profile>(["protobuf", "king"])(
  "closures and built modules give the same bytes, messages and errors as generated functions, in profile %s",
  (profile) => {
    const samples = arbitraryPlan({ profile, names: "any" }).chain((plan) =>
      fc.record({
        plan: fc.constant(plan),
        sample: arbitraryMessageOf(plan),
        // A value meant for another field or of no type at all.
        intruder: fc.tuple(
          fc.nat(),
          fc.constantFrom<unknown>(null, "x", "\ud800", -1, 2 ** 53, 1.5, [1], {}, true, 1n, [{}]),
        ),
        changes: fc.array(fc.tuple(fc.nat({ max: 200 }), fc.nat({ max: 255 })), { maxLength: 3 }),
        cut: fc.nat({ max: 400 }),
        variant: fc.constantFrom(...variants),
      }),
    );
    fc.assert(
      fc.property(samples, ({ plan, sample, intruder, changes, cut, variant }) => {
        const schema = defineRoot(plan);
        const isNumber = "int64" in variant && variant.int64 === "number";
        fc.pre(!(isNumber && hasUnsafeDefault(schema)));
        const generated = createCodec(schema, variant);
        const closures = createCodec(schema, { ...variant, generate: false });
        const built = builtCodecOf(schema);
        const usual = createCodec(schema);
        const bytes = generated.encode(sample.input);
        expect(Buffer.from(closures.encode(sample.input)).toString("hex")).toBe(
          Buffer.from(bytes).toString("hex"),
        );
        expect(Buffer.from(built.encode(sample.input)).toString("hex")).toBe(
          Buffer.from(bytes).toString("hex"),
        );
        expect(outcome(() => closures.decode(bytes))).toBe(outcome(() => generated.decode(bytes)));
        expect(outcome(() => built.decode(bytes))).toBe(outcome(() => usual.decode(bytes)));

        const names = Object.keys(schema.definition);
        const name = names[intruder[0] % (names.length + 1)] ?? "no such field";
        const wrong = { ...sample.input };
        Object.defineProperty(wrong, name, { value: intruder[1], enumerable: true });
        const refused = outcome(() => generated.encode(wrong));
        expect(outcome(() => closures.encode(wrong))).toBe(refused);
        expect(outcome(() => built.encode(wrong))).toBe(refused);

        const damaged = bytes.slice(0, cut);
        for (const [at, byte] of changes) if (at < damaged.length) damaged[at] = byte;
        expect(outcome(() => closures.decode(damaged))).toBe(
          outcome(() => generated.decode(damaged)),
        );
        expect(outcome(() => built.decode(damaged))).toBe(outcome(() => usual.decode(damaged)));
      }),
      { numRuns },
    );
  },
  timeoutMs,
);
