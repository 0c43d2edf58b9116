import type { Stream } from "@king-runtime/core";
import { describe, expect, test } from "vitest";
import {
  memoryStreams,
  mutate,
  type StreamHarness,
  type StreamPeer,
  streamClauses,
  testStream,
} from "../src/index.ts";

function peerOf(stream: Stream): StreamPeer {
  let source: AsyncIterator<Uint8Array, undefined> | undefined;
  return {
    async write(chunk) {
      await stream.write(chunk);
    },
    end: () => stream.end(),
    async reset(code) {
      stream.reset(code);
    },
    async read() {
      source ??= stream[Symbol.asyncIterator]();
      return (await source.next()).value;
    },
  };
}

async function open(): Promise<StreamHarness> {
  const [near, far] = memoryStreams();
  return {
    stream: near,
    peer: peerOf(far),
    async [Symbol.asyncDispose]() {
      near.abort();
    },
  };
}

const capabilities = [
  "half-close",
  "reset-code",
  "stop-reading",
  "receive-backpressure",
  "multiplexing",
] as const;

testStream({ name: "memory", capabilities, open });

describe("each clause of the stream contract notices its fault", () => {
  for (const clause of streamClauses) {
    test(`${clause.title} <- ${clause.mutation.title}`, async () => {
      await using harness = await open();
      const stream = mutate(harness.stream, clause.mutation.faults(harness.stream));
      await expect(clause.run({ ...harness, stream, deadlineMs: 300 })).rejects.toThrow();
    });
  }
});
