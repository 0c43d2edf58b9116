import { streamErrors } from "./stream-errors.ts";

/** Events held for one reader before the oldest give way. */
export const eventQueueLength = 256;

/**
 * Feeds the readers of `events()`: costs nothing until one calls. Each reader has a queue of its
 * own, so a slow one loses events of its own only.
 */
export class EventFeed<Event extends { type: string }> {
  readonly #readers = new Set<Reader<Event>>();
  #last: Event | undefined;

  emit(event: Event): void {
    for (const reader of this.#readers) reader.push(event);
  }

  /** Sends the last event; later readers get just that. */
  end(event: Event): void {
    this.#last = event;
    for (const reader of this.#readers) reader.end(event);
    this.#readers.clear();
  }

  /**
   * Events from this call on, for one loop.
   *
   * @throws {KingError} KING_STREAM_BUSY from a second loop over them: call again for another.
   */
  read(signal?: AbortSignal): AsyncIterable<Event> {
    const reader = new Reader<Event>();
    if (this.#last !== undefined) {
      reader.end(this.#last);
    } else {
      this.#readers.add(reader);
    }
    let taken = false;
    return {
      [Symbol.asyncIterator]: () => {
        if (taken) {
          throw streamErrors.create(
            "KING_STREAM_BUSY",
            "events: expected one loop, got another",
            {},
          );
        }
        taken = true;
        return this.#drain(reader, signal);
      },
    };
  }

  async *#drain(reader: Reader<Event>, signal: AbortSignal | undefined): AsyncGenerator<Event> {
    const onAbort = () => reader.fail(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      for (;;) {
        const event = await reader.next();
        if (event === undefined) return;
        yield event;
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#readers.delete(reader);
    }
  }
}

class Reader<Event extends { type: string }> {
  readonly #queue: Event[] = [];
  #dropped = 0;
  #ended = false;
  #failure: { reason: unknown } | undefined;
  #wake: (() => void) | undefined;

  push(event: Event): void {
    if (this.#queue.length >= eventQueueLength) {
      this.#queue.shift();
      this.#dropped++;
    }
    this.#queue.push(event);
    this.#wake?.();
  }

  end(event: Event): void {
    this.push(event);
    this.#ended = true;
  }

  fail(reason: unknown): void {
    this.#failure = { reason };
    this.#wake?.();
  }

  async next(): Promise<Event | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.reason;
      if (this.#dropped > 0) {
        const dropped = this.#dropped;
        this.#dropped = 0;
        return { type: "overflow", dropped } as unknown as Event;
      }
      const event = this.#queue.shift();
      if (event !== undefined) return event;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
