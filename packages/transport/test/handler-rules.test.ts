import { connectRaw, recorder, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { type ListenHttpOptions, listenHttp, reply } from "../src/index.ts";
import { connectHttp2, exchangeSource } from "./exchange-harness.ts";

async function open(options: ListenHttpOptions) {
  const listener = await listenHttp(options);
  return {
    listener,
    url: `http://127.0.0.1:${listener.local.port}`,
    async [Symbol.asyncDispose]() {
      listener.abort();
      await listener.closed;
    },
  };
}

describe("what a handler writes to HEAD", () => {
  test.each(["HTTP/1.1", "HTTP/2"])(
    "goes nowhere, and neither starves others nor fails, over %s",
    async (protocol) => {
      await using source = await exchangeSource();
      const session = protocol === "HTTP/2" ? connectHttp2(source.listener) : undefined;
      const head = session?.request({ ":method": "HEAD", ":path": "/" });
      const client = fetch(`http://127.0.0.1:${source.listener.local.port}`, { method: "HEAD" });
      for (let i = session === undefined ? 1 : 0; i < 2; i++) {
        const exchange = await source.next();
        exchange.respond(200);
        let turns = 0;
        setImmediate(() => turns++);
        for (let chunk = 0; chunk < 10; chunk++) await exchange.write(new Uint8Array(1_000));
        await exchange.end();
        expect(turns).toBe(1);
      }
      expect((await client).status).toBe(200);
      head?.destroy();
      session?.destroy();
    },
  );

  test("ends a handler that would write for ever", async () => {
    await using source = await exchangeSource({ maxWriteBufferBytes: 65_536 });
    void fetch(`http://127.0.0.1:${source.listener.local.port}`, { method: "HEAD" });
    const exchange = await source.next();
    exchange.respond(200);
    const endless = async () => {
      for (;;) await exchange.write(new Uint8Array(10_000));
    };
    await expect(withDeadline(endless(), "the end")).rejects.toMatchObject({
      code: "KING_STREAM_CLOSED",
    });
  });
});

test.each([
  ["GET", undefined],
  ["POST", "unread"],
])("trailers of a %s whose body nobody reads are there when it is over", async (method, body) => {
  await using source = await exchangeSource();
  const init = body === undefined ? { method } : { method, body };
  const client = fetch(`http://127.0.0.1:${source.listener.local.port}`, init);
  const exchange = await source.next();
  const early = exchange.trailers;
  exchange.respond(200, {}, "x");
  expect((await withDeadline(early, "the trailers")).size).toBe(0);
  expect((await withDeadline(exchange.trailers, "the trailers, later")).size).toBe(0);
  await (await client).text();
});

test("onHandlerError may be asynchronous, and fail", async () => {
  const failed = recorder<unknown>();
  const { error } = console;
  console.error = (failure) => failed.record(failure);
  try {
    const failure = new Error("cannot tell");
    await using place = await open({
      handler: () => Promise.reject(new Error("handler")),
      onHandlerError: () => Promise.reject(failure) as never,
    });
    expect((await fetch(place.url)).status).toBe(500);
    expect((await failed.take(1))[0]).toBe(failure);
  } finally {
    console.error = error;
  }
});

test("a handler that writes less than it announced is told", async () => {
  const told = recorder<unknown>();
  await using place = await open({
    async handler(exchange) {
      exchange.respond(200, { "content-length": "10" });
      await exchange.end(new Uint8Array(3));
    },
    onHandlerError: (error) => told.record(error),
  });
  await fetch(place.url)
    .then((response) => response.text())
    .catch(() => undefined);
  expect((await told.take(1))[0]).toMatchObject({ code: "KING_HTTP_BODY_LENGTH" });
});

test.each([[null], [5], ["x"]])(
  "a handler may give back %j, which means nothing",
  async (outcome) => {
    await using place = await open({
      handler(exchange) {
        exchange.respond(200, {}, "whole");
        return outcome as never;
      },
    });
    expect(await (await fetch(place.url)).text()).toBe("whole");
  },
);

test("a body that is none is refused before anything is sent", async () => {
  await using source = await exchangeSource();
  const client = fetch(`http://127.0.0.1:${source.listener.local.port}`);
  const exchange = await source.next();
  expect(() => exchange.respond(200, {}, 5 as never)).toThrow(/body: expected/);
  exchange.respond(200, {}, "right");
  expect(await (await client).text()).toBe("right");
  expect(() => reply(5 as never)).toThrow(/body: expected/);
  expect(() => reply("x", { headers: new Headers() as never })).toThrow(/headers: expected/);
});

test("a 408 says that the connection ends (RFC 9110, 15.5.9)", async () => {
  await using source = await exchangeSource({ requestTimeoutMs: 40 });
  const socket = await connectRaw({ port: source.listener.local.port });
  await socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  const answer = (await socket.readToEnd()).toString();
  expect(answer).toMatch(/^HTTP\/1\.1 408 [\s\S]*\r\nconnection: close\r\n/i);
});

test("early hints are sent whatever the case of their fields", async () => {
  await using source = await exchangeSource();
  const socket = await connectRaw({ port: source.listener.local.port });
  await socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const exchange = await source.next();
  exchange.inform(103, { Link: "</a.css>; rel=preload" });
  exchange.respond(204);
  expect(await socket.readUntil("204")).toMatch(/^HTTP\/1\.1 103 [\s\S]*link: <\/a\.css>/i);
});
