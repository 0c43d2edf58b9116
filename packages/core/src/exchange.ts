import type { HeaderFields, HeaderView } from "./header-view.ts";
import type { Session } from "./session.ts";
import type { Stream } from "./stream.ts";

/** A body to answer with. */
export type ResponseBody = string | Uint8Array;

/** A request to leave HTTP (RFC 9110, section 7.8) or an extended CONNECT (RFC 8441, RFC 9220). */
export interface Upgrade {
  /** The protocol asked for, in lower case, such as `"websocket"`. */
  readonly protocol: string;
  /**
   * Accepts: 101 on HTTP/1.1, 200 on HTTP/2 and /3, with `headers`. The stream that comes out
   * outlives the exchange and belongs to the caller.
   *
   * @throws {KingError} KING_HTTP_RESPONDED when the exchange was answered before.
   */
  accept(headers?: HeaderFields): Stream;
}

/**
 * The server side of one request. The bytes read from it are the request's body, the bytes written
 * to it the response's. Nothing is made that is not asked for: `headers`, `signal`, web streams and
 * `closed` come into being on first access, and then report what happened before.
 */
export interface Exchange extends Stream {
  readonly session: Session;
  /** What logs on both sides can name the request by; made here unless the listener takes the client's. */
  readonly requestId: string;
  readonly method: string;
  /** Path and query as they came, such as `"/upload?bucket=inbox"`. */
  readonly target: string;
  /** `target` without the query. */
  readonly path: string;
  /** The query without `?`; empty when there is none. */
  readonly query: string;
  /** `"http"` or `"https"`. */
  readonly scheme: string;
  /** Host and port the client named; empty when it named none (HTTP/1.0). */
  readonly authority: string;
  readonly headers: HeaderView;
  /** Trailer fields of the request; resolves at the end of its body, empty when there are none. */
  readonly trailers: Promise<HeaderView>;
  /** Aborts when the client goes away or the exchange is cut; never after a complete response. */
  readonly signal: AbortSignal;
  /** Present when the client asks to leave HTTP. Not answering to it is an ordinary response. */
  readonly upgrade?: Upgrade;
  /** Whether the status line has been sent. */
  readonly responded: boolean;
  /**
   * Sends an interim response such as 103 Early Hints (RFC 8297).
   *
   * @throws {KingError} KING_HTTP_RESPONDED after `respond`.
   */
  inform(status: number, headers: HeaderFields): void;
  /**
   * Sends the response head and, when `body` is given, the whole response; otherwise `write` and
   * `end` follow.
   *
   * @throws {KingError} KING_HTTP_RESPONDED on the second call; KING_HTTP_HEADER_INVALID for a field
   * that cannot be sent.
   */
  respond(status: number, headers?: HeaderFields, body?: ResponseBody): void;
  /** Fields to send after the body; to be set before `end`. */
  setTrailers(headers: HeaderFields): void;
  /** The whole request body; at most the listener's `maxBodyBytes`. */
  bytes(): Promise<Uint8Array>;
}

/** Serves one exchange. When its promise rejects before a response, the listener answers. */
export type ExchangeHandler = (exchange: Exchange) => void | Promise<void>;

/** The web's own server contract; what planes export to be mounted anywhere. */
export type FetchHandler = (request: Request) => Response | Promise<Response>;
