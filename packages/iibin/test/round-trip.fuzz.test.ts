import fc from "fast-check";
import { expect, test } from "vitest";
import { decode } from "../src/decode.ts";
import { encode } from "../src/encode.ts";
import type { Profile } from "../src/schema.ts";
import { arbitraryMessageOf } from "./arbitrary-message.ts";
import { arbitraryPlan, defineRoot } from "./arbitrary-schema.ts";
import { expectedMessage } from "./expected-message.ts";
import { printValue } from "./print-value.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);
const timeoutMs = 60_000 + numRuns * 100;

test.each<Profile>(["protobuf", "king"])(
  "whatever fits a schema of profile %s comes back, whatever its fields are called",
  (profile) => {
    const samples = arbitraryPlan({ profile, names: "any" }).chain((plan) =>
      fc.record({ plan: fc.constant(plan), sample: arbitraryMessageOf(plan) }),
    );
    fc.assert(
      fc.property(samples, ({ plan, sample }) => {
        const schema = defineRoot(plan);
        const bytes = encode(schema, sample.input);
        const decoded = decode(schema, bytes);
        expect(printValue(decoded)).toBe(printValue(expectedMessage(plan, sample.sent)));
        // What was decoded can be encoded, and is the same message again.
        expect(printValue(decode(schema, encode(schema, decoded)))).toBe(printValue(decoded));
      }),
      { numRuns },
    );
  },
  timeoutMs,
);

test(
  "truncated and altered bytes are decoded or refused, and never anything else",
  () => {
    const damaged = arbitraryPlan({ profile: "protobuf", names: "any" }).chain((plan) =>
      fc.record({
        plan: fc.constant(plan),
        sample: arbitraryMessageOf(plan),
        cut: fc.nat({ max: 400 }),
        changes: fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 })), { maxLength: 3 }),
      }),
    );
    fc.assert(
      fc.property(damaged, ({ plan, sample, cut, changes }) => {
        const schema = defineRoot(plan);
        const bytes = encode(schema, sample.input).slice(0, cut);
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        let decoded: Record<string, unknown>;
        try {
          decoded = decode(schema, bytes);
        } catch (error) {
          expect(error).toMatchObject({
            code: expect.stringMatching(/^KING_IIBIN_(WIRE_INVALID|LIMIT)$/),
          });
          return;
        }
        // Decoding gives nothing that encoding does not take.
        expect(printValue(decode(schema, encode(schema, decoded)))).toBe(printValue(decoded));
      }),
      { numRuns },
    );
  },
  timeoutMs,
);
