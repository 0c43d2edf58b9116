import { checkObject } from "@king-runtime/core";
import { observed } from "./client/client-telemetry.ts";
import { type ConnectionOptions, connectionOthers } from "./client/connection-options.ts";
import { Connections } from "./client/connections.ts";
import { type ExchangeOptions, exchangeOthers } from "./client/exchange-options.ts";
import type { HttpClientResponse } from "./client/http-client-response.ts";
import { http1KindFor, openClientSession } from "./client/open-client-session.ts";
import { originOf, parseUrl, prepareRequest } from "./client/prepare-request.ts";
import type { PreparedRequest } from "./client/prepared-request.ts";
import { timeoutError } from "./client/request-error.ts";

/** Options of {@link request}; keys of the `request` section may be given here too. */
export interface RequestOptions extends ConnectionOptions, ExchangeOptions {}

const others = [...connectionOthers, ...exchangeOthers];

/**
 * Makes one request on a connection of its own, which ends with the response: there is no pool
 * behind it. Redirects are not followed, nothing is repeated.
 *
 * Read the body or dispose of the response (`await using`), or the connection stays open until
 * `bodyIdleTimeoutMs`.
 *
 * @throws {KingError} KING_NET_RESOLVE, KING_NET_CONNECT, KING_NET_TLS, KING_NET_TIMEOUT, KING_NET_FORBIDDEN,
 * KING_NET_PROXY when there is no connection; KING_HTTP_PROTOCOL_UNAVAILABLE, KING_HTTP_TIMEOUT, KING_HTTP_ABORTED,
 * KING_HTTP_PROTOCOL, KING_HTTP_HEADER_LIMIT, KING_HTTP_REQUEST_INVALID; `signal`'s reason.
 */
export async function request(
  url: string | URL,
  options: RequestOptions = {},
): Promise<HttpClientResponse> {
  checkObject("options", options);
  const connections = new Connections(options, others);
  const parsed = parseUrl(url);
  const origin = originOf(parsed);
  const prepared = prepareRequest(parsed, origin, options, connections.limits);
  const { signal } = prepared;
  signal?.throwIfAborted();
  const send = observed(async (request) => {
    using opening = openingSignal(request);
    const session = await openClientSession(connections, origin, http1KindFor(request), {
      keepAliveTimeoutMs: connections.limits.headersTimeoutMs,
      isLasting: false,
      signal: opening.signal,
    });
    const response = session.send(request);
    void session.close({ deadlineMs: Number.POSITIVE_INFINITY });
    return await response.arrived;
  });
  return await send(prepared);
}

/** Ends the opening of a connection with the caller's signal, and when `timeoutMs` is over. */
function openingSignal(request: PreparedRequest) {
  const { signal, deadlineMs, limits } = request;
  if (deadlineMs === Number.POSITIVE_INFINITY) return { signal, [Symbol.dispose]: () => undefined };
  const late = new AbortController();
  const { clock, timeoutMs } = limits;
  const timer = clock.after(Math.max(0, deadlineMs - clock.monotonic()), () =>
    late.abort(timeoutError(request, "total", timeoutMs)),
  );
  return {
    signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
    [Symbol.dispose]: () => timer.cancel(),
  };
}
