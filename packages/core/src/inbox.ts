import { streamErrors } from "./stream-errors.ts";

/** What has come for one reader, in its order, for implementers of sessions. It has no bound of its own. */
export class Inbox<Item> {
  readonly #what: string;
  readonly #items: Item[] = [];
  #ended = false;
  #reading = false;
  #wake: (() => void) | undefined;

  /** @param what the items are, for who reads twice. */
  constructor(what: string) {
    this.#what = what;
  }

  get length(): number {
    return this.#items.length;
  }

  get isBeingRead(): boolean {
    return this.#reading;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  push(item: Item): void {
    this.#items.push(item);
    this.#wake?.();
  }

  /** Takes out the first one. */
  shift(): Item | undefined {
    return this.#items.shift();
  }

  /** Takes out all of them. */
  takeAll(): Item[] {
    return this.#items.splice(0);
  }

  /** No more come: the reader gets what is there, and its end. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** @throws {KingError} KING_STREAM_BUSY from a second loop at a time. */
  async *read(): AsyncGenerator<Item, undefined> {
    if (this.#reading) {
      const message = `${this.#what}: expected one loop, got another`;
      throw streamErrors.create("KING_STREAM_BUSY", message, {});
    }
    this.#reading = true;
    try {
      for (;;) {
        const item = this.#items.shift();
        if (item !== undefined) {
          yield item;
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
