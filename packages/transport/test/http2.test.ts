import { once } from "node:events";
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import type { Exchange } from "@king-runtime/core";
import { connectRaw, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import type { ListenHttpOptions } from "../src/index.ts";
import { connectHttp2, exchangeSource } from "./exchange-harness.ts";

async function open(options: Partial<ListenHttpOptions> = {}) {
  const source = await exchangeSource(options);
  const session = connectHttp2(source.listener);
  return {
    ...source,
    session,
    request(headers: Record<string, string> = {}, body?: string): ClientHttp2Stream {
      const client = session.request({ ":path": "/", ...headers }, { endStream: false });
      client.on("error", () => undefined);
      if (body !== undefined) client.end(body);
      else if (headers[":method"] === undefined) client.end();
      return client;
    },
    async [Symbol.asyncDispose]() {
      session.destroy();
      await source[Symbol.asyncDispose]();
    },
  };
}

async function answer(client: ClientHttp2Stream) {
  const head = new Promise<IncomingHttpHeaders>((resolve) => client.once("response", resolve));
  let text = "";
  client.setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
  });
  const ended = new Promise<void>((resolve) => client.once("end", resolve));
  const headers = await withDeadline(head, "a response");
  await withDeadline(ended, "the end of a response");
  return { status: Number((headers as Record<string, unknown>)[":status"]), headers, text };
}

describe("an exchange over HTTP/2", () => {
  test("tells method, target, scheme and authority; pseudo-fields are no headers", async () => {
    await using place = await open();
    const client = place.request({ ":path": "/a?b=c", "x-a": "1", cookie: "a=b" });
    const exchange = await place.next();
    const { method, target, path, query, scheme } = exchange;
    expect({ method, target, path, query, scheme }).toEqual({
      method: "GET",
      target: "/a?b=c",
      path: "/a",
      query: "b=c",
      scheme: "http",
    });
    expect(exchange.authority).toBe(`127.0.0.1:${place.listener.local.port}`);
    expect([...exchange.headers]).toEqual([
      ["x-a", "1"],
      ["cookie", "a=b"],
    ]);
    exchange.respond(200, {}, "ok");
    expect(await answer(client)).toMatchObject({ status: 200, text: "ok" });
  });

  test("leaves out fields that speak of a connection (RFC 9113, 8.2.2)", async () => {
    await using place = await open();
    const client = place.request();
    const exchange = await place.next();
    exchange.respond(426, { connection: "Upgrade", upgrade: "websocket", "x-a": "1" }, "");
    const { status, headers } = await answer(client);
    expect([status, headers["connection"], headers["upgrade"], headers["x-a"]]).toEqual([
      426,
      undefined,
      undefined,
      "1",
    ]);
  });

  test("sends informational responses and trailers, and takes trailers", async () => {
    await using place = await open();
    const client = place.session.request(
      { ":method": "POST", ":path": "/" },
      { waitForTrailers: true },
    );
    client.once("wantTrailers", () => client.sendTrailers({ digest: "x" }));
    const interim = new Promise<unknown>((resolve) => client.once("headers", resolve));
    const trailers = new Promise<IncomingHttpHeaders>((resolve) =>
      client.once("trailers", resolve),
    );
    client.end("body");
    const exchange = await place.next();
    exchange.inform(103, { link: "</a>" });
    expect(Buffer.from(await exchange.bytes()).toString()).toBe("body");
    expect((await exchange.trailers).get("digest")).toBe("x");
    exchange.respond(200);
    exchange.setTrailers({ sum: "1" });
    await exchange.end(Buffer.from("b"));
    expect(await answer(client)).toMatchObject({ status: 200, text: "b" });
    expect(await interim).toMatchObject({ ":status": 103, link: "</a>" });
    expect(await trailers).toMatchObject({ sum: "1" });
  });

  test("sends no body to HEAD, nor with 204, whatever the handler writes", async () => {
    await using place = await open();
    const head = place.request({ ":method": "HEAD" }, "");
    const exchange = await place.next();
    exchange.respond(200, { "content-length": "4" });
    await exchange.write(Buffer.from("four"));
    await exchange.end();
    expect(await answer(head)).toMatchObject({ status: 200, text: "" });
    const none = place.request();
    (await place.next()).respond(204);
    expect(await answer(none)).toMatchObject({ status: 204, text: "" });
  });

  test("refuses a field that cannot be sent, and can still answer", async () => {
    await using place = await open();
    const client = place.request();
    const exchange = await place.next();
    expect(() => exchange.respond(200, { "a b": "c" }, "x")).toThrow(
      expect.objectContaining({ code: "KING_HTTP_HEADER_INVALID" }),
    );
    expect(() => exchange.setTrailers({ "a b": "c" })).toThrow(
      expect.objectContaining({ code: "KING_HTTP_HEADER_INVALID" }),
    );
    exchange.respond(200, {}, "fine");
    expect((await answer(client)).text).toBe("fine");
  });

  test.each([
    ["at once", (exchange: Exchange) => exchange.respond(200, {}, "whole")],
    [
      "in pieces",
      async (exchange: Exchange) => {
        exchange.respond(200);
        await exchange.write(Buffer.from("who"));
        await exchange.end(Buffer.from("le"));
      },
    ],
  ])("ends clean when its body was read and its response was written %s", async (_, respond) => {
    await using place = await open();
    for (let i = 0; i < 3; i++) {
      const client = place.request({ ":method": "POST" }, "body");
      const exchange = await place.next();
      await exchange.bytes();
      await respond(exchange);
      expect(await answer(client)).toMatchObject({ status: 200, text: "whole" });
      expect(await exchange.closed).toMatchObject({ by: "local", clean: true, bytesWritten: 5 });
      expect(exchange.signal.aborted).toBe(false);
    }
  });

  test("that the client gives up is told so; others on the connection go on", async () => {
    await using place = await open();
    const given = place.request();
    const lost = await place.next();
    const kept = place.request();
    const other = await place.next();
    const aborted = new Promise<void>((resolve) => {
      lost.signal.addEventListener("abort", () => resolve());
    });
    given.close(constants.NGHTTP2_CANCEL);
    await withDeadline(aborted, "the abort");
    expect(await lost.closed).toMatchObject({ by: "peer", clean: false, code: 8 });
    other.respond(200, {}, "kept");
    expect((await answer(kept)).text).toBe("kept");
  });

  test("resets with the code it is given, and leaves the connection alone", async () => {
    await using place = await open();
    const client = place.request();
    const exchange = await place.next();
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
    exchange.reset(constants.NGHTTP2_REFUSED_STREAM);
    await withDeadline(closed, "the reset");
    expect(client.rstCode).toBe(constants.NGHTTP2_REFUSED_STREAM);
    const next = place.request();
    (await place.next()).respond(200, {}, "on");
    expect((await answer(next)).text).toBe("on");
  });
});

describe("limits of HTTP/2", () => {
  test("a body over the limit is answered 413, announced or not", async () => {
    const errors: unknown[] = [];
    await using place = await open({
      maxBodyBytes: 10,
      async handler(exchange) {
        exchange.respond(200, {}, await exchange.bytes());
      },
      onHandlerError: (error) => errors.push(error),
    });
    const post = { ":method": "POST" };
    const announced = place.request({ ...post, "content-length": "11" });
    expect((await answer(announced)).status).toBe(413);
    announced.close();
    const counted = place.request(post, "0123456789A");
    expect((await answer(counted)).status).toBe(413);
    const exact = place.request(post, "0123456789");
    expect(await answer(exact)).toMatchObject({ status: 200, text: "0123456789" });
    expect(errors).toEqual([]);
  });

  test("a header block over the limit is answered 431; a much larger one ends its stream only", async () => {
    await using place = await open({ maxHeaderBytes: 1_024 });
    // The setting is in force once the client has acknowledged it; until then ours is.
    expect((await answer(place.request({ "x-large": "x".repeat(2_000) }))).status).toBe(431);
    const settled = new Promise((resolve) => place.session.ping(resolve));
    await withDeadline(settled, "a ping");
    const large = place.request({ "x-large": "x".repeat(2_000) });
    const closed = new Promise<void>((resolve) => large.once("close", () => resolve()));
    await withDeadline(closed, "the reset");
    expect(large.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    const next = place.request();
    (await place.next()).respond(200, {}, "on");
    expect((await answer(next)).text).toBe("on");
  });

  test("streams at a time are bounded", async () => {
    await using place = await open({ maxStreamsPerSession: 2 });
    await new Promise((resolve) => place.session.once("remoteSettings", resolve));
    const answered = [1, 2, 3].map(() => answer(place.request()));
    const exchanges = [await place.next(), await place.next()];
    expect(place.listener.stats().streamsActive).toBe(2);
    for (const exchange of exchanges) exchange.respond(200, {}, "x");
    (await place.next()).respond(200, {}, "x");
    const answers = await Promise.all(answered);
    expect(answers.map(({ text }) => text)).toEqual(["x", "x", "x"]);
  });

  test("deadlines hold as on HTTP/1.1", async () => {
    await using place = await open({ bodyIdleTimeoutMs: 50, responseTimeoutMs: 500 });
    const slow = place.request({ ":method": "POST" });
    slow.write("half");
    const reading = (await place.next()).bytes();
    reading.catch(() => undefined);
    expect((await answer(slow)).status).toBe(408);
    await expect(reading).rejects.toMatchObject({ details: { phase: "body" } });
    const silent = place.request();
    await place.next();
    expect((await answer(silent)).status).toBe(503);
  });

  test("an idle connection is wound down after keepAliveTimeoutMs", async () => {
    await using place = await open({ keepAliveTimeoutMs: 50 });
    const client = place.request();
    (await place.next()).respond(200, {}, "x");
    await answer(client);
    const closed = new Promise<void>((resolve) => place.session.once("close", () => resolve()));
    await withDeadline(closed, "the end of the connection");
  });

  test("close() tells the client (GOAWAY), and serves what is under way", async () => {
    await using place = await open();
    const client = place.request();
    const exchange = await place.next();
    const goaway = new Promise<void>((resolve) => place.session.once("goaway", () => resolve()));
    const closing = place.listener.close();
    await withDeadline(goaway, "GOAWAY");
    exchange.respond(200, {}, "served");
    expect((await answer(client)).text).toBe("served");
    await withDeadline(closing, "close()");
    expect((await place.listener.closed).clean).toBe(true);
  });
});

describe("bytes that are not HTTP/2", () => {
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  test.each([
    ["garbage after the preface", `${preface}${"\xff".repeat(64)}`],
    ["a preface that breaks off wrong", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"],
    [
      "a frame larger than allowed",
      `${preface}\x00\x00\x00\x04\x00\x00\x00\x00\x00\xff\xff\xff\x00\x00\x00\x00\x00\x01`,
    ],
  ])("%s ends the connection, and the listener lives on", async (_, bytes) => {
    await using place = await open();
    await using socket = await connectRaw({ port: place.listener.local.port });
    await socket.write(bytes);
    await withDeadline(socket.ended, "the end");
    const client = place.request();
    (await place.next()).respond(200, {}, "on");
    expect((await answer(client)).text).toBe("on");
  });

  test("a preface that comes byte by byte is still a preface", async () => {
    await using place = await open();
    await using socket = await connectRaw({ port: place.listener.local.port });
    for (const byte of `${preface}\x00\x00\x00\x04\x00\x00\x00\x00\x00`) await socket.write(byte);
    const settings = await socket.readBytes(9);
    expect(settings[3]).toBe(4);
  });
});

describe("an exchange over HTTP/2 that its handler gives up", () => {
  test.each([
    ["reset()", (exchange: { reset(): void }) => exchange.reset()],
    ["abort()", (exchange: { abort(reason: Error): void }) => exchange.abort(new Error("enough"))],
  ])("by %s before a response is over, and blames nobody", async (_, give) => {
    const errors: unknown[] = [];
    await using place = await open({
      async handler(exchange) {
        give(exchange);
      },
      onHandlerError: (error) => errors.push(error),
    });
    const client = place.request();
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
    await withDeadline(closed, "the reset");
    expect(errors).toEqual([]);
  });

  test("by abort() and a throw is answered by a reset; the error is told", async () => {
    const failure = new Error("broken");
    const errors: unknown[] = [];
    await using place = await open({
      async handler(exchange) {
        exchange.respond(200);
        throw failure;
      },
      onHandlerError: (error) => errors.push(error),
    });
    const client = place.request();
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
    await withDeadline(closed, "the reset");
    expect(client.rstCode).not.toBe(0);
    expect(errors).toEqual([failure]);
  });
});

test.each([
  ["a line break in a value", { "x-a": "a\r\nb: c" }],
  ["a NUL in a value", { "x-a": "a\0" }],
])("%s is refused over HTTP/2 too", async (_, fields) => {
  await using place = await open();
  const client = place.request();
  const exchange = await place.next();
  for (const refused of [
    () => exchange.respond(200, fields, "x"),
    () => exchange.setTrailers(fields),
  ]) {
    expect(refused).toThrow(expect.objectContaining({ code: "KING_HTTP_HEADER_INVALID" }));
  }
  exchange.respond(200, {}, "fine");
  expect((await answer(client)).text).toBe("fine");
});

test("a client that never ends its connection does not hold a listener beyond its deadline", async () => {
  await using source = await exchangeSource();
  await using socket = await connectRaw({ port: source.listener.local.port });
  await socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00");
  await socket.readBytes(9);
  await withDeadline(source.listener.close({ deadlineMs: 50 }), "close()");
  await withDeadline(socket.ended, "the end of the connection");
});

test("a client that expects 100 is told to go on when its body is wanted (RFC 9110, 10.1.1)", async () => {
  await using source = await exchangeSource();
  const session = connectHttp2(source.listener);
  const client = session.request({ ":method": "POST", ":path": "/", expect: "100-continue" });
  let isAsked = false;
  client.once("continue", () => {
    isAsked = true;
    client.end("body");
  });
  const exchange = await source.next();
  expect(isAsked).toBe(false);
  expect(Buffer.from(await exchange.bytes()).toString()).toBe("body");
  exchange.respond(204);
  const [head] = await once(client, "response");
  expect([head[":status"], isAsked]).toEqual([204, true]);
  session.destroy();
});

test("a client that expects 100 gets the answer at once when nobody wants its body", async () => {
  await using source = await exchangeSource();
  const session = connectHttp2(source.listener);
  const client = session.request({ ":method": "POST", ":path": "/", expect: "100-continue" });
  client.on("continue", () => expect.unreachable());
  (await source.next()).respond(403);
  const [head] = await once(client, "response");
  expect(head[":status"]).toBe(403);
  session.destroy();
});
