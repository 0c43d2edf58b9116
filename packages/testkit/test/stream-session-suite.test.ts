import { type StreamSession, streamErrors } from "@king-runtime/core";
import { describe, expect, test } from "vitest";
import {
  memoryPair,
  mutate,
  type StreamSessionHarness,
  streamSessionClauses,
  streamSessionPeer,
  testStreamSession,
} from "../src/index.ts";

const streamLimit = 4;

async function open(): Promise<StreamSessionHarness> {
  const { client, server } = memoryPair(streamLimit);
  return {
    session: client,
    peer: streamSessionPeer(server),
    streamLimit,
    async [Symbol.asyncDispose]() {
      client.abort();
      server.abort();
    },
  };
}

/** A session that lacks what some protocols lack. */
function lackingUnidirectional(session: StreamSession): StreamSession {
  const capabilities = new Set(session.capabilities);
  capabilities.delete("unidirectional");
  return mutate(session, {
    capabilities,
    async openStream(options: Parameters<StreamSession["openStream"]>[0] = {}) {
      if (options.direction !== "send") return session.openStream(options);
      throw streamErrors.create("KING_STREAM_UNSUPPORTED", "no such streams", {
        capability: "unidirectional",
        protocol: "memory",
      });
    },
  });
}

const capabilities = [
  "half-close",
  "reset-code",
  "stop-reading",
  "receive-backpressure",
  "multiplexing",
] as const;

testStreamSession({ name: "memory", capabilities: [...capabilities, "unidirectional"], open });
testStreamSession({
  name: "memory, without unidirectional streams",
  capabilities,
  async open() {
    const harness = await open();
    return { ...harness, session: lackingUnidirectional(harness.session) };
  },
});

describe("each clause of the stream session contract notices its fault", () => {
  for (const clause of streamSessionClauses) {
    test(`${clause.title} <- ${clause.mutation.title}`, async () => {
      await using harness = await open();
      const whole =
        clause.lacks === undefined ? harness.session : lackingUnidirectional(harness.session);
      const session = mutate(whole, clause.mutation.faults(whole));
      await expect(clause.run({ ...harness, session, deadlineMs: 300 })).rejects.toThrow();
    });
  }
});
