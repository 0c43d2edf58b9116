import { describe, expect, test } from "vitest";
import {
  memoryStreams,
  mutate,
  type StreamHarness,
  streamClauses,
  streamPeer,
  testStream,
} from "../src/index.ts";

async function open(heldBytes?: number): Promise<StreamHarness> {
  const [near, far] = memoryStreams(heldBytes === undefined ? {} : { heldBytes });
  return {
    stream: near,
    peer: streamPeer(far),
    async [Symbol.asyncDispose]() {
      near.abort();
    },
  };
}

const heldBytes = 8_388_608;

const capabilities = [
  "half-close",
  "reset-code",
  "stop-reading",
  "receive-backpressure",
  "multiplexing",
  "unidirectional",
] as const;

testStream({ name: "memory", capabilities, open: () => open() });
testStream({
  name: "memory, without receive backpressure",
  capabilities: capabilities.filter((each) => each !== "receive-backpressure"),
  open: () => open(heldBytes),
});

describe("each clause of the stream contract notices its fault", () => {
  for (const clause of streamClauses) {
    test(`${clause.title} <- ${clause.mutation.title}`, async () => {
      await using harness = await open(
        clause.lacks === "receive-backpressure" ? heldBytes : undefined,
      );
      const stream = mutate(harness.stream, clause.mutation.faults(harness.stream));
      await expect(clause.run({ ...harness, stream, deadlineMs: 300 })).rejects.toThrow();
    });
  }
});
