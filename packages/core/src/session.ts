import type { Closable, Closed } from "./closable.ts";
import type { Endpoint, TlsFacts } from "./endpoint.ts";
import type { Stream, StreamCapability } from "./stream.ts";

/** How a session ended. */
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
  /** @default "both" */
  direction?: "both" | "send";
  signal?: AbortSignal;
}

/** A session whose streams are raw bytes that either side may open. */
export interface StreamSession extends Session {
  readonly capabilities: ReadonlySet<StreamCapability>;
  /**
   * @throws {KingError} KING_SESSION_CLOSED when the session drains or is closed; KING_STREAM_LIMIT
   * when it has no stream left.
   */
  openStream(options?: OpenStreamOptions): Promise<Stream>;
  /** Streams that the peer opens; ends with the session. One reader at a time. */
  streams(): AsyncIterable<Stream>;
}
