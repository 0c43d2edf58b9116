import type { Exchange } from "@king-runtime/core";
import { connectRaw, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { exchangeSource } from "../exchange-harness.ts";
import { hostileListener, post, request, smuggled, statuses } from "./hostile-listener.ts";

const upgrade = ["Host: a", "Connection: Upgrade", "Upgrade: websocket"];

describe("an upgrade request (RFC 9110, 7.8)", () => {
  test("that is declined: what comes behind it is never a request", async () => {
    await using place = await hostileListener({
      handler: (exchange) => exchange.respond(403, {}, "no"),
    });
    await using socket = await connectRaw({ port: place.port });
    await socket.write(request("GET /ws HTTP/1.1", upgrade) + smuggled);
    const text = (await socket.readToEnd()).toString("latin1");
    expect(statuses(text)).toEqual([403]);
    expect(place.served).toEqual(["GET /ws"]);
    await place.neighboursAreServed();
  });

  test("that is accepted: what comes behind it is the stream's, not a request", async () => {
    const received: string[] = [];
    await using place = await hostileListener({
      async handler(exchange) {
        const stream = exchange.upgrade?.accept();
        for await (const chunk of stream ?? []) received.push(Buffer.from(chunk).toString());
      },
    });
    await using socket = await connectRaw({ port: place.port });
    await socket.write(request("GET /ws HTTP/1.1", upgrade) + smuggled);
    socket.halfClose();
    await socket.readUntil("\r\n\r\n");
    await place.neighboursAreServed();
    await expect.poll(() => received.join("")).toBe(smuggled);
    expect(place.served).toEqual(["GET /ws"]);
  });

  test("that brings a body is a plain request, framed by its length", async () => {
    await using place = await hostileListener();
    await using socket = await connectRaw({ port: place.port });
    const fields = [...upgrade, `Content-Length: ${smuggled.length}`];
    await socket.write(request("POST /ws HTTP/1.1", fields, smuggled));
    expect(await socket.readUntil(smuggled)).toMatch(/^HTTP\/1\.1 200 /);
    expect(place.served).toEqual(["POST /ws"]);
  });

  const ignored: [string, string[]][] = [
    [
      "to h2c, which is obsolete (RFC 9113, 3.1)",
      ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"],
    ],
    ["to a protocol that nobody offers", ["Connection: Upgrade", "Upgrade: tea"]],
    ["to several protocols at once", ["Connection: Upgrade", "Upgrade: websocket, tea"]],
  ];
  // Node's parser drops what came in one piece with such a request, whatever it was the beginning of.
  test.each(ignored)("%s is ignored, and the last on its connection", async (_, fields) => {
    await using place = await hostileListener();
    await using socket = await connectRaw({ port: place.port });
    const behind = `POST /behind HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n`;
    await socket.write(request("GET /attack HTTP/1.1", ["Host: a", ...fields]) + behind);
    await socket.write(smuggled).catch(() => undefined);
    const text = (await socket.readToEnd()).toString("latin1");
    expect(statuses(text)).toEqual([200]);
    expect(text).toMatch(/^connection: close\r$/im);
    expect(place.served).toEqual(["GET /attack"]);
    await place.neighboursAreServed();
  });

  test("to none, or that Connection does not name, is a plain request", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    for (const field of ["Upgrade: websocket", "Connection: Upgrade"]) {
      await socket.write(request("GET / HTTP/1.1", ["Host: a", field]) + smuggled);
      for (const path of ["/", "/smuggled"]) {
        const exchange = await source.next();
        expect([exchange.path, exchange.upgrade]).toEqual([path, undefined]);
        exchange.respond(200, {}, "plain.");
        expect(await socket.readUntil("plain.")).toMatch(/^HTTP\/1\.1 200 /);
      }
    }
  });

  test("over HTTP/1.0 is ignored (RFC 9110, 7.8)", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(request("GET / HTTP/1.0", upgrade));
    const exchange = await source.next();
    expect(exchange.upgrade).toBeUndefined();
    exchange.respond(200, {}, "plain.");
    expect(statuses((await socket.readToEnd()).toString())).toEqual([200]);
  });
});

describe("an expectation (RFC 9110, 10.1.1)", () => {
  test("of an unknown kind is answered 417, and its body is not taken for a request", async () => {
    await using place = await hostileListener();
    await using socket = await connectRaw({ port: place.port });
    await socket.write(post(["Expect: tea", `Content-Length: ${smuggled.length}`], smuggled));
    const text = (await socket.readToEnd()).toString("latin1");
    expect(statuses(text)).toEqual([417]);
    expect(place.served).toEqual([]);
    await place.neighboursAreServed();
  });

  test.each(["100-continue, tea", "100-continue;a=b", "100-CONTINUE"])(
    "%j, in which node finds the one that is known, leaves the body a body",
    async (expectation) => {
      await using place = await hostileListener();
      await using socket = await connectRaw({ port: place.port });
      const fields = [`Expect: ${expectation}`, `Content-Length: ${smuggled.length}`];
      await socket.write(post(fields, smuggled));
      expect(statuses(await socket.readUntil(smuggled))).toEqual([100, 200]);
      expect(place.served).toEqual(["POST /attack"]);
    },
  );

  test("whose body nobody asked for ends the connection with the answer", async () => {
    await using place = await hostileListener({
      handler: (exchange) => exchange.respond(200, {}, "unread"),
    });
    await using socket = await connectRaw({ port: place.port });
    const fields = ["Expect: 100-continue", `Content-Length: ${smuggled.length}`];
    await socket.write(post(fields, smuggled) + smuggled);
    expect(statuses((await socket.readToEnd()).toString("latin1"))).toEqual([200]);
    expect(place.served).toEqual(["POST /attack"]);
  });

  test("over HTTP/1.0 is ignored", async () => {
    await using place = await hostileListener();
    await using socket = await connectRaw({ port: place.port });
    const fields = ["Expect: 100-continue", "Content-Length: 5"];
    await socket.write(request("POST / HTTP/1.0", fields, "hello"));
    expect(statuses((await socket.readToEnd()).toString("latin1"))).toEqual([200]);
  });

  test("without a body is served", async () => {
    await using place = await hostileListener();
    await using socket = await connectRaw({ port: place.port });
    await socket.write(request("GET / HTTP/1.1", ["Host: a", "Expect: 100-continue"]));
    expect(statuses(await socket.readUntil("ok"))).toEqual([200]);
  });
});

describe("a body that looks like a request stays a body", () => {
  const length = `Content-Length: ${smuggled.length}`;
  const chunked = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
  test.each([
    ["of a POST that nobody reads", post([length], smuggled)],
    ["of a GET (RFC 9110, 9.3.1)", request("GET /attack HTTP/1.1", ["Host: a", length], smuggled)],
    [
      "of a HEAD (RFC 9110, 9.3.2)",
      request("HEAD /attack HTTP/1.1", ["Host: a", length], smuggled),
    ],
    [
      "of a DELETE (RFC 9110, 9.3.5)",
      request("DELETE /attack HTTP/1.1", ["Host: a", length], smuggled),
    ],
    [
      "of a GET in chunks",
      request("GET /attack HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"], chunked),
    ],
    ["of a POST in chunks", post(["Transfer-Encoding: chunked"], chunked)],
  ])("%s", async (_, bytes) => {
    await using place = await hostileListener({
      handler: (exchange) => exchange.respond(200, {}, "unread"),
    });
    await using socket = await connectRaw({ port: place.port });
    await socket.write(bytes);
    socket.halfClose();
    expect(statuses((await socket.readToEnd()).toString("latin1"))).toEqual([200]);
    expect(place.served).toHaveLength(1);
    await place.neighboursAreServed();
  });
});

describe("what a handler sends cannot split a response (RFC 9112, 11.1)", () => {
  const evil = "a\r\nSet-Cookie: stolen=1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
  const injections: [string, (exchange: Exchange) => unknown][] = [
    ["by a value", (each) => each.respond(200, { "x-a": evil }, "x")],
    ["by one of several values", (each) => each.respond(200, { "x-a": ["b", evil] }, "x")],
    ["by a name", (each) => each.respond(200, { [`x-a: ${evil}`]: "b" }, "x")],
    ["by a bare CR", (each) => each.respond(200, { "x-a": "a\rb" }, "x")],
    ["by a bare LF", (each) => each.respond(200, { "x-a": "a\nb" }, "x")],
    ["by a NUL", (each) => each.respond(200, { "x-a": "a\0b" }, "x")],
    [
      "by what becomes CR and LF in Latin-1",
      (each) => each.respond(200, { "x-a": "a\u010d\u010ab" }, "x"),
    ],
    ["by location", (each) => each.respond(302, { location: `/${evil}` }, "x")],
    ["by a trailer's value", (each) => each.setTrailers({ "x-a": evil })],
    ["by a trailer's name", (each) => each.setTrailers({ [`x ${evil}`]: "b" })],
    ["by an interim response's link", (each) => each.inform(103, { link: `</a>; rel=x${evil}` })],
    [
      "by another field of an interim response",
      (each) => each.inform(103, { link: "</a>; rel=preload", "x-a": evil }),
    ],
    [
      "by a name in an interim response",
      (each) => each.inform(103, { link: "</a>; rel=preload", [`x ${evil}`]: "b" }),
    ],
    ["by an empty name", (each) => each.respond(200, { "": "b" }, "x")],
    [
      "by a framing of its own",
      (each) => each.respond(200, { "Transfer-Encoding": "chunked" }, "x"),
    ],
    ["by a second length", (each) => each.respond(200, { "content-length": ["1", "2"] }, "x")],
  ];
  test.each(injections)("%s", async (_, inject) => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(request("GET / HTTP/1.1", ["Host: a", "Connection: close"]));
    const exchange = await source.next();
    expect(() => inject(exchange)).toThrow(
      expect.objectContaining({ code: "KING_HTTP_HEADER_INVALID" }),
    );
    exchange.respond(200, {}, "fine");
    const text = (await socket.readToEnd()).toString("latin1");
    expect(statuses(text)).toEqual([200]);
    expect(text).not.toMatch(/stolen|x-a/i);
  });

  test("by the fields of an accepted upgrade", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(request("GET / HTTP/1.1", upgrade));
    const exchange = await source.next();
    for (const fields of [{ "x-a": evil }, { [`x${evil}`]: "b" }, { "x-a": ["b", evil] }]) {
      expect(() => exchange.upgrade?.accept(fields)).toThrow(
        expect.objectContaining({ code: "KING_HTTP_HEADER_INVALID" }),
      );
    }
    exchange.upgrade?.accept();
    expect(await socket.readUntil("\r\n\r\n")).not.toMatch(/stolen|x-a/i);
  });

  test("by a body where none may be (RFC 9110, 6.4.1)", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    const hidden = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (const [line, status] of [
      ["HEAD / HTTP/1.1", 200],
      ["GET / HTTP/1.1", 204],
      ["GET / HTTP/1.1", 304],
    ] as const) {
      await socket.write(request(line));
      const exchange = await source.next();
      exchange.respond(status);
      await exchange.write(Buffer.from(hidden));
      await exchange.end();
    }
    await socket.write(request("GET / HTTP/1.1", ["Host: a", "Connection: close"]));
    (await source.next()).respond(200, {}, "last");
    const text = (await withDeadline(socket.readToEnd(), "the end")).toString("latin1");
    expect(statuses(text)).toEqual([200, 204, 304, 200]);
  });
});

test("a client that was refused, and does not leave, is not waited for (RFC 9112, 9.6)", async () => {
  await using place = await hostileListener();
  await using socket = await connectRaw({ port: place.port });
  await socket.write("nonsense\r\n\r\n");
  expect(statuses((await socket.readToEnd()).toString("latin1"))).toEqual([400]);
  // The neighbour's is left.
  const sessions = () => place.listener.stats().sessionsActive;
  await expect.poll(sessions, { timeout: 9_000 }).toBe(1);
});
