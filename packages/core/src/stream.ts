import type { Closable, Closed } from "./closable.ts";

/** How a stream ended. */
export interface StreamClosed extends Closed {
  /** Bytes handed to the peer and taken from it, as payload. */
  readonly bytesWritten: number;
  readonly bytesRead: number;
}

/**
 * What a protocol or engine may lack. A stream that lacks one refuses the call with
 * `KING_STREAM_UNSUPPORTED`, or bounds the effect as its plane documents; it never pretends.
 */
export type StreamCapability =
  /** Either direction ends while the other goes on. */
  | "half-close"
  /** `reset(code)` carries the code to the peer. */
  | "reset-code"
  /** `stopReading(code)` asks the peer to stop sending; otherwise input is discarded or the connection ends. */
  | "stop-reading"
  /**
   * A reader that does not read makes the peer's writer wait. Without it received bytes are held up to
   * a limit of the plane; a stream that exceeds it is reset, and its reader fails with an error of category
   * `limit`.
   */
  | "receive-backpressure"
  /** Several streams share a session, and one ends without the others. */
  | "multiplexing"
  /** Header fields after the body. */
  | "trailers"
  /** Interim responses (1xx) before the final one. */
  | "informational"
  /** A session opens streams that only it sends on: `openStream({ direction: "send" })`. */
  | "unidirectional"
  /** Unreliable messages beside the streams (RFC 9221). Reserved: no contract has calls for them yet. */
  | "datagrams";

/** Options of {@link Stream.write}. */
export interface WriteOptions {
  /**
   * Gives the chunk's memory to the stream, which frees it once the bytes are sent instead of leaving
   * it to the garbage collector: memory stays flat in a long transfer. It is not to be used afterwards. A
   * chunk that shares its `ArrayBuffer` is sent as usual. @default false
   */
  transfer?: boolean;
}

/** One unit of protocol work: bytes both ways, each direction with an end of its own. */
export interface Stream extends Closable<StreamClosed> {
  readonly capabilities: ReadonlySet<StreamCapability>;
  /**
   * Which way bytes go, seen from here. On a stream of `"send"` there is nothing to read, its input is
   * at its end; on one of `"receive"` sending has ended, a write throws KING_STREAM_ENDED.
   */
  readonly direction: "both" | "send" | "receive";
  /**
   * Sends `chunk`, which the stream may keep until it is sent: do not change it.
   *
   * @returns `undefined`: go on. A promise: the send buffer is full; it settles when there is room,
   * and rejects when the stream ends first.
   * @throws {KingError} KING_STREAM_ENDED after `end()`, KING_STREAM_CLOSED after the end of the stream.
   */
  write(chunk: Uint8Array, options?: WriteOptions): undefined | Promise<void>;
  /**
   * Ends the sending direction after `chunk`; resolves when it is handed to the system or engine. That
   * is no receipt: whether the peer has it, only an answer of the peer's tells. A graceful `close` of the
   * session waits for what was handed over.
   */
  end(chunk?: Uint8Array): Promise<void>;
  /**
   * The received bytes; ends with the peer's `end`. One reader at a time. Leaving the loop early is
   * {@link stopReading}.
   *
   * @throws {KingError} KING_STREAM_RESET when the peer reset the stream or the connection broke.
   */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined>;
  /** The same bytes as a web stream, made on first access. */
  readonly readable: ReadableStream<Uint8Array>;
  /** The sending direction as a web stream, made on first access. */
  readonly writable: WritableStream<Uint8Array>;
  /**
   * Ends both directions at once, unfinished. What the peer was sent before may be lost to it: reset
   * overtakes bytes where the protocol can.
   */
  reset(code?: number): void;
  /** Takes no more input; the sending direction goes on. */
  stopReading(code?: number): void;
}
