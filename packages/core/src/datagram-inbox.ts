import { Inbox } from "./inbox.ts";

/** Datagrams that have come for one reader, for implementers of sessions: when it is slow, the oldest give way. */
export class DatagramInbox {
  readonly #limit: number;
  readonly #inbox = new Inbox<Uint8Array>("datagrams");
  #received = 0;
  #dropped = 0;

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
    if (this.#inbox.hasEnded) {
      this.#dropped++;
      return;
    }
    if (this.#inbox.length >= this.#limit) {
      this.#inbox.shift();
      this.#dropped++;
    }
    this.#inbox.push(datagram);
  }

  /** No more come: the reader gets what has, and its end. */
  end(): void {
    this.#inbox.end();
  }

  /** @throws {KingError} KING_STREAM_BUSY from a second loop at a time. */
  read(): AsyncGenerator<Uint8Array, undefined> {
    return this.#inbox.read();
  }
}
