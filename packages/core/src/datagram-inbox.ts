import { streamErrors } from "./stream-errors.ts";

/** Datagrams that have come for one reader, for implementers of sessions: when it is slow, the oldest give way. */
export class DatagramInbox {
  readonly #limit: number;
  readonly #queue: Uint8Array[] = [];
  #received = 0;
  #dropped = 0;
  #ended = false;
  #reading = false;
  #wake: (() => void) | undefined;

  /** @param limit how many wait for the reader. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get received(): number {
    return this.#received;
  }

  /** Those that gave way, or came too late. */
  get dropped(): number {
    return this.#dropped;
  }

  push(datagram: Uint8Array): void {
    this.#received++;
    if (this.#ended) {
      this.#dropped++;
      return;
    }
    if (this.#queue.length >= this.#limit) {
      this.#queue.shift();
      this.#dropped++;
    }
    this.#queue.push(datagram);
    this.#wake?.();
  }

  /** No more come: the reader gets what has, and its end. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** @throws {KingError} KING_STREAM_BUSY from a second loop at a time. */
  async *read(): AsyncGenerator<Uint8Array, undefined> {
    if (this.#reading) {
      throw streamErrors.create(
        "KING_STREAM_BUSY",
        "datagrams: expected one loop, got another",
        {},
      );
    }
    this.#reading = true;
    try {
      for (;;) {
        const datagram = this.#queue.shift();
        if (datagram !== undefined) {
          yield datagram;
          continue;
        }
        if (this.#ended) return undefined;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      this.#reading = false;
    }
  }
}
