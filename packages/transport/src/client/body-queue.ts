/** Received bytes that wait for a reader beyond this make the peer wait. */
export const highWaterBytes = 262_144;

/** How a body ended: whole, or by an error. */
type End = { readonly error: unknown } | "whole";

/** What is received of a body until somebody reads it: in order, bounded by whoever fills it. */
export class BodyQueue {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #end: End | undefined;
  #wake: (() => void) | undefined;

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether nothing more comes in. */
  get isEnded(): boolean {
    return this.#end !== undefined;
  }

  push(chunk: Uint8Array): void {
    if (this.#end !== undefined) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#wake?.();
  }

  end(): void {
    this.#end ??= "whole";
    this.#wake?.();
  }

  /** What waits is dropped: nobody may take a part for the whole. */
  fail(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#chunks = [];
    this.#bytes = 0;
    this.#wake?.();
  }

  /** The body is of no interest any more: a reader that comes later fails with `error`. */
  drop(error: unknown): void {
    this.#end = undefined;
    this.fail(error);
  }

  /** The next chunk, if one waits. */
  shift(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) this.#bytes -= chunk.length;
    return chunk;
  }

  /** Has `chunks` be the next to be read. */
  putBack(chunks: readonly Uint8Array[]): void {
    this.#chunks = [...chunks, ...this.#chunks];
    for (const { length } of chunks) this.#bytes += length;
  }

  /** Everything that waits. */
  takeAll(): Uint8Array[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    return chunks;
  }

  /** @throws what the body ended with, if it was an error. */
  throwIfFailed(): void {
    if (typeof this.#end === "object") throw this.#end.error;
  }

  /** Calls `wake` when there is something new: a chunk, or the end. One waits at a time. */
  onChange(wake: (() => void) | undefined): void {
    this.#wake = wake;
  }
}
