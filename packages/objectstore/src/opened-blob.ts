import type { BlobInfo, OpenBlob } from "@king-runtime/core";
import type { Activity } from "./activity.ts";
import type { Span } from "./byte-range.ts";
import { objectstoreErrors } from "./errors.ts";

/** What an opened blob is made of. */
export interface OpenedBlobOptions {
  readonly info: BlobInfo;
  readonly span: Span;
  readonly activity: Activity;
  readonly chunks: AsyncGenerator<Uint8Array, void, void>;
  /** Makes of an internal failure the error for the reader. */
  readonly translate: (error: unknown) => unknown;
  /** Called once, when the blob is read to its end, given up, or failed. */
  readonly release: (bytes: number, error: unknown) => Promise<void>;
}

/** A blob being read, until it is read to its end, disposed or aborted. */
export class OpenedBlob implements OpenBlob {
  readonly info: BlobInfo;
  readonly start: number;
  readonly length: number;
  readonly body: AsyncIterable<Uint8Array>;
  readonly #options: OpenedBlobOptions;
  #bytes = 0;
  #released: Promise<void> | undefined;

  constructor(options: OpenedBlobOptions) {
    this.#options = options;
    this.info = options.info;
    this.start = options.span.start;
    this.length = options.span.length;
    let used = false;
    this.body = {
      [Symbol.asyncIterator]: () => {
        if (used) throw bodyUsed(options.info.key);
        used = true;
        return {
          next: () => this.#next(),
          return: async () => {
            await this[Symbol.asyncDispose]();
            return { done: true, value: undefined };
          },
        };
      },
    };
    // An aborted reader that is idle holds nothing; it learns the reason when it goes on.
    options.activity.onAbort = (reason) => {
      void options.chunks.return().then(() => this.#release(reason));
    };
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const { activity, chunks } = this.#options;
    try {
      activity.check();
      const result = await chunks.next();
      if (result.done) {
        activity.check();
        await this.#release(undefined);
        return { done: true, value: undefined };
      }
      this.#bytes += result.value.length;
      return result;
    } catch (error) {
      const told = this.#options.translate(error);
      await this.#release(told);
      throw told;
    }
  }

  #release(error: unknown): Promise<void> {
    this.#released ??= this.#options.release(this.#bytes, error);
    return this.#released;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.chunks.return();
    await this.#release(undefined);
  }
}

function bodyUsed(key: string) {
  return objectstoreErrors.create(
    "KING_OBJECTSTORE_BODY_USED",
    `object ${JSON.stringify(key)}: expected one reading of its body, got a second`,
    { key },
  );
}
