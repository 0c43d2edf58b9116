import type { Stream, StreamSession } from "@king-runtime/core";
import type { Http3Settings } from "./settings.ts";

/** What WebTransport may take of one connection. */
export interface WebTransportLimits {
  readonly maxSessions: number;
  readonly maxStreams: number;
  readonly maxQueuedDatagrams: number;
  readonly maxHeldStreams: number;
  readonly maxHeldDatagrams: number;
  readonly maxHeldBytes: number;
}

/** A stream that was found to belong to a session: what is still to be read of it, in two parts. */
export interface ClaimedStream {
  readonly stream: Stream;
  /** What came with the head of the stream. */
  readonly beginning: Uint8Array;
  readonly input: AsyncIterator<Uint8Array, undefined>;
}

/** A session of WebTransport, as its connection sees it. */
export interface SessionMember {
  onStream(claimed: ClaimedStream): void;
  onDatagram(payload: Uint8Array): void;
  /** The peer winds the whole connection down. */
  onGoaway(): void;
}

/** The place of one session on a connection. */
export interface Admission {
  /** The session begins: it gets what was held for it, and from now on all that comes. */
  join(sessionId: number, member: SessionMember): void;
  /** Makes room for another. What still comes for the session is rejected. */
  leave(): void;
}

/** A connection of HTTP/3, as WebTransport sees it. */
export interface WebTransportCarrier {
  readonly quic: StreamSession;
  readonly limits: WebTransportLimits;
  /** The peer's settings, once they have come; nothing when the connection ends before. */
  readonly peerSettings: Promise<Http3Settings | undefined>;
  /** A place for a session; `undefined` where there are as many as may be, or `atMost` as the peer takes. */
  admit(atMost?: number): Admission | undefined;
}

/** Where an HTTP/3 session has its {@link WebTransportCarrier}. Two copies of this package may meet. */
export const webTransportCarrier = Symbol.for("king.transport.webtransport-carrier");

const limitsOfSession = Symbol.for("king.transport.webtransport-limits");

interface Offering {
  [limitsOfSession]?: WebTransportLimits;
}

/** Has HTTP/3 on `session` take WebTransport. */
export function offerWebTransport(session: StreamSession, limits: WebTransportLimits): void {
  if (Object.hasOwn(session, limitsOfSession)) return;
  Object.defineProperty(session, limitsOfSession, { value: limits });
}

/** The limits of WebTransport on `session`, where it is to be taken, and there are the datagrams that it needs. */
export function offeredWebTransport(session: StreamSession): WebTransportLimits | undefined {
  return session.capabilities.has("datagrams") ? (session as Offering)[limitsOfSession] : undefined;
}
