/** What the engine keeps for each write that waits, beside its bytes: about 120 measured on Node 26. */
const bytesPerWaitingWrite = 128;

/** The part of a duplex that {@link SendBuffer} looks at. */
export interface BufferedWriter {
  readonly writableLength: number;
}

/**
 * How much a slow reader costs: bytes that wait plus the bookkeeping of the writes they came in,
 * without which a million tiny messages would pass for nothing.
 */
export class SendBuffer {
  readonly #writer: BufferedWriter;
  readonly #limitBytes: number;
  // Since the buffer was last empty; their quotient is the size of a write that waits.
  #bytes = 0;
  #writes = 0;

  constructor(writer: BufferedWriter, limitBytes: number) {
    this.#writer = writer;
    this.#limitBytes = limitBytes;
  }

  /** Bytes that wait, bookkeeping included. */
  get heldBytes(): number {
    const waiting = this.#writer.writableLength;
    if (waiting === 0) return 0;
    return waiting + (waiting * this.#writes * bytesPerWaitingWrite) / Math.max(1, this.#bytes);
  }

  /** Counts a write of `bytes` that is about to be made; `false` when it would exceed the bound. */
  admit(bytes: number): boolean {
    if (this.#writer.writableLength === 0) {
      this.#bytes = 0;
      this.#writes = 0;
    } else if (this.heldBytes + bytes + bytesPerWaitingWrite > this.#limitBytes) return false;
    this.#bytes += bytes;
    this.#writes++;
    return true;
  }
}
