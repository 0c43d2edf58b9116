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
function lacking(session: StreamSession): StreamSession {
  const capabilities = new Set(session.capabilities);
  capabilities.delete("unidirectional");
  capabilities.delete("datagrams");
  return mutate(session, {
    capabilities,
    maxDatagramBytes: 0,
    sendDatagram() {
      throw streamErrors.create("KING_STREAM_UNSUPPORTED", "no datagrams", {
        capability: "datagrams",
        protocol: "memory",
      });
    },
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

testStreamSession({
  name: "memory",
  capabilities: [...capabilities, "unidirectional", "datagrams"],
  open,
});
testStreamSession({
  name: "memory, without unidirectional streams and datagrams",
  capabilities,
  async open() {
    const harness = await open();
    return { ...harness, session: lacking(harness.session) };
  },
});

describe("each clause of the stream session contract notices its fault", () => {
  for (const clause of streamSessionClauses) {
    test(`${clause.title} <- ${clause.mutation.title}`, async () => {
      await using harness = await open();
      const whole = clause.lacks === undefined ? harness.session : lacking(harness.session);
      const session = mutate(whole, clause.mutation.faults(whole));
      await expect(clause.run({ ...harness, session, deadlineMs: 300 })).rejects.toThrow();
    });
  }
});
