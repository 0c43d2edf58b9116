import fc from "fast-check";
import { expect, test } from "vitest";
import { decode } from "../src/decode.ts";
import { encode } from "../src/encode.ts";
import { arbitraryMessageOf } from "./arbitrary-message.ts";
import { arbitraryPlan, defineRoot } from "./arbitrary-schema.ts";
import { bufbuildPeer } from "./bufbuild-peer.ts";
import { expectedMessage } from "./expected-message.ts";
import { printValue } from "./print-value.ts";
import { protobufjsPeer } from "./protobufjs-peer.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);
const timeoutMs = 60_000 + numRuns * 100;

const samples = arbitraryPlan({ profile: "protobuf", names: "plain" }).chain((plan) =>
  fc.record({ plan: fc.constant(plan), sample: arbitraryMessageOf(plan) }),
);

const peers = [
  ["protobufjs", protobufjsPeer],
  ["@bufbuild/protobuf", bufbuildPeer],
] as const;

test.each(peers)(
  "%s reads what we write, and we what it writes, in as many bytes",
  (_, openPeer) => {
    fc.assert(
      fc.property(samples, ({ plan, sample }) => {
        const schema = defineRoot(plan);
        const peer = openPeer(plan);
        const expected = printValue(expectedMessage(plan, sample.sent));
        const ours = encode(schema, sample.input);
        const theirs = peer.encode(sample.sent);
        expect(printValue(decode(schema, theirs))).toBe(expected);
        expect(printValue(peer.decode(ours))).toBe(expected);
        expect(ours.length).toBe(theirs.length);
      }),
      { numRuns },
    );
  },
  timeoutMs,
);

test.each(peers)(
  "%s reads two messages behind each other as we do: merged",
  (_, openPeer) => {
    const pairs = arbitraryPlan({ profile: "protobuf", names: "plain" }).chain((plan) =>
      fc.record({
        plan: fc.constant(plan),
        first: arbitraryMessageOf(plan),
        second: arbitraryMessageOf(plan),
      }),
    );
    fc.assert(
      fc.property(pairs, ({ plan, first, second }) => {
        const schema = defineRoot(plan);
        const both = Buffer.concat([encode(schema, first.input), encode(schema, second.input)]);
        expect(printValue(decode(schema, both))).toBe(printValue(openPeer(plan).decode(both)));
      }),
      { numRuns },
    );
  },
  timeoutMs,
);
