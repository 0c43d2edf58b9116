import type { HeaderView } from "./header-view.ts";

/** Options of reading a whole body. */
export interface ReadBodyOptions {
  /** Largest body accepted, in bytes. @default the limit the request was made with */
  limit?: number;
  signal?: AbortSignal;
}

/** An interim response (1xx). */
export interface InformationalResponse {
  readonly status: number;
  readonly headers: HeaderView;
}

/**
 * What a request received. Its body is read once, in one of the forms; disposing gives up what is
 * unread and frees the connection.
 */
export interface ReceivedResponse extends AsyncDisposable {
  readonly status: number;
  readonly headers: HeaderView;
  /** 1xx responses that came before. */
  readonly informational: readonly InformationalResponse[];
  /** `"h1"`, `"h2"` or `"h3"`. */
  readonly protocol: string;
  /** @throws {KingError} KING_HTTP_BODY_LIMIT, KING_HTTP_ABORTED, KING_HTTP_BODY_USED */
  bytes(options?: ReadBodyOptions): Promise<Uint8Array>;
  /** Decodes UTF-8; malformed sequences become U+FFFD. */
  text(options?: ReadBodyOptions): Promise<string>;
  /** @throws {KingError} KING_HTTP_BODY_JSON when the body is not JSON. */
  json(options?: ReadBodyOptions): Promise<unknown>;
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined>;
  readonly body: ReadableStream<Uint8Array>;
  /** Resolves at the end of the body. */
  readonly trailers: Promise<HeaderView>;
  /** The same as a genuine `Response`; takes the body over. */
  toFetch(): Response;
}
