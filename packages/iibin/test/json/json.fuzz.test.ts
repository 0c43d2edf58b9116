import fc from "fast-check";
import { expect, test } from "vitest";
import { fromJson } from "../../src/json/from-json.ts";
import { fromJsonText } from "../../src/json/from-json-text.ts";
import { toJson } from "../../src/json/to-json.ts";
import type { Profile } from "../../src/schema.ts";
import { wellKnownTypes } from "../../src/well-known/well-known-types.ts";
import { arbitraryMessageOf } from "../arbitrary-message.ts";
import { arbitraryPlan, defineRoot } from "../arbitrary-schema.ts";
import { expectedMessage } from "../expected-message.ts";
import { printValue } from "../print-value.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);
const timeoutMs = 60_000 + numRuns * 100;

test.each<Profile>(["protobuf", "king"])(
  "whatever fits a schema of profile %s comes back from JSON as from bytes",
  (profile) => {
    const samples = arbitraryPlan({ profile, names: "any" }).chain((plan) =>
      fc.record({
        plan: fc.constant(plan),
        sample: arbitraryMessageOf(plan),
        useProtoFieldName: fc.boolean(),
        enumsAsIntegers: fc.boolean(),
        alwaysPrintFieldsWithNoPresence: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(samples, ({ plan, sample, ...options }) => {
        const schema = defineRoot(plan);
        const json = toJson(schema, sample.input, options);
        const expected = printValue(expectedMessage(plan, sample.sent));
        expect(printValue(fromJson(schema, json))).toBe(expected);
        // Text has no minus zero.
        const text = JSON.stringify(json);
        const unsigned = (printed: string) => printed.replace(/(?<=: |\[|, )-0(?=[,\] ])/g, "0");
        expect(unsigned(printValue(fromJsonText(schema, text)))).toBe(unsigned(expected));
      }),
      { numRuns },
    );
  },
  timeoutMs,
);

test("any JSON is a message of a well-known type or refused, and never anything else", () => {
  const types = wellKnownTypes().schemas();
  const json = fc.oneof(
    fc.jsonValue(),
    fc.stringMatching(/^-?[0-9]{1,4}(\.[0-9]{1,10})?s$/),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc.record({
      "@type": fc.constantFrom(...types).map(({ name }) => `x/${name}`),
      value: fc.jsonValue(),
    }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...types), json, (schema, given) => {
      let message: object;
      try {
        message = fromJson(schema, given);
      } catch (error) {
        expect(error).toMatchObject({ code: "KING_IIBIN_JSON_INVALID" });
        return;
      }
      const written = toJson(schema, message as never);
      expect(printValue(fromJson(schema, written))).toBe(printValue(message));
    }),
    { numRuns: numRuns * 5 },
  );
});
