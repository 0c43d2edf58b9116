import type { Writable } from "node:stream";
import { streamErrors, type WriteOptions } from "@king-runtime/core";

/**
 * A larger last chunk goes out in slices, each waiting for room: so progress of a slow peer is seen
 * and what is queued stays small.
 */
export const sliceBytes = 262_144;

/** The sending direction of a stream over a Node writable: bounded, and one end. */
export class NodeWriter {
  readonly #output: Writable;
  readonly #limitBytes: number;
  /** Why the stream cannot be written to any more. */
  readonly #failure: () => Error;
  #room: PromiseWithResolvers<void> | undefined;
  #ending: PromiseWithResolvers<void> | undefined;
  /** Whether `end` was called. */
  ended = false;
  /** Bytes handed over. */
  bytes = 0;

  constructor(output: Writable, limitBytes: number, failure: () => Error) {
    this.#output = output;
    this.#limitBytes = limitBytes;
    this.#failure = failure;
  }

  write(chunk: Uint8Array, options?: WriteOptions): undefined | Promise<void> {
    const output = this.#output;
    if (this.ended) {
      throw streamErrors.create("KING_STREAM_ENDED", "expected no write after end()", {});
    }
    const limitBytes = this.#limitBytes;
    const queued = output.writableLength;
    if (queued > 0 && queued + chunk.length > limitBytes) {
      throw streamErrors.create(
        "KING_STREAM_BUFFER_FULL",
        `expected at most ${limitBytes} unsent bytes, got ${queued + chunk.length}`,
        { limitBytes },
      );
    }
    this.bytes += chunk.length;
    // A view of a larger buffer, such as node's pool, would take its neighbours along.
    const whole = options?.transfer === true && chunk.length === chunk.buffer.byteLength;
    const goOn = whole ? output.write(chunk, () => free(chunk.buffer)) : output.write(chunk);
    if (goOn) return undefined;
    if (this.#room === undefined) {
      this.#room = Promise.withResolvers();
      output.once("drain", () => {
        this.#room?.resolve();
        this.#room = undefined;
      });
    }
    return this.#room.promise;
  }

  end(chunk?: Uint8Array): Promise<void> {
    if (this.ended && chunk === undefined) return this.#ending?.promise ?? Promise.resolve();
    if (this.ended) {
      throw streamErrors.create("KING_STREAM_ENDED", "expected no write after end()", {});
    }
    this.ended = true;
    this.#ending = Promise.withResolvers();
    const { promise, resolve, reject } = this.#ending;
    // Who does not wait for the end learns of a failure by `closed`.
    promise.catch(() => undefined);
    const done = (error?: Error | null) => (error ? reject(this.#failure()) : resolve());
    if (chunk === undefined) this.#output.end(done);
    else if (chunk.length > sliceBytes) this.#endSliced(chunk, done);
    else {
      this.bytes += chunk.length;
      this.#output.end(chunk, done);
    }
    return promise;
  }

  #endSliced(chunk: Uint8Array, done: (error?: Error | null) => void): void {
    let at = 0;
    const next = () => {
      while (at < chunk.length) {
        const slice = chunk.subarray(at, at + sliceBytes);
        at += slice.length;
        this.bytes += slice.length;
        if (!this.#output.write(slice)) {
          this.#output.once("drain", next);
          return;
        }
      }
      this.#output.end(done);
    };
    next();
  }

  /** The stream is over: whoever still waits is told. */
  close(): void {
    for (const waiting of [this.#room, this.#ending]) {
      // Without effect on one that has settled. Nobody has to watch the promise of a write.
      waiting?.promise.catch(() => undefined);
      waiting?.reject(this.#failure());
    }
  }
}

/** Gives memory back now; what cannot be detached is left to the garbage collector. */
function free(buffer: ArrayBufferLike): void {
  if (!(buffer instanceof ArrayBuffer) || buffer.detached) return;
  try {
    buffer.transfer(0);
  } catch {
    // WebAssembly keeps its own.
  }
}
