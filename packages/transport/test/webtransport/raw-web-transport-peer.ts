import type { Stream, StreamSession } from "@king-runtime/core";
import { type StreamPeer, type StreamSessionPeer, streamPeer } from "@king-runtime/testkit";
import { FrameReader } from "../../src/http3/frame-reader.ts";
import { frame } from "../../src/http3/frame-writer.ts";
import { settingsFrame } from "../../src/http3/settings.ts";
import { readVarint, varintBytes, varints } from "../../src/http3/varint.ts";
import { bytes, data, headers, RawHttp3Stream, responseHead } from "../http3/raw-http3-peer.ts";

export const webTransportSettings: Uint8Array = settingsFrame({
  maxFieldSectionSize: Number.POSITIVE_INFINITY,
  enableConnectProtocol: true,
  datagrams: true,
  webTransportSessions: 8,
});

/** The request for a session; `more` fields may follow. */
export const sessionRequest = (...more: readonly string[]): Uint8Array =>
  headers(
    ":method",
    "CONNECT",
    ":protocol",
    "webtransport",
    ":scheme",
    "https",
    ":authority",
    "localhost",
    ":path",
    "/wt?room=1",
    ...more,
  );

/** A close, as draft-ietf-webtrans-http3 has it. */
export function rawClose(code: number, reason: Uint8Array | string): Uint8Array {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(code);
  return frame(0x2843, bytes(number, reason));
}

const idOf = (stream: Stream): number => (stream as unknown as { streamId: number }).streamId;

/** What came on a stream, its head taken off. */
interface Arrived {
  readonly stream: Stream;
  readonly head: readonly [type: number, sessionId: number];
  readonly peer: StreamPeer;
}

async function integers(
  source: AsyncIterator<Uint8Array, undefined>,
  count: number,
): Promise<[number[], Uint8Array]> {
  const found: number[] = [];
  let rest: Uint8Array = bytes();
  while (found.length < count) {
    if (rest.length > 0 && rest.length >= varintBytes(rest[0] as number)) {
      found.push(readVarint(rest, 0));
      rest = rest.subarray(varintBytes(rest[0] as number));
      continue;
    }
    const { value } = await source.next();
    if (value === undefined) throw new Error("the stream ended within its head");
    rest = bytes(rest, value);
  }
  return [found, rest];
}

/** One side of a connection that speaks WebTransport as it is told to, on a raw QUIC session. */
export class RawWebTransportConnection {
  readonly session: StreamSession;
  readonly #arrived: Arrived[] = [];
  readonly #requests: Stream[] = [];
  #wake = Promise.withResolvers<void>();

  constructor(session: StreamSession, first: Uint8Array = webTransportSettings) {
    this.session = session;
    this.ready = this.#control(first);
    this.ready.catch(() => undefined); // the session ended before
    void this.#accept();
  }

  /** Settles when its settings are on their way. */
  readonly ready: Promise<void>;

  async #control(first: Uint8Array): Promise<void> {
    if (first.length === 0) return;
    const stream = await this.session.openStream({ direction: "send", background: true });
    await stream.write(bytes(varints(0), first));
  }

  async #accept(): Promise<void> {
    for await (const stream of this.session.streams()) {
      if (stream.direction === "receive") this.session.background(stream);
      const isRequest = stream.direction === "both" && this.session.role === "server";
      if (isRequest) this.#requests.push(stream);
      else void this.#sort(stream).catch(() => undefined); // it was broken off
      this.#tell();
    }
    this.#tell();
  }

  #tell(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async #sort(stream: Stream): Promise<void> {
    const source = stream[Symbol.asyncIterator]();
    const [[type = -1], rest] = await integers(source, 1);
    if (type !== 0x41 && type !== 0x54) {
      while ((await source.next()).value !== undefined);
      return;
    }
    const [[sessionId = -1], beginning] = await integers(prefixed(rest, source), 1);
    this.add(stream, [type, sessionId], beginning, source);
  }

  /** Its other end, which breaks it off with codes of WebTransport where they can be sent. */
  peerOf(stream: Stream): StreamPeer {
    const { largestCode = 0xffff_ffff } = this.session as { readonly largestCode?: number };
    const wire = (code: number) => 0x52e4a40fa8db + code + Math.floor(code / 0x1e);
    const reset = async (code = 0) => stream.reset(largestCode > wire(code) ? wire(code) : code);
    return { ...streamPeer(stream), reset };
  }

  /** A stream of a session, as the other side has opened it. */
  add(
    stream: Stream,
    head: readonly [number, number],
    beginning: Uint8Array,
    source: AsyncIterator<Uint8Array, undefined>,
  ): void {
    const from = prefixed(beginning, source);
    const peer = { ...this.peerOf(stream), read: async () => (await from.next()).value };
    this.#arrived.push({ stream, head, peer });
    this.#tell();
  }

  /** The next stream of a session. */
  async arrived(): Promise<Arrived> {
    for (;;) {
      const next = this.#arrived.shift();
      if (next !== undefined) return next;
      if (this.session.state === "closed") throw new Error("expected a stream, got the end");
      await this.#wake.promise;
    }
  }

  /** The next stream that a client opens for both ways: a request, or not. */
  async request(): Promise<Stream> {
    for (;;) {
      const next = this.#requests.shift();
      if (next !== undefined) return next;
      if (this.session.state === "closed") throw new Error("expected a request, got the end");
      await this.#wake.promise;
    }
  }

  /** Asks for a session, and reads the answer. */
  async connect(...more: readonly string[]): Promise<RawWebTransportPeer> {
    const stream = await this.session.openStream();
    const connect = new RawHttp3Stream(stream);
    await connect.send(sessionRequest(...more));
    const head = await connect.section();
    return new RawWebTransportPeer(this, connect, head);
  }

  /** Accepts the session that the client asks for next. */
  async accept(): Promise<RawWebTransportPeer> {
    const connect = new RawHttp3Stream(await this.request());
    const head = await connect.section();
    await connect.send(responseHead(200));
    void this.#sortRequests();
    return new RawWebTransportPeer(this, connect, head);
  }

  /** What a client opens for both ways after its request is of its session. */
  async #sortRequests(): Promise<void> {
    for (;;) {
      const stream = await this.request().catch(() => undefined);
      if (stream === undefined) return;
      await this.#sort(stream).catch(() => undefined);
    }
  }
}

function prefixed(
  beginning: Uint8Array,
  source: AsyncIterator<Uint8Array, undefined>,
): AsyncIterator<Uint8Array, undefined> {
  let isFirst = beginning.length > 0;
  return {
    async next() {
      if (!isFirst) return source.next();
      isFirst = false;
      return { done: false, value: beginning };
    },
  };
}

/** A session of WebTransport, seen from its other end. */
export class RawWebTransportPeer implements StreamSessionPeer {
  readonly connection: RawWebTransportConnection;
  readonly connect: RawHttp3Stream;
  /** The head of its request, or of the response. */
  readonly head: Readonly<Record<string, string>> | undefined;
  readonly sessionId: number;
  readonly closed: Promise<{ readonly code?: number; readonly reason?: string }>;
  /** Types of the capsules that came. */
  readonly capsules: number[] = [];
  #datagrams: AsyncIterator<Uint8Array> | undefined;

  constructor(
    connection: RawWebTransportConnection,
    connect: RawHttp3Stream,
    head: Readonly<Record<string, string>> | undefined,
  ) {
    this.connection = connection;
    this.connect = connect;
    this.head = head;
    this.sessionId = idOf(connect.stream);
    this.closed = this.#receive().catch(() => ({}));
  }

  async #receive(): Promise<{ code?: number; reason?: string }> {
    let closed: { code?: number; reason?: string } = {};
    const reader = new FrameReader({
      onFrame: (type) => {
        this.capsules.push(type);
        return "whole";
      },
      onPayload: (type, payload) => {
        if (type !== 0x2843) return;
        const buffer = Buffer.from(payload);
        closed = { code: buffer.readUInt32BE(), reason: buffer.subarray(4).toString() };
      },
      onData: () => undefined,
    });
    for (;;) {
      const chunk = await this.connect.chunk();
      if (chunk === undefined) break;
      reader.push(chunk);
    }
    await this.connect.stream.end().catch(() => undefined);
    return closed;
  }

  /** Sends capsules, or what is none. */
  async capsule(...parts: readonly Uint8Array[]): Promise<void> {
    await this.connect.send(data(bytes(...parts)));
  }

  async open(first: Uint8Array, direction: "both" | "send" = "both"): Promise<StreamPeer> {
    return this.connection.peerOf(await this.openRaw(first, direction));
  }

  /** Opens a stream of `sessionId`. */
  async openRaw(
    first: Uint8Array,
    direction: "both" | "send" = "both",
    sessionId: number = this.sessionId,
  ): Promise<Stream> {
    const stream = await this.connection.session.openStream({ direction });
    await stream.write(bytes(varints(direction === "both" ? 0x41 : 0x54, sessionId), first));
    return stream;
  }

  async accept(): Promise<StreamPeer> {
    const { head, peer } = await this.connection.arrived();
    if (head[1] !== this.sessionId) throw new Error(`expected its session, got ${head[1]}`);
    return peer;
  }

  async sendDatagram(datagram: Uint8Array): Promise<void> {
    this.connection.session.sendDatagram(bytes(varints(this.sessionId / 4), datagram));
  }

  async datagram(): Promise<Uint8Array> {
    this.#datagrams ??= this.connection.session.datagrams()[Symbol.asyncIterator]();
    const { done, value } = await this.#datagrams.next();
    if (done) throw new Error("the session ended without a datagram");
    return value.subarray(varintBytes(value[0] as number));
  }

  async close(code = 0, reason = ""): Promise<void> {
    await this.connect.stream.end(data(rawClose(code, reason)));
  }
}
