import { checkObject, optionError } from "@king-runtime/core";
import { type ConnectionOptions, connectionOthers } from "./connection-options.ts";
import { Connections } from "./connections.ts";
import { openStreamingSession } from "./open-client-session.ts";
import { originOf, parseUrl } from "./prepare-request.ts";
import type { HttpClientSession } from "./streaming-session.ts";

/** Options of {@link openHttpSession}. */
export interface OpenHttpSessionOptions extends ConnectionOptions {
  /** Gives up opening; of no meaning once the session is open. */
  signal?: AbortSignal;
}

/**
 * Opens one connection to an origin: HTTP/1.1 or HTTP/2 as it is settled, see `protocol` and `tls.alpn`.
 * The caller closes it; the server may end it before. Idle, it does not keep the process running.
 *
 * @param origin such as `"https://example.com"`, without a path.
 * @throws {KingError} KING_NET_RESOLVE, KING_NET_CONNECT, KING_NET_TLS, KING_NET_TIMEOUT, KING_NET_FORBIDDEN,
 * KING_NET_PROXY, KING_HTTP_PROTOCOL_UNAVAILABLE; KING_HTTP_REQUEST_INVALID, KING_OPTION_INVALID, KING_CONFIG_LOCKED.
 */
export async function openHttpSession(
  origin: string | URL,
  options: OpenHttpSessionOptions = {},
): Promise<HttpClientSession> {
  checkObject("options", options);
  const { signal, ...rest } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw optionError("signal", "expected an AbortSignal");
  }
  signal?.throwIfAborted();
  const url = parseUrl(origin);
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw optionError("origin", "expected scheme, host and port alone");
  }
  const connections = new Connections(rest, connectionOthers);
  const target = originOf(url);
  return await openStreamingSession(connections, target, {
    quic: target,
    keepAliveTimeoutMs: Number.POSITIVE_INFINITY,
    isLasting: true,
    signal,
  });
}
