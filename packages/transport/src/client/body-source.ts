import { checkChunk } from "./request-body.ts";

interface Next {
  readonly done?: boolean | undefined;
  readonly value?: unknown;
}

/** The chunks of a request's body, whose source is told when no more of them are wanted. */
export class BodySource implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #next: () => Promise<Next>;
  readonly #cancel: (reason: unknown) => unknown;
  #isOver = false;

  constructor(body: AsyncIterable<Uint8Array>) {
    if (body instanceof ReadableStream) {
      // A reader can cancel while it waits for a chunk; the stream's own iterator waits for that first.
      const reader = body.getReader();
      this.#next = () => reader.read();
      this.#cancel = (reason) => reader.cancel(reason);
    } else {
      const iterator = body[Symbol.asyncIterator]();
      this.#next = () => iterator.next();
      this.#cancel = () => iterator.return?.();
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#isOver) return { done: true, value: undefined };
    let next: Next;
    try {
      next = await this.#next();
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
    const { done = false, value } = next;
    if (done) {
      this.#isOver = true;
      return { done, value: undefined };
    }
    try {
      checkChunk(value);
    } catch (error) {
      this.stop(error);
      throw error;
    }
    return { done, value };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.stop(undefined);
    return { done: true, value: undefined };
  }

  /** No more of it is wanted, because of `reason`. */
  stop(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // What the source makes of it is its own affair.
    void (async () => this.#cancel(reason))().catch(() => undefined);
  }
}
