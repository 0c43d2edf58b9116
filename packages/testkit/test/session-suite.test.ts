import { describe, expect, test } from "vitest";
import {
  memoryPair,
  mutate,
  type SessionHarness,
  sessionClauses,
  testSession,
} from "../src/index.ts";

async function open(): Promise<SessionHarness> {
  const { client, server } = memoryPair();
  return {
    session: server,
    async work() {
      const near = await client.openStream();
      for await (const far of server.streams()) {
        const reading = far[Symbol.asyncIterator]();
        return {
          ended: far.closed,
          async finish() {
            await near.end();
            await reading.next();
            await far.end();
            for await (const _ of near);
          },
        };
      }
      throw new Error("no stream came");
    },
    async disconnect() {
      client.abort();
    },
    async [Symbol.asyncDispose]() {
      server.abort();
      client.abort();
    },
  };
}

testSession("memory", open);

describe("each clause of the session contract notices its fault", () => {
  for (const clause of sessionClauses) {
    test(`${clause.title} <- ${clause.mutation.title}`, async () => {
      await using harness = await open();
      const session = mutate(harness.session, clause.mutation.faults(harness.session));
      await expect(clause.run({ ...harness, session, deadlineMs: 300 })).rejects.toThrow();
    });
  }
});
