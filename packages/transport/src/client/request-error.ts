import { KingError } from "@king-runtime/core";
import { type HttpPhase, httpErrors } from "../errors.ts";
import { netErrors } from "../net-errors.ts";
import { tlsFailureOf } from "../tls/client-failure.ts";
import type { Origin, PreparedRequest } from "./prepared-request.ts";

/**
 * The error of the library below, as ours. The caller's own abort passes untouched.
 *
 * @param hasHead whether the head of the response had come.
 */
export function requestError(error: unknown, request: PreparedRequest, hasHead: boolean): unknown {
  const { signal, limits, origin } = request;
  if (signal?.aborted) return signal.reason;
  if (!(error instanceof Error) || KingError.is(error)) return error;
  const code = (error as { code?: string }).code ?? "";
  const options = { cause: error };
  switch (code) {
    case "UND_ERR_HEADERS_OVERFLOW":
    case "HPE_HEADER_OVERFLOW":
      return headerLimitError(limits.maxHeaderBytes, options);
    case "UND_ERR_INVALID_ARG":
    case "UND_ERR_NOT_SUPPORTED":
    case "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH":
    case "ERR_HTTP_CONTENT_LENGTH_MISMATCH":
      return invalidRequest("options", error.message, options);
    case "UND_ERR_RES_CONTENT_LENGTH_MISMATCH":
      // It says so of every head that it cannot parse after a Content-Length, too.
      return hasHead
        ? abortedError(request, true, options)
        : protocolError(origin, error.message, options);
    case "ERR_ASSERTION":
      // What the library takes for impossible, such as a status below 100.
      return protocolError(origin, error.message, options);
    case "UND_ERR_SOCKET":
      if (error.message === "bad upgrade") return unaskedUpgrade(request, options);
      // Of a server that speaks when nobody asked it, no request learns.
      if (error.message === "bad response") {
        const told = "expected no 100 (Continue) to a request without expectContinue";
        return protocolError(origin, told, options);
      }
  }
  if (code.startsWith("HPE_") || error.name === "HTTPParserError") {
    // A body that breaks off is told in the parser's words too.
    if (code === "HPE_INVALID_EOF_STATE") return abortedError(request, true, options);
    return protocolError(origin, error.message, options);
  }
  const reason = tlsFailureOf(error);
  if (reason !== undefined) {
    const message = `expected the TLS of ${origin.text} to go on, got ${reason}`;
    return netErrors.create("KING_NET_TLS", message, { host: origin.host, reason }, options);
  }
  // A source of the request's body may throw what it likes: that is the caller's own.
  return isConnectionCode(code) ? abortedError(request, true, options) : error;
}

/** What came is not what HTTP allows. */
export const protocolError = ({ text }: Origin, message: string, options?: ErrorOptions) =>
  httpErrors.create("KING_HTTP_PROTOCOL", `${text}: ${message}`, {}, options);

/** The server answered 101 (Switching Protocols). */
export const unaskedUpgrade = ({ origin }: PreparedRequest, options?: ErrorOptions) =>
  protocolError(origin, "expected no change of the protocol, which nobody asked for", options);

/** A phase of `request` took longer than it may. */
export function timeoutError({ origin }: PreparedRequest, phase: HttpPhase, timeoutMs: number) {
  const message = `${phase}: expected progress within ${timeoutMs} ms from ${origin.text}`;
  return httpErrors.create("KING_HTTP_TIMEOUT", message, { phase, timeoutMs });
}

/** A head or trailers over the limit. */
export function headerLimitError(limitBytes: number, options?: ErrorOptions) {
  const message = `expected a header block of at most ${limitBytes} bytes`;
  return httpErrors.create("KING_HTTP_HEADER_LIMIT", message, {}, options);
}

/**
 * The server went before the exchange was over.
 *
 * @param processed whether it may have done what the request asks for.
 */
export function abortedError(
  { origin }: Pick<PreparedRequest, "origin">,
  processed: boolean,
  options?: ErrorOptions & { code?: number },
) {
  const { code, ...rest } = options ?? {};
  const details = { processed, ...(code === undefined ? {} : { code }) };
  const message = `${origin.text} ended the exchange before it was whole`;
  return httpErrors.create("KING_HTTP_ABORTED", message, details, rest);
}

/** A body of a known length leaves no room for trailers (RFC 9112, section 7.1.2). */
export const trailersWithLength = () =>
  invalidRequest("trailers", "expected a request without content-length");

/** A request cannot be made of what was given. */
export function invalidRequest(option: string, message: string, options?: ErrorOptions) {
  const text = `${option}: ${message}`;
  return httpErrors.create("KING_HTTP_REQUEST_INVALID", text, { option }, options);
}

const isConnectionCode = (code: string) =>
  /^(UND_ERR_|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_HTTP2_|ERR_STREAM_PREMATURE_CLOSE|ERR_STREAM_DESTROYED|ERR_STREAM_WRITE_AFTER_END)/.test(
    code,
  );
