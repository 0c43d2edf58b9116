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

describe("a session of raw streams", () => {
  test("gives the other side what one side opens, in order", async () => {
    const { client, server } = memoryPair();
    const opened = [await client.openStream(), await client.openStream()];
    for (const stream of opened) void stream.end(Buffer.from(stream.id));
    const names: string[] = [];
    for await (const stream of server.streams()) {
      for await (const chunk of stream) names.push(Buffer.from(chunk).toString());
      if (names.length === 2) break;
    }
    expect(names).toEqual(opened.map((stream) => stream.id));
    client.abort();
  });

  test("opens no stream once it drains (KING_SESSION_CLOSED), and its iteration ends", async () => {
    const { client, server } = memoryPair();
    const streams = (async () => {
      for await (const _ of server.streams());
    })();
    await server.close();
    await expect(client.openStream()).rejects.toMatchObject({ code: "KING_SESSION_CLOSED" });
    await streams;
  });

  test("has a bound on streams (KING_STREAM_LIMIT)", async () => {
    const { client } = memoryPair();
    for (let i = 0; i < 100; i++) await client.openStream();
    await expect(client.openStream()).rejects.toMatchObject({ code: "KING_STREAM_LIMIT" });
    client.abort();
  });
});
