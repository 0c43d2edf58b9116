import type { SectionValues } from "@king-runtime/core";
import type { requestSection } from "./config.ts";
import { type HttpPhase, httpErrors } from "./errors.ts";

/** What an error of a request is told with. */
export interface RequestContext {
  readonly origin: string;
  readonly limits: SectionValues<typeof requestSection>;
}

/** The error of the library below, as ours. The caller's own abort passes untouched. */
export function requestError(
  error: unknown,
  { origin, limits }: RequestContext,
  signal: AbortSignal | undefined,
): unknown {
  if (signal?.aborted) return signal.reason;
  if (!(error instanceof Error)) return error;
  if (httpErrors.is(error)) return error;
  const code = (error as { code?: string }).code ?? "";
  const options = { cause: error };
  const timeout = (phase: HttpPhase, timeoutMs: number) =>
    timeoutError(origin, phase, timeoutMs, options);
  switch (code) {
    case "UND_ERR_CONNECT_TIMEOUT":
      return timeout("connect", limits.connectTimeoutMs);
    case "UND_ERR_HEADERS_TIMEOUT":
      return timeout("headers", limits.headersTimeoutMs);
    case "UND_ERR_BODY_TIMEOUT":
      return timeout("body", limits.bodyIdleTimeoutMs);
    case "UND_ERR_HEADERS_OVERFLOW":
      return headerLimitError(limits.maxHeaderBytes, options);
    case "UND_ERR_INVALID_ARG":
    case "UND_ERR_NOT_SUPPORTED":
    case "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH":
      return httpErrors.create(
        "KING_HTTP_REQUEST_INVALID",
        error.message,
        { option: "options" },
        options,
      );
    case "ECONNREFUSED":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return httpErrors.create(
        "KING_HTTP_CONNECT",
        `expected a server at ${origin}, got ${code}`,
        { origin },
        options,
      );
  }
  if (code.startsWith("HPE_") || error.name === "HTTPParserError") {
    return httpErrors.create("KING_HTTP_PROTOCOL", `${origin}: ${error.message}`, {}, options);
  }
  if (isTlsCode(code)) {
    return httpErrors.create(
      "KING_HTTP_TLS",
      `expected a certificate for ${origin} that is trusted, got ${code}`,
      { origin, reason: code },
      options,
    );
  }
  // A source of the request's body may throw what it likes: that is the caller's own.
  if (!isConnectionCode(code)) return error;
  return abortedError({ origin }, options);
}

function timeoutError(origin: string, phase: HttpPhase, timeoutMs: number, options?: ErrorOptions) {
  const message = `${phase}: expected progress within ${timeoutMs} ms from ${origin}`;
  return httpErrors.create("KING_HTTP_TIMEOUT", message, { phase, timeoutMs }, options);
}

/** A head or trailers over the limit. */
export function headerLimitError(limitBytes: number, options?: ErrorOptions) {
  const message = `expected a header block of at most ${limitBytes} bytes`;
  return httpErrors.create("KING_HTTP_HEADER_LIMIT", message, {}, options);
}

/** No head came in time. */
export const headersTimeoutError = ({ origin, limits }: RequestContext) =>
  timeoutError(origin, "headers", limits.headersTimeoutMs);

/** The server went before the exchange was over. */
export function abortedError({ origin }: Pick<RequestContext, "origin">, options?: ErrorOptions) {
  const message = `${origin} ended the exchange before it was whole`;
  return httpErrors.create("KING_HTTP_ABORTED", message, {}, options);
}

const isTlsCode = (code: string) =>
  /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO)/.test(code);

const isConnectionCode = (code: string) =>
  /^(UND_ERR_|ECONN|EPIPE|ETIMEDOUT|ERR_HTTP2_|ERR_STREAM_PREMATURE_CLOSE)/.test(code);
