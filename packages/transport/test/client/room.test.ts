import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import {
  createHttpClient,
  type HttpClientSession,
  type HttpClientStream,
  openHttpSession,
} from "../../src/index.ts";

/** A server over HTTP/2 whose SETTINGS the test changes, and that holds requests for `/held`. */
async function adjustable(maxConcurrentStreams: number) {
  const sessions: ServerHttp2Session[] = [];
  const held: ServerHttp2Stream[] = [];
  const server = createServer({ settings: { maxConcurrentStreams } });
  server.on("session", (session) => sessions.push(session));
  server.on("stream", (stream, { ":path": path }) => {
    stream.on("error", () => undefined);
    stream.respond({ ":status": 200 });
    if (path === "/held") held.push(stream);
    else stream.end("ok");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    held,
    sessions,
    /** Is there when the client has acknowledged it. */
    allow: (count: number) =>
      new Promise<void>((resolve) => {
        sessions[0]?.settings({ maxConcurrentStreams: count }, () => resolve());
      }),
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const textOf = async (stream: HttpClientStream) => await (await stream.response).text();

const waiting = async (session: HttpClientSession) =>
  await textOf(await session.request({ atLimit: "wait" }));

test("a server that takes requests again on a connection without any is asked by those who wait", async () => {
  await using server = await adjustable(10);
  await using session = await openHttpSession(server.origin, { protocols: ["h2"] });
  expect(await textOf(await session.request())).toBe("ok");
  await server.allow(0);
  await expect(session.request()).rejects.toMatchObject({ code: "KING_STREAM_LIMIT" });
  const texts = [1, 2, 3].map(() => waiting(session));
  await server.allow(10);
  expect(await Promise.all(texts)).toEqual(["ok", "ok", "ok"]);
});

test("a pool that may open no further connection goes on when the server takes requests again", async () => {
  await using server = await adjustable(10);
  await using client = createHttpClient({ protocols: ["h2"], maxSessionsPerOrigin: 1 });
  const text = async () => await (await client.request(server.origin)).text();
  expect(await text()).toBe("ok");
  await server.allow(0);
  const texts = [1, 2, 3].map(text);
  await server.allow(10);
  expect(await Promise.all(texts)).toEqual(["ok", "ok", "ok"]);
  expect(server.sessions).toHaveLength(1);
});

test("all that there is room for go on when a server takes more requests than before", async () => {
  await using server = await adjustable(1);
  await using session = await openHttpSession(server.origin, { protocols: ["h2"] });
  const first = await session.request({ path: "/held" });
  await first.response;
  // Three are held, so that their ends make no room for the others.
  const held = [1, 2, 3].map(async () =>
    textOf(await session.request({ path: "/held", atLimit: "wait" })),
  );
  const others = [1, 2].map(() => waiting(session));
  await server.allow(10);
  expect(await Promise.all(others)).toEqual(["ok", "ok"]);
  await expect.poll(() => server.held.length).toBe(4);
  for (const stream of server.held) stream.end("late");
  expect([await textOf(first), ...(await Promise.all(held))]).toEqual(Array(4).fill("late"));
});

test("who is given up just as there is room sends nothing, and leaves it to the next", async () => {
  await using server = await adjustable(1);
  await using session = await openHttpSession(server.origin, { protocols: ["h2"] });
  const first = await session.request({ path: "/held" });
  await first.response;
  const giveUp = new AbortController();
  const { signal } = giveUp;
  const given = session.request({ path: "/held", atLimit: "wait", signal });
  const next = waiting(session);
  void first.closed.then(() => giveUp.abort(new Error("enough")));
  server.held[0]?.end();
  expect(await textOf(first)).toBe("");
  await expect(given).rejects.toThrow("enough");
  expect(await next).toBe("ok");
  expect(server.held).toHaveLength(1);
});
