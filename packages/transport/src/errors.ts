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
   * A listener's certificate and key do not fit, or it has none to reload.
   * @remedy Give the key that belongs to the certificate; see `cause` for the reason.
   */
  KING_HTTP_TLS: errorCode<{ origin: string; reason: string }>("tls"),
  /**
   * The connection broke, or the server reset the stream, before the response was whole.
   * @remedy Repeat the request where it is safe to repeat: with `details.processed` false, the server has done nothing.
   */
  KING_HTTP_ABORTED: errorCode<{ processed: boolean; code?: number }>("network", {
    retryable: true,
  }),
  /**
   * A server does not speak a protocol that the request is pinned to.
   * @remedy Allow more in `protocols`, or ask a server that speaks it.
   */
  KING_HTTP_PROTOCOL_UNAVAILABLE: errorCode<{ wanted: readonly string[]; got: string }>(
    "unsupported",
  ),
  /**
   * A body is not coded as its Content-Encoding says, or in a coding that is not known.
   * @remedy Leave `decompress` off and look at the bytes, or have the server mend them.
   */
  KING_HTTP_CONTENT_CODING: errorCode("protocol"),
  /**
   * A redirect cannot be followed: too many, a loop, another scheme, or a Location that is no URL.
   * @remedy See `details.reason`; `redirects: false` gives the response itself.
   */
  KING_HTTP_REDIRECT: errorCode<{ reason: RedirectFailure }>("protocol"),
  /**
   * A server did not change the protocol when it was asked to.
   * @remedy See `details.status`; the server may offer it elsewhere, or to others.
   */
  KING_HTTP_UPGRADE_REFUSED: errorCode<{ protocol: string; status: number }>("unavailable"),
  /**
   * More requests wait for a connection than may.
   * @remedy Send less at once, or raise `maxQueuedRequests` or `maxSessionsPerOrigin`.
   */
  KING_HTTP_QUEUE_LIMIT: errorCode<{ limit: number }>("limit", { retryable: true }),
  /**
   * A circuit breaker is open: the origin failed too often of late, and is not asked now.
   * @remedy Wait `retryAfterMs`, or do without that origin.
   */
  KING_HTTP_CIRCUIT_OPEN: errorCode<{ origin: string }>("unavailable", { retryable: true }),
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
export type HttpPhase = "queue" | "headers" | "request" | "body" | "response" | "write" | "total";

/** Why a redirect is not followed. */
export type RedirectFailure = "limit" | "loop" | "scheme" | "location" | "body";
