import type { Stream, StreamSession } from "@king-runtime/core";
import type { StreamPeer } from "./stream-clauses.ts";

/** The other end of the session under test, driven without the code under test. */
export interface StreamSessionPeer {
  /** Opens a stream, and sends `first` on it so that the session hears of it. */
  open(first: Uint8Array, direction?: "both" | "send"): Promise<StreamPeer>;
  /** The next stream that the session opens, once it sends something. */
  accept(): Promise<StreamPeer>;
  /** Sends a datagram. */
  sendDatagram(datagram: Uint8Array): Promise<void>;
  /** The next datagram that came. */
  datagram(): Promise<Uint8Array>;
  /** Ends the connection gracefully. */
  close(): Promise<void>;
  /** What it hears of the end of the connection. */
  readonly closed: Promise<{ readonly code?: number; readonly reason?: string }>;
}

/** A stream as the other end of one under test. */
export function streamPeer(stream: Stream): StreamPeer {
  let source: AsyncIterator<Uint8Array, undefined> | undefined;
  return {
    async write(chunk) {
      await stream.write(chunk);
    },
    end: () => stream.end(),
    async reset(code) {
      stream.reset(code);
    },
    async read() {
      source ??= stream[Symbol.asyncIterator]();
      return (await source.next()).value;
    },
  };
}

/** A session of another implementation as the other end of one under test. */
export function streamSessionPeer(session: StreamSession): StreamSessionPeer {
  let incoming: AsyncIterator<Stream> | undefined;
  let datagrams: AsyncIterator<Uint8Array> | undefined;
  return {
    async open(first, direction = "both") {
      const stream = await session.openStream({ direction });
      await stream.write(first);
      return streamPeer(stream);
    },
    async accept() {
      incoming ??= session.streams()[Symbol.asyncIterator]();
      const { done, value } = await incoming.next();
      if (done) throw new Error("the session ended without a stream");
      return streamPeer(value);
    },
    async sendDatagram(datagram) {
      session.sendDatagram(datagram);
    },
    async datagram() {
      datagrams ??= session.datagrams()[Symbol.asyncIterator]();
      const { done, value } = await datagrams.next();
      if (done) throw new Error("the session ended without a datagram");
      return value;
    },
    close: () => session.close(),
    get closed() {
      return session.closed;
    },
  };
}
