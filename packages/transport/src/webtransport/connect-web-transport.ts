import {
  checkObject,
  type HeaderFields,
  optionError,
  type Session,
  type Stream,
  streamErrors,
  unknownOption,
} from "@king-runtime/core";
import type { ConnectionOptions } from "../client/connection-options.ts";
import { openHttpSession } from "../client/open-http-session.ts";
import { httpErrors } from "../errors.ts";
import {
  type Admission,
  type WebTransportCarrier,
  webTransportCarrier,
} from "../http3/web-transport.ts";
import { webTransportEngine } from "./engine.ts";
import { OpenWebTransportSession, type WebTransportSession } from "./web-transport-session.ts";

/** What a session is opened on beside others: a session of HTTP/3, such as `openHttpSession` gives. */
export interface WebTransportTarget extends Session {
  upgrade(options: {
    protocol: string;
    path?: string;
    headers?: HeaderFields;
    headersTimeoutMs?: number;
    signal?: AbortSignal;
  }): Promise<{ readonly stream: Stream }>;
}

/** Options of {@link connectWebTransport}. */
export interface ConnectWebTransportOptions {
  /** Path and query; on a session that is open. @default "/" */
  path?: string;
  /** How to connect, with `quic: { engine }` at least; with a URL. */
  connection?: Omit<ConnectionOptions, "protocols">;
  /** Fields of the request, such as `authorization`. */
  headers?: HeaderFields;
  /** From the request until the server's answer, and before that until its settings. @default 30_000 */
  headersTimeoutMs?: number;
  /** Gives up asking; of no meaning once the session is there. */
  signal?: AbortSignal;
}

const optionNames = ["path", "connection", "headers", "headersTimeoutMs", "signal"];

/**
 * Opens a session of WebTransport, on a connection of its own for a URL, which ends with it, or on one that is open, beside
 * requests and other sessions. The caller closes it.
 *
 * @param target `https:` URL, or a session of `openHttpSession` over HTTP/3 by a {@link webTransportEngine}.
 * @throws {KingError} KING_STREAM_UNSUPPORTED where the server offers no WebTransport, or `target` carries none;
 * KING_HTTP_UPGRADE_REFUSED for any other answer than acceptance, with its status; KING_STREAM_LIMIT where the connection has
 * as many sessions as either side takes; KING_HTTP_TIMEOUT; what `openHttpSession` throws; the reason of `signal`.
 */
export async function connectWebTransport(
  target: string | URL | WebTransportTarget,
  options: ConnectWebTransportOptions = {},
): Promise<WebTransportSession> {
  checkOptions(target, options);
  options.signal?.throwIfAborted();
  if (typeof target !== "string" && !(target instanceof URL)) return await ask(target, options);
  const url = URL.parse(String(target));
  if (url?.protocol !== "https:") throw optionError("target", "expected an https: URL");
  const { connection, signal, ...asked } = options;
  const engine = connection?.quic?.engine;
  if (engine === undefined) throw optionError("connection", "expected quic with an engine");
  const http = await openHttpSession(url.origin, {
    ...connection,
    quic: { ...connection?.quic, engine: webTransportEngine(engine) },
    protocols: ["h3"],
    ...(signal && { signal }),
  });
  try {
    const path = url.pathname + url.search;
    const session = await ask(http, { ...asked, path, ...(signal && { signal }) });
    void session.closed.then(() => http.close());
    return session;
  } catch (error) {
    http.abort(error);
    throw error;
  }
}

async function ask(
  http: WebTransportTarget,
  { path = "/", headers, headersTimeoutMs = 30_000, signal }: ConnectWebTransportOptions,
): Promise<WebTransportSession> {
  const carrier = (http as { readonly [webTransportCarrier]?: WebTransportCarrier })[
    webTransportCarrier
  ];
  if (carrier === undefined) {
    throw unsupported(http, "expected HTTP/3 by an engine of webTransportEngine()");
  }
  const admission = await admit(carrier, http, headersTimeoutMs, signal);
  let session: WebTransportSession | undefined;
  try {
    const { stream: connect } = await http.upgrade({
      protocol: "webtransport",
      path,
      headersTimeoutMs,
      headers: { "sec-webtransport-http3-draft02": "1", ...headers },
      ...(signal && { signal }),
    });
    const { streamId: sessionId = 0 } = connect as { readonly streamId?: number };
    session = new OpenWebTransportSession({ carrier, admission, connect, sessionId, http });
    return session;
  } finally {
    if (session === undefined) admission.leave();
  }
}

/** A place for a session on the connection of `http`, once its server has said that it takes them. */
async function admit(
  carrier: WebTransportCarrier,
  http: WebTransportTarget,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Admission> {
  signal?.throwIfAborted();
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal?.reason);
  const timer = setTimeout(() => {
    const message = `settings of the server: expected them within ${timeoutMs} ms`;
    reject(httpErrors.create("KING_HTTP_TIMEOUT", message, { phase: "headers", timeoutMs }));
  }, timeoutMs);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const settings = await Promise.race([carrier.peerSettings, givenUp]);
    if (settings === undefined) {
      throw streamErrors.create("KING_SESSION_CLOSED", "expected an open session", {});
    }
    const { datagrams, enableConnectProtocol, webTransportSessions } = settings;
    if (!datagrams || !enableConnectProtocol || webTransportSessions === 0) {
      throw unsupported(http, "the server offers no WebTransport");
    }
    const admission = carrier.admit(webTransportSessions);
    if (admission !== undefined) return admission;
    const limit = Math.min(carrier.limits.maxSessions, webTransportSessions);
    const message = `expected fewer than ${limit} sessions on the connection`;
    throw streamErrors.create("KING_STREAM_LIMIT", message, { limit });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

function unsupported({ protocol }: WebTransportTarget, message: string) {
  const details = { capability: "webtransport", protocol };
  return streamErrors.create("KING_STREAM_UNSUPPORTED", message, details);
}

function checkOptions(target: unknown, options: ConnectWebTransportOptions): void {
  checkObject("options", options);
  const unknown = Object.keys(options).find((name) => !optionNames.includes(name));
  if (unknown !== undefined) throw unknownOption(unknown, optionNames);
  const isUrl = typeof target === "string" || target instanceof URL;
  const isSession = typeof (target as { upgrade?: unknown } | null)?.upgrade === "function";
  if (!isUrl && !isSession) throw optionError("target", "expected a URL, or a session of HTTP/3");
  const { path, connection, headersTimeoutMs, signal } = options;
  if (isUrl && path !== undefined) throw optionError("path", "expected it in the URL");
  if (isSession && connection !== undefined) {
    throw optionError("connection", "expected none: the session is open");
  }
  if (headersTimeoutMs !== undefined && !(headersTimeoutMs > 0)) {
    throw optionError("headersTimeoutMs", `expected more than 0, got ${headersTimeoutMs}`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw optionError("signal", "expected an AbortSignal");
  }
}
