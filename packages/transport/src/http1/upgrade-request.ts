import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

const declined = Symbol("king.declined");

/** Whether a request has a body, by its framing (RFC 9112, section 6.3). */
export function bringsBody(headers: IncomingHttpHeaders): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/**
 * Whether a request that asks for an upgrade is handed over as one: to a protocol in `wanted`, in lower
 * case, not over HTTP/1.0 (RFC 9110, section 7.8), and without a body, behind which it would begin.
 */
export function takesUpgrade(request: IncomingMessage, wanted: ReadonlySet<string>): boolean {
  const { headers, httpVersionMinor } = request;
  const named = wanted.has((headers.upgrade ?? "").toLowerCase());
  if (named && httpVersionMinor > 0 && !bringsBody(headers)) return true;
  (request as { [declined]?: true })[declined] = true;
  return false;
}

/**
 * Whether it asked for an upgrade and is served as a plain request. Node's parser drops what came behind
 * such a request in the same piece, and would take the middle of the next request for its beginning:
 * so nothing more can be served on the connection.
 */
export const wasDeclined = (request: IncomingMessage): boolean => declined in request;
