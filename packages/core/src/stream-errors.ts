import { defineErrors, errorCode } from "./errors.ts";

/** What every implementation of `Session` and `Stream` throws. */
export const streamErrors = defineErrors({
  /**
   * Bytes were written after `end()`.
   * @remedy Write before ending; one side ends a direction once.
   */
  KING_STREAM_ENDED: errorCode("state"),
  /**
   * The stream was used after its end.
   * @remedy Watch `closed`; open a new stream.
   */
  KING_STREAM_CLOSED: errorCode("state"),
  /**
   * The peer reset the stream, or the connection broke, before the stream was finished.
   * @remedy Repeat the work on a new stream where it is safe to repeat.
   */
  KING_STREAM_RESET: errorCode<{ by: "peer" | "network"; code?: number }>("stream", {
    retryable: true,
  }),
  /**
   * A second reader was opened on a direction that has one reader.
   * @remedy Read a stream in one place, in one form.
   */
  KING_STREAM_BUSY: errorCode("state"),
  /**
   * The protocol or engine under this stream cannot do what was asked.
   * @remedy Look at `capabilities` first.
   */
  KING_STREAM_UNSUPPORTED: errorCode<{ capability: string; protocol: string }>("unsupported"),
  /**
   * Bytes were written without waiting for room until the send buffer reached its bound.
   * @remedy Await the promise that `write` returns.
   */
  KING_STREAM_BUFFER_FULL: errorCode<{ limitBytes: number }>("limit"),
  /**
   * The session has no stream left to open.
   * @remedy Wait for streams to end, or open another session.
   */
  KING_STREAM_LIMIT: errorCode<{ limit: number }>("limit", { retryable: true }),
  /**
   * The session drains or is closed and opens no more streams.
   * @remedy Open another session.
   */
  KING_SESSION_CLOSED: errorCode("state", { retryable: true }),
});

/** Why what is under way fails when `what`, such as "session", is aborted without a reason. */
export const abortedHere = (what: string) =>
  streamErrors.create("KING_STREAM_CLOSED", `the ${what} was aborted`, {});
