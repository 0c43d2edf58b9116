import { constants } from "node:http2";
import type { Stream } from "@king-runtime/core";
import { withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { listenHttp, nodeDuplex } from "../src/index.ts";
import { connectHttp2, exchangeSource, extendedConnect } from "./exchange-harness.ts";
import {
  data,
  errorCode,
  type Fields,
  flag,
  frame,
  frameType,
  headers,
  resetStream,
} from "./hostile/http2-frames.ts";
import { openHttp2 } from "./hostile/http2-peer.ts";

const connect = (...more: Fields): Fields => [
  [":method", "CONNECT"],
  [":protocol", "websocket"],
  [":scheme", "http"],
  [":path", "/chat"],
  [":authority", "a"],
  ...more,
];
const without = (name: string): Fields => connect().filter(([each]) => each !== name);

async function textOf(stream: Stream): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += Buffer.from(chunk).toString();
  return text;
}

describe("an extended CONNECT (RFC 8441)", () => {
  test("is announced, and reaches the handler as an upgrade of its protocol", async () => {
    await using source = await exchangeSource();
    const session = connectHttp2(source.listener);
    const client = await extendedConnect(session);
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
    const exchange = await source.next();
    const { method, scheme, path, query, authority } = exchange;
    expect({ method, scheme, path, query, authority }).toEqual({
      method: "CONNECT",
      scheme: "http",
      path: "/chat",
      query: "room=1",
      authority: "server.example",
    });
    expect(exchange.upgrade?.protocol).toBe("websocket");
    const response = new Promise((resolve) => client.once("response", resolve));
    exchange.upgrade?.accept({ "sec-websocket-protocol": "chat" });
    expect(await response).toMatchObject({ ":status": 200, "sec-websocket-protocol": "chat" });
    session.destroy();
  });

  test("that is accepted has ended as an exchange; the stream lives on", async () => {
    await using source = await exchangeSource();
    const session = connectHttp2(source.listener);
    const client = await extendedConnect(session);
    const exchange = await source.next();
    const stream = exchange.upgrade?.accept();
    expect(await withDeadline(exchange.closed, "the exchange's end")).toMatchObject({
      clean: true,
    });
    expect(source.listener.stats().streamsActive).toBe(0);
    expect(stream?.state).toBe("open");
    for (const again of [() => exchange.upgrade?.accept(), () => exchange.respond(200)]) {
      expect(again).toThrow(expect.objectContaining({ code: "KING_HTTP_RESPONDED" }));
    }
    client.write("ping");
    const { value: chunk } = await (stream as Stream)[Symbol.asyncIterator]().next();
    expect(Buffer.from(chunk as Uint8Array).toString()).toBe("ping");
    session.destroy();
  });

  test("that is accepted sends no trailers, and refuses a length", async () => {
    await using source = await exchangeSource();
    await using peer = await openHttp2({ port: source.listener.local.port });
    await peer.send(headers(1, connect(), flag.endHeaders));
    const exchange = await source.next();
    exchange.setTrailers({ sum: "1" });
    expect(() => exchange.upgrade?.accept({ "Content-Length": "3" })).toThrow(
      expect.objectContaining({ code: "KING_HTTP_HEADER_INVALID" }),
    );
    const stream = exchange.upgrade?.accept();
    await stream?.end(Buffer.from("bye"));
    expect(await peer.status(1)).toBe(200);
    const first = await peer.next(frameType.data, 1);
    expect(first.payload.toString()).toBe("bye");
    const last = first.flags & flag.endStream ? first : await peer.next(frameType.data, 1);
    expect(last.flags).toBe(flag.endStream);
  });

  test("is answered otherwise like any request", async () => {
    await using listener = await listenHttp({
      handler: (exchange) => exchange.respond(403, {}, "no"),
    });
    await using peer = await openHttp2({ port: listener.local.port });
    await peer.send(headers(1, connect(), flag.endHeaders));
    expect(await peer.status(1)).toBe(403);
  });

  test("for a protocol that is not offered is answered 501 (RFC 9220, section 3)", async () => {
    await using source = await exchangeSource({ upgradeProtocols: ["WebSocket"] });
    await using peer = await openHttp2({ port: source.listener.local.port });
    const other = connect().map(([name, value]): [string, string] =>
      name === ":protocol" ? [name, "connect-udp"] : [name, value],
    );
    expect(await peer.get(1, other)).toBe(501);
    await peer.send(headers(3, connect(), flag.endHeaders));
    expect((await source.next()).upgrade?.protocol).toBe("websocket");
  });

  test("without :protocol is a tunnel, and answered 501", async () => {
    await using source = await exchangeSource();
    await using peer = await openHttp2({ port: source.listener.local.port });
    const tunnel: Fields = [
      [":method", "CONNECT"],
      [":authority", "a:1"],
    ];
    expect(await peer.get(1, tunnel)).toBe(501);
  });

  test.each([
    ["without :scheme", without(":scheme")],
    ["without :path", without(":path")],
    ["with :scheme and :path, without :protocol", without(":protocol")],
    [
      "with an empty :path",
      connect().map(([n, v]): [string, string] => [n, n === ":path" ? "" : v]),
    ],
    [
      "with :protocol on a GET",
      connect().map(([n, v]): [string, string] => [n, n === ":method" ? "GET" : v]),
    ],
  ])("%s is malformed (RFC 8441, section 4)", async (_, fields) => {
    await using source = await exchangeSource();
    await using peer = await openHttp2({ port: source.listener.local.port });
    await peer.send(headers(1, fields, flag.endHeaders));
    const reset = await peer.next(frameType.resetStream, 1);
    expect(reset.payload.readUInt32BE()).toBe(errorCode.protocolError);
    expect(source.listener.stats().streamsActive).toBe(0);
  });
});

describe("the stream of an accepted extended CONNECT", () => {
  async function accepted(options: Parameters<typeof exchangeSource>[0] = {}) {
    const source = await exchangeSource(options);
    const session = connectHttp2(source.listener);
    const client = await extendedConnect(session);
    const stream = (await source.next()).upgrade?.accept();
    if (stream === undefined) throw new Error("expected an upgrade");
    return {
      source,
      session,
      client,
      stream,
      async [Symbol.asyncDispose]() {
        session.destroy();
        await source[Symbol.asyncDispose]();
      },
    };
  }

  test("carries the code of a reset both ways, and leaves its neighbours alone", async () => {
    await using place = await accepted();
    const closed = new Promise<void>((resolve) => place.client.once("close", () => resolve()));
    place.stream.reset(constants.NGHTTP2_CONNECT_ERROR);
    await withDeadline(closed, "the reset");
    expect(place.client.rstCode).toBe(constants.NGHTTP2_CONNECT_ERROR);
    expect(await place.stream.closed).toMatchObject({ by: "local", clean: false, code: 10 });
    const second = await extendedConnect(place.session);
    const stream = (await place.source.next()).upgrade?.accept();
    second.close(constants.NGHTTP2_CANCEL);
    expect(await stream?.closed).toMatchObject({ by: "peer", clean: false, code: 8 });
  });

  test("refuses more unsent bytes than maxWriteBufferBytes", async () => {
    await using place = await accepted({ maxWriteBufferBytes: 65_536 });
    place.client.pause();
    const write = () => {
      for (let i = 0; i < 100; i++) void place.stream.write(new Uint8Array(16_384));
    };
    expect(write).toThrow(expect.objectContaining({ code: "KING_STREAM_BUFFER_FULL" }));
  });

  test("is a Node duplex for who wants one", async () => {
    await using place = await accepted();
    const duplex = nodeDuplex(place.stream);
    duplex.pipe(duplex);
    let text = "";
    place.client.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
    place.client.end("echo");
    await withDeadline(new Promise((resolve) => place.client.once("end", resolve)), "the echo");
    expect(text).toBe("echo");
  });

  test("outlives listener.close(), which tells the client and does not wait for it", async () => {
    await using place = await accepted({ keepAliveTimeoutMs: 20 });
    const goaway = new Promise<void>((resolve) => place.session.once("goaway", () => resolve()));
    await withDeadline(place.source.listener.close(), "close()");
    await withDeadline(goaway, "GOAWAY");
    expect((await place.source.listener.closed).clean).toBe(true);
    expect(place.stream.state).toBe("open");
    place.client.end("still here");
    expect(await textOf(place.stream)).toBe("still here");
    const over = new Promise<void>((resolve) => place.session.once("close", () => resolve()));
    await place.stream.end();
    await withDeadline(over, "the end of the connection, which has nothing more to carry");
  });

  test("is cut by listener.abort(), also after the listener has closed", async () => {
    await using place = await accepted();
    await withDeadline(place.source.listener.close(), "close()");
    const reason = new Error("enough");
    place.source.listener.abort(reason);
    expect(await place.stream.closed).toMatchObject({ by: "local", clean: false, error: reason });
    await withDeadline(
      new Promise<void>((resolve) => {
        if (place.session.closed) resolve();
        else place.session.once("close", () => resolve());
      }),
      "the end of the connection",
    );
  });

  test("keeps its connection alive beyond keepAliveTimeoutMs", async () => {
    await using place = await accepted({ keepAliveTimeoutMs: 20 });
    const idle = connectHttp2(place.source.listener);
    // One that has nothing to carry shows that the time is over.
    await withDeadline(new Promise((resolve) => idle.once("close", resolve)), "the idle one's end");
    expect(place.session.closed).toBe(false);
    expect(place.stream.state).toBe("open");
  });

  test("does not hold the connection's other requests", async () => {
    await using place = await accepted();
    const get = place.session.request({ ":path": "/other" });
    const exchange = await place.source.next();
    const closing = place.source.listener.close();
    exchange.respond(200, {}, "served");
    let text = "";
    for await (const chunk of get) text += chunk;
    expect(text).toBe("served");
    await withDeadline(closing, "close()");
    expect(place.stream.state).toBe("open");
  });
});

test.each([
  ["with an error", errorCode.cancel],
  ["without one", errorCode.noError],
])("an accepted stream that the client resets %s has not ended", async (_, code) => {
  await using source = await exchangeSource();
  await using peer = await openHttp2({ port: source.listener.local.port });
  await peer.send(headers(1, connect(), flag.endHeaders));
  const stream = (await source.next()).upgrade?.accept() as Stream;
  const reading = textOf(stream);
  await peer.send(data(1, "half"), resetStream(1, code));
  await expect(reading).rejects.toMatchObject({ code: "KING_STREAM_RESET" });
  expect(await stream.closed).toMatchObject({ by: "peer", clean: false });
});

test("an accepted stream that has ended, and that nobody reads yet, still takes what comes", async () => {
  await using source = await exchangeSource();
  await using peer = await openHttp2({ port: source.listener.local.port });
  await peer.send(headers(1, connect(), flag.endHeaders));
  const stream = (await source.next()).upgrade?.accept() as Stream;
  await stream.end();
  for (let i = 0; i < 3; i++) {
    await peer.send(frame(frameType.ping, 0, 0, Buffer.alloc(8)));
    await peer.next(frameType.ping);
  }
  await peer.send(data(1, "late", flag.endStream));
  expect(await textOf(stream)).toBe("late");
  expect(await stream.closed).toMatchObject({ clean: true });
});

test("an accepted stream does not end well with its connection", async () => {
  await using source = await exchangeSource();
  await using peer = await openHttp2({ port: source.listener.local.port });
  await peer.send(headers(1, connect(), flag.endHeaders));
  const stream = (await source.next()).upgrade?.accept() as Stream;
  const reading = textOf(stream);
  peer.socket.halfClose();
  await expect(reading).rejects.toMatchObject({ code: "KING_STREAM_RESET" });
  expect(await stream.closed).toMatchObject({ clean: false });
});

test("DATA that comes before an extended CONNECT is accepted is the stream's", async () => {
  await using source = await exchangeSource();
  await using peer = await openHttp2({ port: source.listener.local.port });
  await peer.send(headers(1, connect(), flag.endHeaders), data(1, "early"));
  const stream = (await source.next()).upgrade?.accept();
  await peer.send(data(1, " and late", flag.endStream));
  expect(await textOf(stream as Stream)).toBe("early and late");
});
