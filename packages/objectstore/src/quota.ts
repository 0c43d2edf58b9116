import { objectstoreErrors } from "./errors.ts";

/** Counts what is stored and what is being stored, against one bound. */
export class Quota {
  readonly #maxBytes: number;
  #committedBytes = 0;
  #reservedBytes = 0;
  #objects = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of the objects that can be read. */
  get committedBytes(): number {
    return this.#committedBytes;
  }

  /** Bytes that puts under way have taken so far. */
  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  get objects(): number {
    return this.#objects;
  }

  get full(): boolean {
    return this.#committedBytes + this.#reservedBytes >= this.#maxBytes;
  }

  /** @throws {KingError} KING_OBJECTSTORE_QUOTA when there is no room; nothing is taken then. */
  reserve(bytes: number): void {
    const usedBytes = this.#committedBytes + this.#reservedBytes;
    if (usedBytes + bytes > this.#maxBytes) {
      throw objectstoreErrors.create(
        "KING_OBJECTSTORE_QUOTA",
        `expected at most maxBytes = ${this.#maxBytes}, got ${usedBytes} in use and ${bytes} more`,
        { maxBytes: this.#maxBytes, usedBytes, requestedBytes: bytes },
      );
    }
    this.#reservedBytes += bytes;
  }

  /** Gives back what was reserved and not committed. */
  release(bytes: number): void {
    this.#reservedBytes -= bytes;
  }

  /** Turns a reservation into an object, in place of one of `replacedBytes` where there was one. */
  commit(bytes: number, replacedBytes: number | undefined): void {
    this.#reservedBytes -= bytes;
    if (replacedBytes !== undefined) this.remove(replacedBytes);
    this.add(bytes);
  }

  add(bytes: number): void {
    this.#committedBytes += bytes;
    this.#objects += 1;
  }

  remove(bytes: number): void {
    this.#committedBytes -= bytes;
    this.#objects -= 1;
  }
}
