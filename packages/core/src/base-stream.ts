import type { CloseOptions } from "./closable.ts";
import { Lifetime } from "./lifetime.ts";
import type { Stream, StreamCapability, StreamClosed, WriteOptions } from "./stream.ts";
import { streamErrors } from "./stream-errors.ts";

/** What every stream shares, for implementers: web streams made on demand, one reader, its end. */
export abstract class BaseStream extends Lifetime<StreamClosed> implements Stream {
  #readable: ReadableStream<Uint8Array> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;
  #taken = false;
  #reading = false;

  protected readonly kind: string = "stream";
  abstract readonly capabilities: ReadonlySet<StreamCapability>;
  abstract write(chunk: Uint8Array, options?: WriteOptions): undefined | Promise<void>;
  abstract end(chunk?: Uint8Array): Promise<void>;
  abstract reset(code?: number): void;
  abstract stopReading(code?: number): void;
  /** The received bytes; called once. */
  protected abstract read(): AsyncGenerator<Uint8Array, undefined>;

  get direction(): Stream["direction"] {
    return "both";
  }

  /** Whether somebody has begun to read. */
  protected get taken(): boolean {
    return this.#reading;
  }

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, undefined> {
    this.#take();
    this.#reading = true;
    return this.#leavable(this.read());
  }

  /** A generator that is left before it has begun runs nothing of its own: the peer would wait for its reader for ever. */
  #leavable(source: AsyncGenerator<Uint8Array, undefined>): AsyncGenerator<Uint8Array, undefined> {
    const begin = () => {
      for (const name of ["next", "return", "throw"] as const) Reflect.deleteProperty(source, name);
    };
    source.next = () => {
      begin();
      return source.next();
    };
    source.return = (value) => {
      begin();
      this.stopReading();
      return source.return(value);
    };
    source.throw = (error) => {
      begin();
      this.stopReading();
      return source.throw(error);
    };
    return source;
  }

  #take(): void {
    if (this.#taken) {
      throw streamErrors.create("KING_STREAM_BUSY", "expected one reader, got a second", {});
    }
    this.#taken = true;
  }

  get readable(): ReadableStream<Uint8Array> {
    if (this.#readable === undefined) {
      this.#take();
      let source: AsyncGenerator<Uint8Array, undefined> | undefined;
      // Reading begins with the first chunk that is wanted: many take a body and never look at it.
      const begin = () => {
        this.#reading = true;
        return this.read();
      };
      this.#readable = new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            source ??= begin();
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
