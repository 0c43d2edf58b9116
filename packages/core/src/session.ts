import type { Closable, Closed } from "./closable.ts";
import type { Endpoint, TlsFacts } from "./endpoint.ts";
import type { Stream, StreamCapability } from "./stream.ts";

/**
 * How a session ended. `by` is `"network"` also when nothing was heard of the peer for the idle timeout:
 * neither side ended it. It is clean when no stream was cut short and no error ended it.
 */
export interface SessionClosed extends Closed {
  /** Streams that were cut short by the end. */
  readonly streamsAborted: number;
}

/** Numbers of a session. What an engine cannot know is absent, never zero. */
export interface SessionStats {
  /** Bytes on the wire below TLS, headers and framing included. */
  readonly wireBytesSent?: number;
  readonly wireBytesReceived?: number;
  readonly streamsOpened: number;
  readonly streamsActive: number;
  /** Smoothed round trip, in milliseconds. */
  readonly roundTripMs?: number;
  readonly packetsSent?: number;
  readonly packetsReceived?: number;
  /** Of those sent, taken for lost (RFC 9002, section 6.1). */
  readonly packetsLost?: number;
  /** What may be under way at a time (RFC 9002, section 7). */
  readonly congestionWindowBytes?: number;
  readonly datagramsSent?: number;
  readonly datagramsReceived?: number;
  /** Received, and dropped: too many for their reader, or too late. */
  readonly datagramsDropped?: number;
}

/** What {@link Session.events} tells. */
export type SessionEvent =
  /** The peer asked to wind down: what is under way finishes, new work belongs elsewhere. */
  | { readonly type: "goaway"; readonly code?: number }
  /** A round trip was measured. */
  | { readonly type: "ping"; readonly roundTripMs: number }
  /** The reader was slow: `dropped` events are lost here. */
  | { readonly type: "overflow"; readonly dropped: number }
  /** Always the last one. */
  | { readonly type: "closed"; readonly closed: SessionClosed };

/** A live connection, on either side. */
export interface Session extends Closable<SessionClosed> {
  readonly role: "client" | "server";
  /** `"h1"`, `"h2"`, `"h3"`, `"quic"`, `"ws"`, `"wt"`, `"tcp"`, `"udp"` or a plane's own. */
  readonly protocol: string;
  readonly local?: Endpoint;
  readonly remote?: Endpoint;
  /** The proxy the connection came through, when one told of `remote` and `local` (PROXY protocol). */
  readonly proxy?: Endpoint;
  readonly tls?: TlsFacts;
  stats(): SessionStats;
  /**
   * What happens from this call on. Holds 256 events; when the reader is slower, the oldest give
   * way to one `overflow`. Ends after `closed`; a closed session yields just that. For one loop: a
   * second over the same events throws KING_STREAM_BUSY.
   */
  events(options?: { signal?: AbortSignal }): AsyncIterable<SessionEvent>;
}

/** Options of {@link StreamSession.openStream}. */
export interface OpenStreamOptions {
  /** `"send"` opens a stream on which the peer cannot answer. @default "both" */
  direction?: "both" | "send";
  /** What to do while the peer allows no more streams: fail, or wait until it does. @default "refuse" */
  atLimit?: "refuse" | "wait";
  /** Ends the wait. */
  signal?: AbortSignal;
  /** It lives as long as the session, which a graceful `close` ends without waiting for it. @default false */
  background?: boolean;
}

/** A session whose streams are raw bytes that either side may open. */
export interface StreamSession extends Session {
  /** What the session and its streams can do. */
  readonly capabilities: ReadonlySet<StreamCapability>;
  /**
   * Opens a stream. The peer may hear of it only with its first byte, its end or its reset: who is to
   * speak first on a stream opens it.
   *
   * @throws {KingError} KING_SESSION_CLOSED when the session drains or is closed, also when it does so
   * during the wait; KING_STREAM_LIMIT when it has no stream left, or too many wait for one;
   * KING_STREAM_UNSUPPORTED for a direction that `capabilities` lack; KING_OPTION_INVALID.
   */
  openStream(options?: OpenStreamOptions): Promise<Stream>;
  /**
   * Streams that the peer opens, in the order in which it is heard of them; ends with the session. One reader at a time
   * (KING_STREAM_BUSY). The peer can have no more open than the session's limit: until a stream has
   * ended, read or not, it counts. While the session drains, new ones are refused; those that came
   * before are still given to a reader.
   */
  streams(): AsyncIterable<Stream>;
  /** The most bytes that a datagram may have at present (RFC 9221); 0 where the session carries none. */
  readonly maxDatagramBytes: number;
  /**
   * Sends `datagram`, which arrives whole, late, out of order or not at all; it is the caller's again when this returns.
   *
   * @returns `false` when it was dropped here, for too many wait to be sent.
   * @throws {KingError} KING_STREAM_UNSUPPORTED where the session carries none: `capabilities` lack `"datagrams"`, or
   * the peer takes none; KING_OPTION_INVALID for what is no bytes, or more than `maxDatagramBytes`; KING_SESSION_CLOSED.
   */
  sendDatagram(datagram: Uint8Array): boolean;
  /**
   * Datagrams of the peer; ends with the session. One reader at a time (KING_STREAM_BUSY). What comes while nobody
   * reads waits, up to the session's limit; beyond it the oldest give way (`stats().datagramsDropped`).
   */
  datagrams(): AsyncIterable<Uint8Array>;
  /** Makes a stream of the peer's one that lives as long as the session, as `openStream({ background: true })` does. */
  background(stream: Stream): void;
}
