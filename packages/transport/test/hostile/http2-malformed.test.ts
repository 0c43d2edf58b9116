import type { Exchange } from "@king-runtime/core";
import { connectRaw, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { exchangeSource } from "../exchange-harness.ts";
import { hostileListener } from "./hostile-listener.ts";
import {
  data,
  errorCode,
  type Fields,
  flag,
  frame,
  frameType,
  headerBlock,
  headers,
  hpackInteger,
  indexedLiteral,
  preface,
  requestFields,
  resetStream,
  setting,
  settings,
  settingsAck,
  windowUpdate,
} from "./http2-frames.ts";
import { framesOf, openHttp2 } from "./http2-peer.ts";

const get = requestFields("/attack");
const open = (fields: Fields = requestFields("/attack", "POST")) =>
  headers(1, fields, flag.endHeaders);
const without = (name: string): Fields => get.filter(([each]) => each !== name);
const replaced = (name: string, value: string): Fields =>
  get.map(([each, old]) => [each, each === name ? value : old]);
const rest = without(":method");

describe("a malformed request ends its stream (RFC 9113, 8.1.1), and no other", () => {
  const malformed: [string, Fields][] = [
    ["an upper-case name (8.2)", [...get, ["X-A", "b"]]],
    ["connection (8.2.2)", [...get, ["connection", "close"]]],
    ["keep-alive (8.2.2)", [...get, ["keep-alive", "1"]]],
    ["proxy-connection (8.2.2)", [...get, ["proxy-connection", "close"]]],
    ["transfer-encoding (8.2.2)", [...get, ["transfer-encoding", "chunked"]]],
    ["upgrade (8.2.2)", [...get, ["upgrade", "websocket"]]],
    ["te that is not trailers (8.2.2)", [...get, ["te", "gzip"]]],
    ["no :method (8.3.1)", rest],
    ["no :scheme (8.3.1)", without(":scheme")],
    ["no :path (8.3.1)", without(":path")],
    ["an empty :path (8.3.1)", replaced(":path", "")],
    ["a :path that is none (8.3.1)", replaced(":path", "attack")],
    ["a CR and LF in :path (8.2.1)", replaced(":path", "/ HTTP/1.1\r\nHost: b")],
    ["a space in :path (8.2.1)", replaced(":path", "/a b")],
    ["a CR and LF in :authority (8.2.1)", replaced(":authority", "a\r\nb")],
    ["a line break in :method (8.2.1)", replaced(":method", "GET / HTTP/1.1\r\n")],
    ["two :method (8.3)", [[":method", "GET"], ...get]],
    ["two :path (8.3)", [[":path", "/a"], ...get]],
    ["two :authority (8.3)", [[":authority", "b"], ...get]],
    ["a pseudo-field nobody knows (8.3)", [[":king", "a"], ...get]],
    ["a pseudo-field of responses (8.3)", [[":status", "200"], ...get]],
    ["a pseudo-field behind a field (8.3)", [...rest, ["x-a", "b"], [":method", "GET"]]],
    ["a user in :authority (8.3.1)", replaced(":authority", "user@a")],
    ["a path in :authority (8.3.1)", replaced(":authority", "a/b")],
    ["a user in host (RFC 9110, 7.2)", [...without(":authority"), ["host", "user@a"]]],
    ["a length and no body (8.1.1)", [...get, ["content-length", "5"]]],
    ["two lengths (8.1.1)", [...get, ["content-length", "0"], ["content-length", "0"]]],
    ["a length that is none (8.1.1)", [...get, ["content-length", "0x0"]]],
    ["a negative length (8.1.1)", [...get, ["content-length", "-1"]]],
  ];
  test.each(malformed)("%s", async (_, fields) => {
    await using place = await hostileListener();
    await using peer = await openHttp2({ port: place.port });
    await peer.send(headers(1, fields));
    const reset = await peer.next(frameType.resetStream, 1);
    expect(reset.payload.readUInt32BE()).toBe(errorCode.protocolError);
    expect(await peer.get(3)).toBe(200);
    expect(place.served).toEqual(["GET /"]);
    await place.neighboursAreServed();
    expect(place.errors).toEqual([]);
  });

  // RFC 9113 would have these end the stream; nghttp2 leaves the field out, and nobody gets to see it.
  const leftOut: [string, Fields][] = [
    ["a space in a name (8.2.1)", [...get, ["x a", "b"]]],
    ["a colon in a name (8.2.1)", [...get, ["x:a", "b"]]],
    ["an empty name (8.2.1)", [...get, ["", "b"]]],
    ["a control character in a name (8.2.1)", [...get, ["x\x01", "b"]]],
    ["a name beyond ASCII (8.2.1)", [...get, ["x\xe4", "b"]]],
    ["CR and LF in a value (8.2.1)", [...get, ["x-a", "b\r\nc: d"]]],
    ["a CR in a value (8.2.1)", [...get, ["x-a", "b\rc"]]],
    ["an LF in a value (8.2.1)", [...get, ["x-a", "b\nc"]]],
    ["a NUL in a value (8.2.1)", [...get, ["x-a", "b\0c"]]],
  ];
  test.each(leftOut)("%s is left out", async (_, fields) => {
    const seen: string[][] = [];
    await using place = await hostileListener({
      handler(exchange) {
        for (const field of exchange.headers) seen.push([...field]);
        exchange.respond(200, {}, "ok");
      },
    });
    await using peer = await openHttp2({ port: place.port });
    expect(await peer.get(1, fields)).toBe(200);
    expect(seen).toEqual([]);
    await place.neighboursAreServed();
  });

  const refused: [string, Fields][] = [
    ["a host that differs from :authority (8.3.1)", [...get, ["host", "b"]]],
    ["a fragment in :path (8.3.1)", replaced(":path", "/a#b")],
  ];
  test.each(refused)("%s is answered 400, before any handler", async (_, fields) => {
    await using place = await hostileListener();
    await using peer = await openHttp2({ port: place.port });
    expect(await peer.get(1, fields)).toBe(400);
    expect(await peer.get(3)).toBe(200);
    expect(place.served).toEqual(["GET /"]);
  });

  test("a host that is :authority in another case is the same", async () => {
    await using place = await hostileListener();
    await using peer = await openHttp2({ port: place.port });
    expect(await peer.get(1, [...get, ["host", "A"]])).toBe(200);
  });

  test("a header block over maxHeaderBytes is answered 431 or reset", async () => {
    await using place = await hostileListener();
    await using peer = await openHttp2({ port: place.port });
    await peer.send(headers(1, [...get, ["x-large", "x".repeat(5_000)]]));
    const reset = await peer.next(frameType.resetStream, 1);
    expect(reset.payload.readUInt32BE()).toBe(errorCode.enhanceYourCalm);
    expect(await peer.get(3)).toBe(200);
    expect(place.served).toEqual(["GET /"]);
    await place.neighboursAreServed();
  });
});

describe("a body that is not what was announced (RFC 9113, 8.1.1)", () => {
  async function read(...frames: Uint8Array[]) {
    const bodies: unknown[] = [];
    await using place = await hostileListener({
      async handler(exchange) {
        bodies.push(
          await exchange.bytes().then(
            (bytes) => Buffer.from(bytes).toString(),
            (error) => error.code,
          ),
        );
        if (exchange.state !== "closed") exchange.respond(200, {}, "read");
      },
    });
    await using peer = await openHttp2({ port: place.port });
    await peer.send(...frames);
    await expect.poll(() => bodies).toHaveLength(1);
    await place.neighboursAreServed();
    expect(place.errors).toEqual([]);
    return bodies[0];
  }
  const announced = open([...requestFields("/attack", "POST"), ["content-length", "5"]]);

  test.each([
    ["less than announced", announced, data(1, "half", flag.endStream)],
    ["more than announced", announced, data(1, "too much", flag.endStream)],
    ["broken off with an error", open(), Buffer.concat([data(1, "half"), resetStream(1, 8)])],
    ["broken off without an error", open(), Buffer.concat([data(1, "half"), resetStream(1, 0)])],
    [
      "broken off by a field that is none",
      open(),
      Buffer.concat([data(1, "half"), headers(1, [["X-A", "b"]])]),
    ],
    [
      "broken off by pseudo-fields (8.1)",
      open(),
      Buffer.concat([data(1, "half"), headers(1, [[":path", "/b"]])]),
    ],
    [
      "broken off by trailers that do not end it (8.1)",
      open(),
      Buffer.concat([data(1, "half"), headers(1, [["x-a", "b"]], flag.endHeaders)]),
    ],
  ])("%s is never taken for a whole one", async (_, head, body) => {
    expect(await read(head, body)).toBe("KING_STREAM_RESET");
  });

  test.each([
    ["orderly", "halfClose"],
    ["by a reset", "reset"],
  ] as const)(
    "broken off with the connection, %s, is never taken for a whole one",
    async (_, how) => {
      await using source = await exchangeSource();
      await using peer = await openHttp2({ port: source.listener.local.port });
      await peer.send(open(), data(1, "half"));
      const exchange = await source.next();
      const reading = exchange.bytes();
      peer.socket[how]();
      await expect(reading).rejects.toMatchObject({ code: "KING_STREAM_RESET" });
      expect(await exchange.closed).toMatchObject({ clean: false });
    },
  );

  test("and one that is, is", async () => {
    expect(await read(announced, data(1, "whole", flag.endStream))).toBe("whole");
    expect(await read(open(), data(1, "whole"), data(1, "", flag.endStream))).toBe("whole");
    expect(await read(open(), data(1, "whole"), headers(1, [["x-a", "b"]]))).toBe("whole");
  });
});

describe("what breaks the connection ends it with GOAWAY (RFC 9113, 5.4.1)", () => {
  const longPadding = frame(frameType.data, flag.padded, 1, Buffer.from([5, 1]));
  const broken: [string, number, Uint8Array[]][] = [
    ["DATA on stream 0 (6.1)", errorCode.protocolError, [data(0, "x")]],
    ["HEADERS on stream 0 (6.2)", errorCode.protocolError, [headers(0, get)]],
    [
      "PUSH_PROMISE from a client (8.4)",
      errorCode.protocolError,
      [open(), frame(5, 4, 1, Buffer.alloc(4))],
    ],
    ["a stream of the server's (5.1.1)", errorCode.protocolError, [headers(2, get)]],
    ["DATA on an idle stream (5.1)", errorCode.protocolError, [data(1, "x")]],
    ["RST_STREAM on an idle stream (6.4)", errorCode.protocolError, [resetStream(1, 8)]],
    ["WINDOW_UPDATE on an idle stream (5.1)", errorCode.protocolError, [windowUpdate(1, 1)]],
    ["RST_STREAM on stream 0 (6.4)", errorCode.protocolError, [resetStream(0, 8)]],
    [
      "RST_STREAM of 3 bytes (6.4)",
      errorCode.frameSizeError,
      [open(), frame(3, 0, 1, Buffer.alloc(3))],
    ],
    ["PING of 7 bytes (6.7)", errorCode.frameSizeError, [frame(6, 0, 0, Buffer.alloc(7))]],
    ["PING on a stream (6.7)", errorCode.protocolError, [frame(6, 0, 1, Buffer.alloc(8))]],
    ["SETTINGS of 5 bytes (6.5)", errorCode.frameSizeError, [frame(4, 0, 0, Buffer.alloc(5))]],
    ["SETTINGS on a stream (6.5)", errorCode.protocolError, [frame(4, 0, 1)]],
    [
      "an acknowledgement with values (6.5)",
      errorCode.frameSizeError,
      [frame(4, 1, 0, Buffer.alloc(6))],
    ],
    ["an acknowledgement of nothing (6.5)", errorCode.protocolError, [settingsAck()]],
    ["WINDOW_UPDATE of 3 bytes (6.9)", errorCode.frameSizeError, [frame(8, 0, 0, Buffer.alloc(3))]],
    ["WINDOW_UPDATE by 0 (6.9)", errorCode.protocolError, [windowUpdate(0, 0)]],
    ["a window beyond 2^31-1 (6.9.1)", errorCode.flowControlError, [windowUpdate(0, 0x7fff_ffff)]],
    ["GOAWAY on a stream (6.8)", errorCode.protocolError, [frame(7, 0, 1, Buffer.alloc(8))]],
    ["ENABLE_PUSH 2 (6.5.2)", errorCode.protocolError, [settings({ [setting.enablePush]: 2 })]],
    [
      "INITIAL_WINDOW_SIZE 2^31 (6.5.2)",
      errorCode.flowControlError,
      [settings({ [setting.initialWindowSize]: 2 ** 31 })],
    ],
    [
      "MAX_FRAME_SIZE 16383 (6.5.2)",
      errorCode.protocolError,
      [settings({ [setting.maxFrameSize]: 16_383 })],
    ],
    [
      "MAX_FRAME_SIZE 2^24 (6.5.2)",
      errorCode.protocolError,
      [settings({ [setting.maxFrameSize]: 2 ** 24 })],
    ],
    ["CONTINUATION of nothing (6.10)", errorCode.protocolError, [frame(9, 4, 1)]],
    [
      "another frame within a header block (6.10)",
      errorCode.protocolError,
      [headers(1, get, 0), frame(6, 0, 0, Buffer.alloc(8))],
    ],
    [
      "CONTINUATION of another stream (6.10)",
      errorCode.protocolError,
      [headers(1, get, 0), frame(9, 4, 3)],
    ],
    ["more padding than frame (6.1)", errorCode.protocolError, [open(), longPadding]],
    [
      "a frame over 16384 bytes (4.2)",
      errorCode.frameSizeError,
      [open(), data(1, "x".repeat(16_385))],
    ],
    [
      "a frame that says it has 2^24-1 bytes (4.2)",
      errorCode.frameSizeError,
      [Buffer.from([255, 255, 255, 0, 0, 0, 0, 0, 1])],
    ],
    [
      "HPACK: index 0 (RFC 7541, 6.1)",
      errorCode.compressionError,
      [frame(1, 5, 1, Buffer.from([0x80]))],
    ],
    [
      "HPACK: an index beyond the tables (RFC 7541, 2.3.3)",
      errorCode.compressionError,
      [frame(1, 5, 1, Buffer.from([0xff, 0x00]))],
    ],
    [
      "HPACK: an integer beyond bounds (RFC 7541, 5.1)",
      errorCode.compressionError,
      [frame(1, 5, 1, Buffer.alloc(20, 0xff))],
    ],
    [
      "HPACK: a table beyond its limit (RFC 7541, 6.3)",
      errorCode.compressionError,
      [frame(1, 5, 1, hpackInteger(5, 0x20, 1_000_000))],
    ],
    [
      "HPACK: a table resized behind a field (RFC 7541, 4.2)",
      errorCode.compressionError,
      [frame(1, 5, 1, Buffer.concat([headerBlock(get), Buffer.from([0x20])]))],
    ],
    [
      "HPACK: a string that breaks off (RFC 7541, 5.2)",
      errorCode.compressionError,
      [frame(1, 5, 1, Buffer.from([0, 10, 97]))],
    ],
    [
      "HPACK: Huffman padding that is none (RFC 7541, 5.2)",
      errorCode.compressionError,
      [frame(1, 5, 1, Buffer.from([0, 0x81, 0, 0x81, 0]))],
    ],
  ];
  test.each(broken)("%s", async (_, code, frames) => {
    await using place = await hostileListener();
    await using peer = await openHttp2({ port: place.port });
    const behind = headers(101, requestFields("/smuggled"));
    await peer.send(...frames, behind).catch(() => undefined);
    expect(await peer.goAway()).toBe(code);
    await place.neighboursAreServed();
    expect(place.served).not.toContain("GET /smuggled");
    expect(place.listener.stats().streamsActive).toBe(0);
    expect(place.errors).toEqual([]);
  });

  const breaking: [string, number[], Uint8Array[]][] = [
    ["DATA behind END_STREAM (5.1)", [5], [headers(1, get), data(1, "x")]],
    ["HEADERS behind END_STREAM (5.1)", [5, 1], [headers(1, get), headers(1, get)]],
    ["WINDOW_UPDATE by 0 on a stream (6.9)", [1], [open(), windowUpdate(1, 0)]],
    ["a stream's window beyond 2^31-1 (6.9.1)", [3], [open(), windowUpdate(1, 0x7fff_ffff)]],
    ["PRIORITY of 4 bytes (6.3)", [6], [open(), frame(2, 0, 1, Buffer.alloc(4))]],
  ];
  test.each(breaking)("%s: of the stream, or of the connection", async (_, codes, frames) => {
    await using place = await hostileListener();
    await using peer = await openHttp2({ port: place.port });
    await peer.send(...frames);
    expect(await peer.goAway()).toBeOneOf(codes);
    await place.neighboursAreServed();
  });
});

test("more DATA than the window allows ends the connection (RFC 9113, 6.9.1)", async () => {
  await using place = await hostileListener({ handler: () => undefined });
  await using peer = await openHttp2({ port: place.port });
  await peer.send(open(), ...Array(6).fill(data(1, "x".repeat(16_384)))).catch(() => undefined);
  expect(await peer.goAway()).toBe(errorCode.flowControlError);
  await place.neighboursAreServed();
});

test("a stream whose number does not increase is never served (RFC 9113, 5.1.1)", async () => {
  await using place = await hostileListener();
  await using peer = await openHttp2({ port: place.port });
  expect(await peer.get(5)).toBe(200);
  // nghttp2 takes it for one that was closed long ago, and drops its frames.
  await peer.send(headers(3, requestFields("/smuggled")));
  expect(await peer.get(7)).toBe(200);
  expect(place.served).toEqual(["GET /", "GET /"]);
});

describe("what a server has to put up with", () => {
  const dependency = Buffer.alloc(5);
  dependency.writeUInt32BE(1);
  test.each([
    ["frames of an unknown type (4.1)", [frame(0x77, 0xff, 0, Buffer.alloc(30))]],
    ["SETTINGS that nobody knows (6.5.2)", [settings({ 30583: 1 })]],
    ["PRIORITY on itself, which is obsolete (5.3.2)", [frame(2, 0, 1, dependency)]],
    ["a reserved bit (4.1)", [frame(6, 0, 0x8000_0000, Buffer.alloc(8))]],
    [
      "ORIGIN and ALTSVC from a client (RFC 7838, 4)",
      [frame(0xa, 0, 0, Buffer.alloc(4)), frame(0xc, 0, 0)],
    ],
    [
      "RST_STREAM on a closed stream (5.1)",
      [headers(1, get), resetStream(1, 8), resetStream(1, 8)],
    ],
  ])("%s", async (_, frames) => {
    await using place = await hostileListener();
    await using peer = await openHttp2({ port: place.port });
    await peer.send(...frames);
    expect(await peer.get(5)).toBe(200);
    await place.neighboursAreServed();
  });

  test("a table that grows and shrinks, as far as it may (RFC 7541, 4.2)", async () => {
    await using place = await hostileListener();
    await using peer = await openHttp2({ port: place.port });
    for (let i = 0; i < 20; i++) {
      const sizes = [hpackInteger(5, 0x20, 0), hpackInteger(5, 0x20, 4_096)];
      const block = [...sizes, headerBlock(get), indexedLiteral("x-a", "b".repeat(1_000))];
      await peer.send(frame(1, 5, 2 * i + 1, Buffer.concat(block)));
      expect(await peer.status(2 * i + 1)).toBe(200);
    }
  });

  test("GOAWAY from the client: what is under way is served, then the connection ends (6.8)", async () => {
    await using source = await exchangeSource();
    await using peer = await openHttp2({ port: source.listener.local.port });
    await peer.send(headers(1, get), frame(7, 0, 0, Buffer.alloc(8)));
    const exchange = await source.next();
    exchange.respond(200, {}, "served");
    expect(await peer.status(1)).toBe(200);
    expect((await exchange.closed).clean).toBe(true);
  });
});

describe("what a handler sends cannot be more than it is (RFC 9113, 8.2.1)", () => {
  const evil = "a\r\nset-cookie: stolen=1";
  const injections: [string, (exchange: Exchange) => unknown][] = [
    ["a line break in a value", (each) => each.respond(200, { "x-a": evil }, "x")],
    ["a line break in one of several values", (each) => each.respond(200, { "x-a": ["b", evil] })],
    ["a line break in a name", (each) => each.respond(200, { [`x-a: ${evil}`]: "b" }, "x")],
    ["a NUL in a value", (each) => each.respond(200, { "x-a": "a\0b" }, "x")],
    ["a pseudo-field", (each) => each.respond(200, { ":status": "500" }, "x")],
    ["a pseudo-field of requests", (each) => each.respond(200, { ":path": "/b" }, "x")],
    ["an empty name", (each) => each.respond(200, { "": "b" }, "x")],
    ["a line break in a trailer", (each) => each.setTrailers({ "x-a": evil })],
    ["a pseudo-field among the trailers", (each) => each.setTrailers({ ":status": "500" })],
    ["a line break in an interim response", (each) => each.inform(103, { link: evil })],
    ["a pseudo-field in an interim response", (each) => each.inform(103, { ":status": "200" })],
  ];
  test.each(injections)("%s", async (_, inject) => {
    await using source = await exchangeSource();
    await using peer = await openHttp2({ port: source.listener.local.port });
    await peer.send(headers(1, get));
    const exchange = await source.next();
    expect(() => inject(exchange)).toThrow(
      expect.objectContaining({ code: "KING_HTTP_HEADER_INVALID" }),
    );
    exchange.respond(200, {}, "fine");
    expect(await peer.status(1)).toBe(200);
    expect((await peer.next(frameType.data, 1)).payload.toString()).toBe("fine");
  });
});

describe("a preface that is none (RFC 9113, 3.4)", () => {
  const start = "PRI * HTTP/2.0\r\n\r\n";
  test.each([
    ["its second half is another", `${start}XX\r\n\r\n`],
    ["no SETTINGS follow", preface.toString("latin1") + headers(1, get).toString("latin1")],
    ["an acknowledgement follows", preface.toString("latin1") + settingsAck().toString("latin1")],
    ["requests of HTTP/1.1 follow", `${start}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`],
  ])("%s: the connection ends, and nothing is served", async (_, bytes) => {
    await using place = await hostileListener();
    await using socket = await connectRaw({ port: place.port });
    await socket.write(bytes);
    await withDeadline(socket.ended, "the end of the connection");
    await place.neighboursAreServed();
    expect(place.served).toEqual([]);
    expect(framesOf(socket.received()).every(({ type }) => type !== frameType.headers)).toBe(true);
  });

  test.each([
    ["after its first word", "PRI"],
    ["after its first line", "PRI * HTTP/2.0\r\n"],
    ["before SETTINGS", preface.toString("latin1")],
    ["within SETTINGS", `${preface.toString("latin1")}\x00\x00\x06\x04`],
  ])("that stops %s is ended by headersTimeoutMs", async (_, bytes) => {
    await using place = await hostileListener({ headersTimeoutMs: 100 });
    await using socket = await connectRaw({ port: place.port });
    await socket.write(bytes);
    await place.neighboursAreServed();
    await withDeadline(socket.ended, "the end of the connection");
  });
});
