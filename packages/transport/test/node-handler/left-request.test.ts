import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { connectRaw, testClock, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { fromNode, type NodeRequestListener } from "../../src/node-handler.ts";
import { openPlace } from "./node-handler-harness.ts";

// Node takes the connection from a request whose reader leaves early.
const leaving: Readonly<Record<string, NodeRequestListener>> = {
  throws: async (request) => {
    for await (const _chunk of request) throw new Error("bad input");
  },
  "breaks, answers and throws": async (request, response) => {
    for await (const _chunk of request) break;
    response.end("answered");
    throw new Error("late");
  },
  "pipes what cannot be unpacked": async (request) => {
    await pipeline(request, createGunzip(), async (source) => {
      for await (const _chunk of source);
    });
  },
};

describe.each(Object.entries(leaving))("a listener that %s", (_, listener) => {
  test.each([
    ["whole", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"],
    ["in part", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\nabcdefghijkl"],
  ])("with a body that came %s is answered, and nobody else notices", async (_part, bytes) => {
    await using place = await openPlace("h1", fromNode(listener));
    for (const leave of ["end", "reset", "stay"]) {
      await using socket = await connectRaw({ port: place.listener.local.port });
      await socket.write(bytes);
      if (leave === "stay") {
        expect(await socket.readUntil(/HTTP\/1\.1 \d{3}/)).toMatch(/200|500/);
      } else if (leave === "end") socket.halfClose();
      else socket.reset();
    }
    place.listener.abort();
    await withDeadline(place.listener.closed, "the end of the listener");
  });
});

test("a listener that leaves its request and then takes its time is looked at by the sweep", async () => {
  const clock = testClock();
  const answer = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const handler = fromNode(async (request, response) => {
    for await (const _chunk of request) break;
    left.resolve();
    await answer.promise;
    response.end("late");
  });
  await using place = await openPlace("h1", handler, { clock });
  await using socket = await connectRaw({ port: place.listener.local.port });
  await socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  await left.promise;
  clock.advance(5_000);
  answer.resolve();
  await socket.readUntil("late");
  expect(place.errors).toEqual([]);
  place.listener.abort();
});
