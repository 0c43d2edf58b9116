import type { Stream } from "@king-runtime/core";
import { withDeadline } from "@king-runtime/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { http3Codes, sessionCodes } from "../../src/http3/codes.ts";
import { frame, frameHead } from "../../src/http3/frame-writer.ts";
import { varints } from "../../src/http3/varint.ts";
import type {
  WebTransportLimitOptions,
  WebTransportSession,
} from "../../src/webtransport/index.ts";
import { memoryEngine } from "../http3/memory-engine.ts";
import { bytes, headers, RawHttp3Stream, requestHead } from "../http3/raw-http3-peer.ts";
import {
  type RawWebTransportConnection,
  type RawWebTransportPeer,
  rawClose,
  sessionRequest,
} from "./raw-web-transport-peer.ts";
import { type WebTransportServer, webTransportServer } from "./web-transport-harness.ts";

let server: WebTransportServer | undefined;
afterEach(() => server?.[Symbol.asyncDispose]());

async function listen(limits: WebTransportLimitOptions = {}): Promise<WebTransportServer> {
  server = await webTransportServer(memoryEngine(), limits);
  return server;
}

interface Opened {
  readonly place: WebTransportServer;
  readonly client: RawWebTransportConnection;
  readonly peer: RawWebTransportPeer;
  readonly session: WebTransportSession;
}

async function openSession(limits: WebTransportLimitOptions = {}): Promise<Opened> {
  const place = await listen(limits);
  const client = await place.connect();
  return { place, client, ...(await another(place, client)) };
}

async function another(place: WebTransportServer, client: RawWebTransportConnection) {
  const accepting = place.accept();
  const peer = await client.connect();
  const session = await accepting;
  if (session === undefined) throw new Error("expected a session");
  return { peer, session };
}

const ended = async (stream: Stream) => {
  const { by, clean, code } = await withDeadline(stream.closed, "the end of the stream");
  return [by, clean, code];
};

const gone = ["peer", false, sessionCodes.sessionGone];
const rejected = ["peer", false, sessionCodes.bufferedStreamRejected];

/** Others on the connection are served: a request, and the session where there is one. */
async function stillServes({
  place,
  client,
  peer,
  session,
}: Opened | (Omit<Opened, "peer" | "session"> & Partial<Opened>)) {
  const request = new RawHttp3Stream(await client.session.openStream());
  await request.send(requestHead("GET", "/other"));
  await request.stream.end();
  const exchange = await place.next();
  exchange.respond(200, {}, "served");
  expect((await withDeadline(request.message(), "a response")).body).toBe("served");
  if (peer === undefined || session === undefined) return;
  const theirs = await peer.open(bytes("ping"));
  await theirs.end();
  for await (const stream of session.streams()) {
    for await (const chunk of stream) await stream.write(chunk);
    await stream.end();
    break;
  }
  expect(Buffer.from((await theirs.read()) ?? []).toString()).toBe("ping");
}

async function raw(
  client: RawWebTransportConnection,
  direction: "both" | "send",
  first: Uint8Array,
) {
  const stream = await client.session.openStream({ direction });
  await stream.write(first);
  return stream;
}

describe("session ids", () => {
  test.each([
    ["a stream for both ways names a stream of the server's", "both", varints(0x41, 1)],
    ["a stream for one way names one that goes one way", "send", varints(0x54, 2)],
  ] as const)("%s: H3_ID_ERROR", async (_, direction, head) => {
    const { client } = await openSession();
    await raw(client, direction, head);
    expect((await withDeadline(client.session.closed, "the end")).code).toBe(http3Codes.idError);
  });

  test.each([
    ["is empty", bytes()],
    ["is half a number", Buffer.from([0x40])],
    ["has a number that no stream has", Buffer.from([0xd0, 0, 0, 0, 0, 0, 0, 0])],
  ])("a datagram that %s: H3_DATAGRAM_ERROR", async (_, datagram) => {
    const { client } = await openSession();
    client.session.sendDatagram(datagram);
    const { code } = await withDeadline(client.session.closed, "the end");
    expect(code).toBe(http3Codes.datagramError);
  });

  test("streams of what is no session, or one that has ended, are reset with WEBTRANSPORT_SESSION_GONE", async () => {
    const opened = await openSession();
    const { client, place, peer, session } = opened;
    const request = new RawHttp3Stream(await client.session.openStream());
    await request.send(requestHead("GET", "/"));
    const exchange = await place.next();
    exchange.respond(200);
    const { streamId } = request.stream as unknown as { streamId: number };
    expect(await ended(await peer.openRaw(bytes("x"), "both", streamId))).toEqual(gone);
    expect(await ended(await peer.openRaw(bytes("x"), "send", streamId))).toEqual(gone);
    await stillServes(opened);
    await session.close();
    expect(await ended(await peer.openRaw(bytes("x"), "send"))).toEqual(gone);
    await stillServes({ place, client });
  });

  test("the end of a session resets its streams with WEBTRANSPORT_SESSION_GONE", async () => {
    const { client, place, peer, session } = await openSession();
    const streams = [await peer.openRaw(bytes("x")), await peer.openRaw(bytes("x"), "send")];
    const incoming = session.streams()[Symbol.asyncIterator]();
    for (const _ of streams) await incoming.next();
    session.abort();
    for (const stream of streams) expect(await ended(stream)).toEqual(gone);
    expect(await ended(peer.connect.stream)).toEqual(["peer", false, http3Codes.requestCancelled]);
    await stillServes({ place, client });
  });
});

describe("heads of streams", () => {
  test("that are cut short end the stream alone", async () => {
    const opened = await openSession();
    const both = await raw(opened.client, "both", Buffer.from([0x40, 0x41]));
    await both.end();
    expect(await ended(both)).toEqual(["peer", false, http3Codes.requestIncomplete]);
    await (await raw(opened.client, "send", Buffer.from([0x40, 0x54, 0x40]))).end();
    await (await raw(opened.client, "send", Buffer.from([0x40]))).end();
    await stillServes(opened);
  });

  test("are read byte by byte", async () => {
    const { client, session, peer } = await openSession();
    for (const direction of ["both", "send"] as const) {
      const stream = await client.session.openStream({ direction });
      const head = varints(direction === "both" ? 0x41 : 0x54, peer.sessionId);
      for (const byte of bytes(head, "hello")) {
        await stream.write(Buffer.from([byte]));
        await new Promise(setImmediate);
      }
      await stream.end();
      for await (const given of session.streams()) {
        let text = "";
        for await (const chunk of given) text += Buffer.from(chunk).toString();
        expect(text).toBe("hello");
        break;
      }
    }
  });
});

describe("what comes before its session", () => {
  /** Streams and datagrams of a session that is asked for later, on the stream that is already there. */
  async function early(limits: WebTransportLimitOptions) {
    const place = await listen(limits);
    const client = await place.connect();
    const stream = await client.session.openStream();
    const { streamId } = stream as unknown as { streamId: number };
    const open = (first: string, direction: "both" | "send" = "send") =>
      raw(client, direction, bytes(varints(direction === "send" ? 0x54 : 0x41, streamId), first));
    const datagram = (text: string) =>
      client.session.sendDatagram(bytes(varints(streamId / 4), text));
    const ask = async () => {
      await stream.write(sessionRequest());
      return await place.next();
    };
    return { place, client, stream, open, datagram, ask };
  }

  test("is held for it, in its order", async () => {
    const { place, open, datagram, stream } = await early({});
    for (const text of ["one", "two"]) await (await open(text)).end();
    await (await open("three", "both")).end();
    datagram("first");
    datagram("second");
    const accepting = place.accept();
    await stream.write(sessionRequest());
    const session = (await accepting) as WebTransportSession;
    const found: string[] = [];
    for await (const given of session.streams()) {
      for await (const chunk of given) found.push(Buffer.from(chunk).toString());
      if (found.length === 3) break;
    }
    for await (const given of session.datagrams()) {
      found.push(Buffer.from(given).toString());
      if (found.length === 5) break;
    }
    expect(found.slice(0, 3).sort()).toEqual(["one", "three", "two"]);
    expect(found.slice(3)).toEqual(["first", "second"]);
  });

  test("is held up to maxHeldStreams and maxHeldBytes, then reset with BUFFERED_STREAM_REJECTED", async () => {
    const some = await early({ maxHeldStreams: 2 });
    const streams = [await some.open("a"), await some.open("b"), await some.open("c")];
    expect(await ended(streams[2] as Stream)).toEqual(rejected);
    expect(streams[0]?.state).toBe("open");
    await stillServes(some);
    await some.place[Symbol.asyncDispose]();
    const few = await early({ maxHeldBytes: 1_000 });
    await few.open("x".repeat(900));
    expect(await ended(await few.open("y".repeat(200)))).toEqual(rejected);
  });

  test("datagrams are held up to maxHeldDatagrams, and dropped beyond", async () => {
    const { place, datagram, stream } = await early({ maxHeldDatagrams: 2 });
    for (let i = 0; i < 10_000; i++) datagram(String(i));
    await new Promise(setImmediate);
    const accepting = place.accept();
    await stream.write(sessionRequest());
    const session = (await accepting) as WebTransportSession;
    expect(session.stats().datagramsReceived).toBe(2);
  });

  test("is reset with WEBTRANSPORT_SESSION_GONE when the session is refused", async () => {
    const { open, ask } = await early({});
    const stream = await open("x");
    (await ask()).respond(404, {}, "none");
    expect(await ended(stream)).toEqual(gone);
  });

  test("is let go of after headersTimeoutMs", async () => {
    server = await webTransportServer(memoryEngine(), {}, { headersTimeoutMs: 100 });
    const client = await server.connect();
    // No such request has been made, and it may still be on its way.
    const stream = await raw(client, "send", varints(0x54, 400));
    expect(await ended(stream)).toEqual(rejected);
  });
});

describe("limits", () => {
  test("a connection has at most maxSessions sessions: 429, until one has ended", async () => {
    const opened = await openSession({ maxSessions: 1 });
    const { place, client, session } = opened;
    const accepting = place.accept();
    expect((await client.connect()).head?.[":status"]).toBe("429");
    expect(await accepting).toBeUndefined();
    await stillServes(opened);
    await session.close();
    expect((await another(place, client)).session.state).toBe("open");
  });

  test("a session has at most maxStreams streams of the peer's: BUFFERED_STREAM_REJECTED", async () => {
    const { peer, session } = await openSession({ maxStreams: 2 });
    const streams: Stream[] = [];
    for (let i = 0; i < 3; i++) streams.push(await peer.openRaw(bytes("x"), "send"));
    expect(await ended(streams[2] as Stream)).toEqual(rejected);
    await peer.openRaw(bytes("x"));
    await new Promise(setImmediate);
    expect(session.stats().streamsActive).toBe(3);
    await streams[0]?.end();
    for await (const stream of session.streams()) {
      for await (const _ of stream);
      break;
    }
    const more = await peer.openRaw(bytes("y"), "send");
    for await (const stream of session.streams()) {
      if (stream.direction === "both") continue;
      await stream[Symbol.asyncIterator]().next();
      break;
    }
    expect(more.state).toBe("open");
  });

  test("10,000 streams for nobody are reset, and others served", { timeout: 20_000 }, async () => {
    const opened = await openSession();
    const { peer } = opened;
    for (let i = 0; i < 100; i++) {
      const streams = await Promise.all(
        Array.from({ length: 100 }, () => peer.openRaw(bytes("x"), "send", 4_000)),
      );
      // Some may be held for a while.
      if (i > 0) for (const stream of streams) expect(await ended(stream)).toEqual(rejected);
    }
    await stillServes(opened);
  });

  test("10,000 datagrams for nobody are dropped, and others served", async () => {
    const opened = await openSession();
    const before = opened.session.stats();
    for (let i = 0; i < 10_000; i++) {
      opened.client.session.sendDatagram(
        bytes(varints(i % 2 === 0 ? 50_000 : i), "x".repeat(1_000)),
      );
      if (i % 100 === 0) await new Promise(setImmediate);
    }
    await stillServes(opened);
    expect(opened.session.stats().datagramsReceived).toBe(before.datagramsReceived);
  });
});

describe("capsules", () => {
  const malformed = ["peer", false, http3Codes.messageError];

  test.each([
    ["a close without a code", frame(0x2843, bytes("abc"))],
    ["a reason that is too long", rawClose(0, "x".repeat(1_025))],
    ["a reason that is not UTF-8", rawClose(0, Buffer.from([0xff]))],
    ["a drain with a payload", frame(0x78ae, bytes("x"))],
  ])("%s: the session ends with H3_MESSAGE_ERROR", async (_, capsule) => {
    const { client, place, peer, session } = await openSession();
    const stream = await peer.openRaw(bytes("x"));
    await peer.capsule(capsule);
    expect(await ended(peer.connect.stream)).toEqual(malformed);
    expect(await ended(stream)).toEqual(gone);
    const { by, clean, error } = await session.closed;
    expect([by, clean]).toEqual(["local", false]);
    expect(error).toMatchObject({ code: "KING_HTTP_PROTOCOL" });
    await stillServes({ place, client });
  });

  test("one that is cut short by the end of the stream: H3_MESSAGE_ERROR", async () => {
    const { client, place, peer, session } = await openSession();
    await peer.capsule(frameHead(0x2843, 100), bytes("abcdef"));
    await peer.connect.stream.end();
    expect(await ended(peer.connect.stream)).toEqual(malformed);
    expect((await session.closed).clean).toBe(false);
    await stillServes({ place, client });
  });

  test("one without end is passed over, and the session goes on beside it", async () => {
    const opened = await openSession();
    const { peer, session } = opened;
    await peer.capsule(Buffer.from([0x21, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    for (let i = 0; i < 200; i++) await peer.capsule(new Uint8Array(65_536));
    await stillServes(opened);
    expect(session.state).toBe("open");
  });

  test("what follows the close: H3_MESSAGE_ERROR, after a clean end", async () => {
    const { peer, session } = await openSession();
    await peer.capsule(rawClose(5, "bye"), frame(0x21, bytes()));
    expect(await ended(peer.connect.stream)).toEqual(malformed);
    const { by, code, reason } = await session.closed;
    expect([by, code, reason]).toEqual(["peer", 5, "bye"]);
  });

  test("a datagram may come in one", async () => {
    const { peer, session } = await openSession();
    await peer.capsule(frame(0, bytes("by stream")));
    for await (const datagram of session.datagrams()) {
      expect(Buffer.from(datagram).toString()).toBe("by stream");
      break;
    }
  });

  test("the request stream may carry no frames but DATA: H3_FRAME_UNEXPECTED", async () => {
    const { client, peer } = await openSession();
    await peer.connect.send(headers("late", "yes"));
    const { code } = await withDeadline(client.session.closed, "the end");
    expect(code).toBe(http3Codes.frameUnexpected);
  });
});
