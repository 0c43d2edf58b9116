/** Events held for one reader before the oldest give way. */
export const eventQueueLength = 256;

/**
 * Feeds the readers of `events()`: costs nothing until one calls. Each reader has a queue of its
 * own, so a slow one loses events of its own only.
 */
export class EventFeed<Event extends { type: string }> {
  readonly #readers = new Set<Reader<Event>>();
  #last: Event | undefined;

  /** Whether anybody listens; an event nobody hears need not be made. */
  get active(): boolean {
    return this.#readers.size > 0;
  }

  emit(event: Event): void {
    for (const reader of this.#readers) reader.push(event);
  }

  /** Sends the last event; later readers get just that. */
  end(event: Event): void {
    this.#last = event;
    for (const reader of this.#readers) reader.end(event);
    this.#readers.clear();
  }

  /** Events from this call on. */
  read(signal?: AbortSignal): AsyncIterable<Event> {
    const reader = new Reader<Event>();
    if (this.#last !== undefined) {
      reader.end(this.#last);
    } else {
      this.#readers.add(reader);
    }
    const readers = this.#readers;
    return {
      async *[Symbol.asyncIterator]() {
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
          readers.delete(reader);
        }
      },
    };
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
