import type { HeaderFields, Stream } from "@king-runtime/core";
import type { HttpClientResponse } from "./http-client-response.ts";

/**
 * The client's side of one exchange: the bytes written to it are the request's body, those read from
 * it the response's. Its body is read from the stream or from the response, not from both.
 */
export interface HttpClientStream extends Stream {
  /**
   * Resolves with the head of the response.
   *
   * @throws {KingError} KING_HTTP_TIMEOUT, KING_HTTP_ABORTED, KING_HTTP_PROTOCOL, KING_HTTP_HEADER_LIMIT.
   */
  readonly response: Promise<HttpClientResponse>;
  /**
   * With `expectContinue`: resolves with whether the server asked for the body (RFC 9110, section
   * 10.1.1); `false` after `expectTimeoutMs` without an answer, and after a response without it. Otherwise
   * `true` at once.
   */
  readonly continued: Promise<boolean>;
  /** Fields to send after the body; to be set before `end`. @throws {KingError} KING_HTTP_HEADER_INVALID */
  setTrailers(headers: HeaderFields): void;
}
