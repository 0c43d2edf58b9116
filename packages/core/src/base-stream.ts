import type { CloseOptions } from "./closable.ts";
import { Lifetime } from "./lifetime.ts";
import type { Stream, StreamCapability, StreamClosed, WriteOptions } from "./stream.ts";
import { streamErrors } from "./stream-errors.ts";

/** What every stream shares, for implementers: web streams made on demand, one reader, its end. */
export abstract class BaseStream extends Lifetime<StreamClosed> implements Stream {
  #readable: ReadableStream<Uint8Array> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;
  #taken = false;

  protected readonly kind: string = "stream";
  abstract readonly capabilities: ReadonlySet<StreamCapability>;
  abstract write(chunk: Uint8Array, options?: WriteOptions): undefined | Promise<void>;
  abstract end(chunk?: Uint8Array): Promise<void>;
  abstract reset(code?: number): void;
  abstract stopReading(code?: number): void;
  /** The received bytes; called once. */
  protected abstract read(): AsyncGenerator<Uint8Array, undefined>;

  /** Whether somebody reads, or has read. */
  protected get taken(): boolean {
    return this.#taken;
  }

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, undefined> {
    if (this.#taken) {
      throw streamErrors.create("KING_STREAM_BUSY", "expected one reader, got a second", {});
    }
    this.#taken = true;
    return this.read();
  }

  get readable(): ReadableStream<Uint8Array> {
    if (this.#readable === undefined) {
      const source = this[Symbol.asyncIterator]();
      this.#readable = new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            const { done, value } = await source.next();
            if (done) controller.close();
            else controller.enqueue(value);
          },
          cancel: () => this.stopReading(),
        },
        { highWaterMark: 0 },
      );
    }
    return this.#readable;
  }

  get writable(): WritableStream<Uint8Array> {
    this.#writable ??= new WritableStream<Uint8Array>({
      write: (chunk) => this.write(chunk),
      close: () => this.end(),
      abort: () => this.reset(),
    });
    return this.#writable;
  }

  protected beginClose(_options: CloseOptions): void {
    if (!this.#taken) this.stopReading();
    this.end().catch(() => undefined);
  }
}
