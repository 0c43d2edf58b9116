import type { Endpoint } from "../endpoint.ts";
import type { Listener } from "../listener.ts";
import type { StreamSession } from "../session.ts";
import type { Stream } from "../stream.ts";

/** What an engine may lack; a lack is refused with a typed error, never faked. */
export type QuicCapability =
  /** RFC 9221. */
  | "datagrams"
  /** Sessions resumed by tickets (RFC 8446, section 2.2). */
  | "resumption"
  /** Listeners that share a secret resume each other's sessions. */
  | "shared-tickets"
  /** Shown by clients, and verified by listeners. */
  | "client-certificates"
  /** A client goes on from another port at will (RFC 9000, section 9). */
  | "migration"
  /** A slow reader makes its peer wait. */
  | "flow-control"
  /** `stats().packetsLost`. */
  | "loss-statistics"
  /** Data within the first flight of a resumed session (RFC 8446, section 2.3). */
  | "early-data"
  | "qlog"
  | "keylog"
  /** Packets past the kernel's network stack. */
  | "xdp"
  | "busy-poll";

/** What a QUIC endpoint shows of itself and trusts; PEM. */
export interface QuicTls {
  readonly alpn: readonly string[];
  /** Of a client: shown when the server asks for one. */
  readonly cert?: string;
  readonly key?: string;
  /** Who is trusted to vouch for the other side; on a listener, every client must show a certificate then. */
  readonly ca?: string;
  /** Name to ask for and to verify. */
  readonly serverName?: string;
}

/** Options of {@link QuicEngine.connect}. */
export interface QuicConnectOptions {
  readonly remote: Endpoint;
  readonly tls: QuicTls;
  /** Where tickets are taken from to resume a session, and kept (RFC 8446, section 2.2). */
  readonly tickets?: TicketStore;
  /**
   * Gives the session before its handshake is complete, where a ticket allows that: see {@link QuicSession.earlyData}. Who
   * watches the network can send such data to the server again; send nothing by it that is not safe to be done twice.
   * KING_QUIC_CAPABILITY of an engine without `"early-data"`. @default false
   */
  readonly earlyData?: boolean;
  readonly signal?: AbortSignal;
}

/** Options of {@link QuicEngine.listen}. */
export interface QuicListenOptions {
  readonly local: Endpoint;
  readonly tls: QuicTls;
  /** Called with each session whose handshake is complete; where early data is taken, when the first of it comes. */
  readonly onSession: (session: QuicSession) => void;
}

/**
 * What goes before the handshake of a session is complete (RFC 9001, section 4.6). Datagrams that come before are held
 * until it is.
 */
export interface QuicEarlyData {
  /** `"pending"` until the handshake is complete. What was rejected has been sent once more by the engine itself. */
  readonly state: "pending" | "accepted" | "rejected";
  /** Resolves when the handshake is complete; rejects with what it failed with, as the session then does. */
  readonly handshake: Promise<void>;
  /**
   * Whether the client opened `stream` before the handshake was complete. To a server that is still pending it may be
   * a copy of what another connection carried, sent by a stranger (RFC 8446, section 8).
   */
  includes(stream: Stream): boolean;
}

/** A QUIC connection, on either side. */
export interface QuicSession extends StreamSession {
  /** Present where the session was given before its handshake was complete; `tls` may change when it is. */
  readonly earlyData?: QuicEarlyData | undefined;
  /**
   * Goes on from another port of this host, as when its network changed (RFC 9000, section 9); `local` tells which.
   * What is under way is not lost.
   *
   * @throws {KingError} KING_STREAM_UNSUPPORTED on a server, and of an engine without `"migration"`; KING_QUIC_MIGRATION
   * where the server has given no way to, or does not answer there: the session then goes on from where it was.
   */
  migrate(): Promise<void>;
}

/** A native QUIC implementation (RFC 9000), as the protocols above it see it. */
export interface QuicEngine {
  readonly name: string;
  readonly capabilities: ReadonlySet<QuicCapability>;
  connect(options: QuicConnectOptions): Promise<QuicSession>;
  listen(options: QuicListenOptions): Promise<Listener>;
}

/** Where TLS session tickets are kept. A ticket belongs to the origin that issued it alone. */
export interface TicketStore {
  put(origin: string, ticket: Uint8Array, expiresAt: number): void | Promise<void>;
  /** Takes one out: a ticket is used once (RFC 8446, appendix C.4). */
  take(origin: string): Uint8Array | undefined | Promise<Uint8Array | undefined>;
}
