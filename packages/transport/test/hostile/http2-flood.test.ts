import { withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { connectHttp2, exchangeSource } from "../exchange-harness.ts";
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
  requestFields,
  resetStream,
  setting,
  settings,
  settingsAck,
  windowUpdate,
} from "./http2-frames.ts";
import { type Http2Peer, openHttp2 } from "./http2-peer.ts";

/** So that the listener looks at its connections often. */
const watchful = { writeIdleTimeoutMs: 200 };
const manyStreams = { maxStreamsPerSession: 100 };
const post = (streamId: number, path = "/attack", more: Fields = []): Buffer =>
  headers(streamId, [...requestFields(path, "POST"), ...more], flag.endHeaders);

/**
 * Sends what `next` makes for streams 3, 5, 7 and so on, in batches, each as soon as the server has dealt
 * with the one before: a client that is patient enough for limits per moment not to see it.
 *
 * @returns how many it sent before the connection ended.
 */
async function flood(
  peer: Http2Peer,
  next: (streamId: number) => Uint8Array,
  most = 200_000,
  batch = 40,
): Promise<number> {
  let over = false;
  void peer.socket.ended.then(() => {
    over = true;
  });
  let sent = 0;
  let streamId = 1;
  while (!over && sent < most) {
    const frames: Uint8Array[] = [];
    for (let i = 0; i < batch; i++) {
      streamId += 2;
      frames.push(next(streamId));
    }
    sent += batch;
    const mark = `mark${String(sent).padStart(8, "0")}`.slice(-8);
    frames.push(frame(frameType.ping, 0, 0, Buffer.from(mark)));
    try {
      await peer.send(...frames);
      await Promise.race([peer.socket.readUntil(mark), peer.socket.ended]);
    } catch {
      over = true;
    }
  }
  await withDeadline(peer.socket.ended, "the end of a flood");
  return sent;
}

describe("streams that come to nothing (RFC 9113, 10.5)", () => {
  test("requests that are reset at once (CVE-2023-44487) reach the handler a bounded number of times", async () => {
    let aborted = 0;
    await using place = await hostileListener({
      ...manyStreams,
      handler(exchange) {
        exchange.signal.addEventListener("abort", () => aborted++);
      },
    });
    await using peer = await openHttp2({ port: place.port });
    const closed = calmed(place);
    await flood(peer, (id) => Buffer.concat([headers(id, requestFields()), resetStream(id, 8)]));
    expect(await peer.goAway()).toBe(errorCode.enhanceYourCalm);
    expect(await closed).toMatchObject({ by: "local", clean: false });
    expect(place.served.length).toBeLessThan(700);
    expect(aborted).toBe(place.served.length);
    expect(place.listener.stats().streamsActive).toBe(0);
    await place.neighboursAreServed();
  });

  test("requests that the client makes the server reset (CVE-2025-8671) reach it no more often", async () => {
    await using place = await hostileListener({ ...manyStreams, handler: () => undefined });
    await using peer = await openHttp2({ port: place.port });
    // Trailers that do not end the stream are malformed (RFC 9113, section 8.1).
    await flood(peer, (id) =>
      Buffer.concat([post(id), headers(id, [["a", "b"]], flag.endHeaders)]),
    );
    expect(place.served.length).toBeLessThan(700);
    expect(place.listener.stats().streamsActive).toBe(0);
    await place.neighboursAreServed();
  });

  test.each([
    ["WINDOW_UPDATE by 0", (id: number) => Buffer.concat([post(id), windowUpdate(id, 0)])],
    [
      "a window beyond bounds",
      (id: number) => Buffer.concat([post(id), windowUpdate(id, 2 ** 31 - 1)]),
    ],
    [
      "DATA behind the end",
      (id: number) => Buffer.concat([headers(id, requestFields()), data(id, "x")]),
    ],
    [
      "PRIORITY of a wrong size",
      (id: number) => Buffer.concat([post(id), frame(2, 0, id, Buffer.alloc(4))]),
    ],
    [
      "more DATA than announced",
      (id: number) =>
        Buffer.concat([post(id, "/attack", [["content-length", "1"]]), data(id, "hello")]),
    ],
  ])("streams broken by %s end the connection soon", async (_, next) => {
    await using place = await hostileListener({ ...manyStreams, handler: () => undefined });
    await using peer = await openHttp2({ port: place.port });
    await flood(peer, next);
    expect(place.served.length).toBeLessThan(700);
    await place.neighboursAreServed();
  });

  test.each([
    ["a field of connections", [["connection", "close"]] as Fields],
    ["a length and no body", [["content-length", "5"]] as Fields],
  ])("malformed requests (%s) never reach the handler, and are not endless", async (_, more) => {
    await using place = await hostileListener(manyStreams);
    await using peer = await openHttp2({ port: place.port });
    const sent = await flood(peer, (id) => headers(id, [...requestFields(), ...more]));
    expect(sent).toBeLessThan(2_000);
    expect(place.served).toEqual([]);
    await place.neighboursAreServed();
  });

  test("cancelled requests, some at a time, are nothing unusual", async () => {
    await using place = await hostileListener({
      ...manyStreams,
      handler: (exchange) => {
        if (exchange.path === "/") exchange.respond(200, {}, "ok");
      },
    });
    await using peer = await openHttp2({ port: place.port });
    for (let id = 1; id < 1_000; id += 100) {
      // As many as may be open at once: node counts one that was reset until it has been cleared away.
      for (let i = 2; i <= 20; i += 2) await peer.send(post(id + i), resetStream(id + i, 8));
      expect(await peer.get(id + 40)).toBe(200);
    }
  });
});

/** How the session of the attacker ends, who is the second to connect. */
function calmed(place: Awaited<ReturnType<typeof hostileListener>>): Promise<unknown> {
  const [session] = [...place.listener.sessions()].filter(({ protocol }) => protocol === "h2");
  return session?.closed ?? Promise.reject(new Error("no HTTP/2 session"));
}

describe("frames without end are answered ENHANCE_YOUR_CALM (RFC 9113, 10.5)", () => {
  const floods: [string, (id: number) => Uint8Array][] = [
    ["PING", () => frame(frameType.ping, 0, 0, Buffer.alloc(8))],
    ["SETTINGS", () => settings({ [setting.initialWindowSize]: 65_535 })],
    ["WINDOW_UPDATE", () => windowUpdate(0, 1)],
    ["WINDOW_UPDATE of one stream", () => windowUpdate(1, 1)],
    ["DATA of one byte", () => data(1, "x")],
  ];
  test.each(floods)("%s", async (_, next) => {
    await using place = await hostileListener({
      ...watchful,
      maxBodyBytes: Number.POSITIVE_INFINITY,
      async handler(exchange) {
        for await (const chunk of exchange) void chunk;
      },
    });
    await using peer = await openHttp2({ port: place.port });
    await peer.send(post(1));
    const closed = calmed(place);
    const sent = await flood(peer, next, 1_000_000, 500);
    expect(sent).toBeLessThan(1_000_000);
    expect(await peer.goAway()).toBe(errorCode.enhanceYourCalm);
    expect(await closed).toMatchObject({
      by: "local",
      clean: false,
      error: { code: "KING_HTTP_PROTOCOL" },
    });
    expect(place.listener.stats().streamsActive).toBe(0);
    await place.neighboursAreServed();
  });

  const bounded: [string, (id: number) => Uint8Array][] = [
    ["PRIORITY", () => frame(2, 0, 1, Buffer.from([0, 0, 0, 3, 0]))],
    ["frames of an unknown type", () => frame(0x77, 0, 0, Buffer.alloc(4))],
    ["acknowledged PING that nobody sent", () => frame(6, 1, 0, Buffer.alloc(8))],
    ["acknowledged SETTINGS that nobody sent", () => settingsAck()],
    ["RST_STREAM of a closed stream", () => resetStream(1, 8)],
    ["empty DATA", () => data(1, "")],
    ["DATA that is padding alone", () => frame(0, flag.padded, 1, Buffer.from([0]))],
  ];
  test.each(bounded)("%s: already by nghttp2", async (_, next) => {
    await using place = await hostileListener({ handler: () => undefined });
    await using peer = await openHttp2({ port: place.port });
    await peer.send(post(1));
    expect(await flood(peer, next)).toBeLessThan(20_000);
    await place.neighboursAreServed();
  });
});

describe("header blocks without end", () => {
  test("CONTINUATION (CVE-2024-27316) is bounded in frames and in bytes", async () => {
    for (const piece of [new Uint8Array(), headerBlock([["a", "b".repeat(100)]])]) {
      await using place = await hostileListener();
      await using peer = await openHttp2({ port: place.port });
      await peer.send(headers(1, requestFields(), 0));
      let sent = 0;
      const sending = (async () => {
        for (;;) {
          await peer.send(...Array(100).fill(frame(frameType.continuation, 0, 1, piece)));
          sent += 100;
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      await expect(withDeadline(sending, "the end")).rejects.toThrow();
      expect(sent).toBeLessThan(100_000);
      expect(place.served).toEqual([]);
      await place.neighboursAreServed();
    }
  });

  test("an HPACK bomb is refused before it is memory (RFC 7541, 7.3)", async () => {
    await using place = await hostileListener();
    await using peer = await openHttp2({ port: place.port });
    const large = indexedLiteral("x-bomb", "b".repeat(1_500));
    await peer.send(frame(1, 5, 1, Buffer.concat([headerBlock(requestFields()), large])));
    expect(await peer.status(1)).toBe(200);
    // 12,000 times the entry that is now the first of the dynamic table: 18 MB of 12 kB.
    const bomb = Buffer.concat([headerBlock(requestFields("/bomb")), Buffer.alloc(12_000, 0xbe)]);
    const before = process.memoryUsage().rss;
    for (let id = 3; id < 103; id += 2)
      await peer.send(frame(1, 5, id, bomb)).catch(() => undefined);
    await place.neighboursAreServed();
    expect(place.served).toEqual(["GET /"]);
    // 50 bombs would be 900 MB.
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
  });

  test("a dynamic table is resized only as often as there are header blocks", async () => {
    await using place = await hostileListener();
    await using peer = await openHttp2({ port: place.port });
    const resizes = Array(5_000).fill(hpackInteger(5, 0x20, 4_096));
    const block = Buffer.concat([...resizes, headerBlock(requestFields())]);
    await peer.send(frame(1, 5, 1, block)).catch(() => undefined);
    await place.neighboursAreServed();
    // Of one frame of 16 kB there is no more to fear than its bytes.
    expect(place.served.length).toBeLessThan(2);
  });
});

describe("more streams than maxStreamsPerSession (RFC 9113, 5.1.2)", () => {
  test("are refused to a client that does not know better yet", async () => {
    await using place = await hostileListener({ handler: () => undefined });
    await using peer = await openHttp2({ port: place.port, acknowledged: false });
    const ids = Array.from({ length: 15 }, (_, i) => 2 * i + 1);
    await peer.send(...ids.map((id) => headers(id, requestFields())));
    const refused = await peer.next(frameType.resetStream);
    expect(refused.payload.readUInt32BE()).toBe(errorCode.refusedStream);
    await place.neighboursAreServed();
    expect(place.served).toHaveLength(10);
  });

  test("end the connection of one that does", async () => {
    await using place = await hostileListener({ handler: () => undefined });
    await using peer = await openHttp2({ port: place.port });
    const ids = Array.from({ length: 15 }, (_, i) => 2 * i + 1);
    await peer.send(...ids.map((id) => headers(id, requestFields())));
    expect(await peer.goAway()).toBe(errorCode.protocolError);
    expect(place.served.length).toBeLessThanOrEqual(10);
    await place.neighboursAreServed();
    expect(place.listener.stats().streamsActive).toBe(0);
  });
});

test("much legitimate traffic is none of this", async () => {
  await using source = await exchangeSource({
    ...watchful,
    maxBodyBytes: Number.POSITIVE_INFINITY,
  });
  const session = connectHttp2(source.listener);
  let over = false;
  session.once("goaway", () => {
    over = true;
  });
  const total = 20_000_000;
  const client = session.request({ ":method": "POST", ":path": "/" });
  client.on("error", () => undefined);
  const sending = (async () => {
    const piece = Buffer.alloc(100_000);
    for (let sent = 0; sent < total; sent += piece.length) {
      if (!client.write(piece)) await new Promise((resolve) => client.once("drain", resolve));
    }
    client.end();
  })();
  const exchange = await source.next();
  exchange.respond(200);
  let received = 0;
  const reading = (async () => {
    for await (const chunk of client) received += chunk.length;
  })();
  for await (const chunk of exchange) await exchange.write(chunk);
  await exchange.end();
  await withDeadline(Promise.all([sending, reading]), "the echo");
  expect(received).toBe(total);
  // Small messages each way, a frame each.
  const chat = session.request({ ":method": "POST", ":path": "/" });
  const answered = await source.next();
  answered.respond(200);
  let last = 0;
  chat.on("data", (chunk: Buffer) => {
    last += chunk.length;
  });
  const listening = (async () => {
    for await (const chunk of answered) await answered.write(chunk);
    await answered.end();
  })();
  for (let i = 0; i < 5_000; i++) {
    if (!chat.write("tiny")) await new Promise((resolve) => chat.once("drain", resolve));
  }
  chat.end();
  await withDeadline(listening, "the messages");
  await withDeadline(new Promise((resolve) => chat.once("close", resolve)), "their echo");
  expect([last, over]).toEqual([20_000, false]);
  session.destroy();
});
