import type { StreamSession } from "@king-runtime/core";
import type { ClientConnection, ClientSession } from "./client-session.ts";
import { SocketBelow } from "./connection-below.ts";
import type { Connections } from "./connections.ts";
import { Http1ClientSession } from "./http1-client-session.ts";
import { Http2ClientSession } from "./http2-client-session.ts";
import { Http3ClientSession, QuicBelow } from "./http3-client-session.ts";
import { PlainSession, type Undici } from "./plain-session.ts";
import type { Origin, PreparedRequest } from "./prepared-request.ts";
import type { QuicTarget } from "./quic-dialler.ts";
import type { StreamingSession } from "./streaming-session.ts";

let undici: Promise<Undici> | undefined;

/** Servers do without it: its size in memory would be theirs. */
const loadUndici = (): Promise<Undici> => {
  undici ??= import("undici");
  return undici;
};

/** How HTTP/1.1 is spoken: `"plain"` where that does, `"full"` with all that the protocol knows. */
export type Http1Kind = "plain" | "full";

/** What `request` needs of a connection that speaks HTTP/1.1. */
export const http1KindFor = ({ expectContinue, trailers, isOpen }: PreparedRequest): Http1Kind =>
  expectContinue || isOpen || trailers !== undefined ? "full" : "plain";

/** What a session is opened for. */
export interface OpenClientSessionOptions {
  readonly keepAliveTimeoutMs: number;
  /** Whether it is to serve more than one request. */
  readonly isLasting: boolean;
  readonly signal: AbortSignal | undefined;
  /** Where HTTP/3 may be tried. */
  readonly quic?: QuicTarget | undefined;
}

/** Requests under way on one HTTP/3 connection; its engine has further ones wait. */
const maxHttp3Requests = 100;

function overQuic(
  session: StreamSession,
  origin: Origin,
  connections: Connections,
  keepAliveTimeoutMs: number,
) {
  const below = new QuicBelow(session);
  const { limits } = connections;
  return new Http3ClientSession({ below, origin, keepAliveTimeoutMs, limits }, maxHttp3Requests);
}

/** Opens a connection for requests that are at hand. */
export async function openClientSession(
  connections: Connections,
  origin: Origin,
  kind: Http1Kind,
  options: OpenClientSessionOptions,
): Promise<ClientSession> {
  if (kind === "full") return await openStreamingSession(connections, origin, options);
  const library = connections.protocols.includes("h1") ? await loadUndici() : undefined;
  const opened = await connections.open(origin, options.signal, options.quic);
  if (opened.protocol === "h3") {
    return overQuic(opened.session, origin, connections, options.keepAliveTimeoutMs);
  }
  const { socket, protocol } = opened;
  const below = new SocketBelow(socket);
  const connection = { below, origin, ...options, limits: connections.limits };
  if (protocol === "h2" || library === undefined) return new Http2ClientSession(connection);
  return new PlainSession(connection, library, options.isLasting);
}

/** Opens a connection whose exchanges are streams. */
export async function openStreamingSession(
  connections: Connections,
  origin: Origin,
  { keepAliveTimeoutMs, signal, quic }: OpenClientSessionOptions,
): Promise<StreamingSession> {
  const opened = await connections.open(origin, signal, quic);
  if (opened.protocol === "h3") {
    const session = overQuic(opened.session, origin, connections, keepAliveTimeoutMs);
    session.connections = connections;
    return session;
  }
  const { socket, protocol } = opened;
  const connection: ClientConnection = {
    below: new SocketBelow(socket),
    origin,
    keepAliveTimeoutMs,
    limits: connections.limits,
  };
  const Session = protocol === "h2" ? Http2ClientSession : Http1ClientSession;
  const session = new Session(connection);
  session.connections = connections;
  return session;
}
