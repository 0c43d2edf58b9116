import { defineErrors, errorCode } from "@king-runtime/core/errors";

export const httpErrors = defineErrors({
  /**
   * A body is larger than the limit in force, by its Content-Length or by what arrived.
   * @remedy Raise `maxBodyBytes`, or send less; a listener answers 413 by itself.
   */
  KING_HTTP_BODY_LIMIT: errorCode<{ limitBytes: number; announcedBytes?: number }>("limit"),
  /**
   * The response head was sent before, or nothing can be sent any more.
   * @remedy Answer an exchange once; look at `responded`.
   */
  KING_HTTP_RESPONDED: errorCode("state"),
  /**
   * Body bytes were written before the response head.
   * @remedy Call `respond` first.
   */
  KING_HTTP_NOT_RESPONDED: errorCode("state"),
  /**
   * A header or trailer field, or a status, cannot be sent (RFC 9110, section 5.5 and 15).
   * @remedy Use the names and values that the RFC allows; no line breaks.
   */
  KING_HTTP_HEADER_INVALID: errorCode<{ name: string }>("validation"),
  /**
   * A handler wrote more or less of a body than the Content-Length it announced.
   * @remedy Announce the length that is sent, or none.
   */
  KING_HTTP_BODY_LENGTH: errorCode<{ announcedBytes: number; sentBytes: number }>("validation"),
  /**
   * A response's head, trailers or interim responses are larger than `maxHeaderBytes`, or too many.
   * @remedy Raise `maxHeaderBytes`, or have the peer send less.
   */
  KING_HTTP_HEADER_LIMIT: errorCode("limit"),
  /**
   * A phase took longer than its deadline.
   * @remedy Raise the timeout named by `details.phase`, or look why the peer is slow.
   */
  KING_HTTP_TIMEOUT: errorCode<{ phase: HttpPhase; timeoutMs: number }>("timeout", {
    retryable: true,
  }),
  /**
   * No connection to the server could be made.
   * @remedy Check host, port and that the server runs; see `cause`.
   */
  KING_HTTP_CONNECT: errorCode<{ origin: string }>("network", { retryable: true }),
  /**
   * The TLS handshake failed or the certificate was refused.
   * @remedy Give the issuing certificate in `tls.ca`; see `cause` for the reason.
   */
  KING_HTTP_TLS: errorCode<{ origin: string; reason: string }>("tls"),
  /**
   * The connection broke, or the server reset the stream, before the response was whole.
   * @remedy Repeat the request where it is safe to repeat.
   */
  KING_HTTP_ABORTED: errorCode("network", { retryable: true }),
  /**
   * The peer sent what is not HTTP.
   * @remedy Check what listens there; see `cause`.
   */
  KING_HTTP_PROTOCOL: errorCode("protocol"),
  /**
   * The body of a response was asked for twice.
   * @remedy Read it once, in one form.
   */
  KING_HTTP_BODY_USED: errorCode("state"),
  /**
   * The body of a response is not JSON.
   * @remedy Look at the content type first; see `cause`.
   */
  KING_HTTP_BODY_JSON: errorCode("validation"),
  /**
   * A request cannot be made of these arguments.
   * @remedy Correct what the message names.
   */
  KING_HTTP_REQUEST_INVALID: errorCode<{ option: string }>("validation"),
  /**
   * The listener cannot be opened on that address.
   * @remedy Free the port, choose another, or listen on port 0; see `cause`.
   */
  KING_HTTP_LISTEN: errorCode<{ address: string; port: number }>("unavailable"),
  /**
   * An interim response was asked for that the protocol in use cannot carry.
   * @remedy Send 102, or 103 with a `link` field; look at `capabilities`.
   */
  KING_HTTP_INFORM_UNSUPPORTED: errorCode<{ status: number }>("unsupported"),
});

/** The part of an exchange that a timeout cuts. */
export type HttpPhase = "connect" | "headers" | "request" | "body" | "response" | "write";
