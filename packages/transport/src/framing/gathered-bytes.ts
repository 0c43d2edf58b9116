/**
 * Bytes that arrive piece by piece, put together: copied once each and, as the memory doubles, moved
 * once more at most.
 */
export class GatheredBytes {
  #bytes = Buffer.alloc(0);
  length = 0;

  /** @param expected how many bytes there will be, where that is known; more memory is never taken. */
  append(piece: Uint8Array, expected = Number.POSITIVE_INFINITY): void {
    const length = this.length + piece.length;
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(expected, Math.max(256, 2 * length)));
      grown.set(this.#bytes.subarray(0, this.length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.length);
    this.length = length;
  }

  get last(): number | undefined {
    return this.length === 0 ? undefined : this.#bytes[this.length - 1];
  }

  /** A view, until the next call of {@link append}. */
  get view(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  /** Forgets the bytes and keeps the memory. */
  clear(): void {
    this.length = 0;
  }

  /** Hands the bytes over with their memory. */
  take(): Buffer {
    const { view } = this;
    this.#bytes = Buffer.alloc(0);
    this.length = 0;
    return view;
  }
}
