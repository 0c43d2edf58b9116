import { streamErrors } from "@king-runtime/core";

type Direction = "both" | "send";

interface Waiter {
  readonly direction: Direction;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** How many streams a side may have open, and who waits for one to end. */
export class StreamPlaces {
  readonly #limit: number;
  readonly #taken = { both: 0, send: 0 };
  readonly #waiting = new Set<Waiter>();

  /** @param limit of each direction; also how many wait. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws {KingError} KING_STREAM_LIMIT, the reason of `signal`, and what {@link close} is given. */
  async take(
    direction: Direction,
    atLimit: "refuse" | "wait",
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (this.#taken[direction] < this.#limit) {
      this.#taken[direction]++;
      return;
    }
    const limit = this.#limit;
    if (atLimit === "refuse" || this.#waiting.size >= limit) {
      const message = `expected at most ${limit} streams open, and as many to wait for`;
      throw streamErrors.create("KING_STREAM_LIMIT", message, { limit });
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { direction, resolve, reject };
    this.#waiting.add(waiter);
    const giveUp = () => reject(signal?.reason);
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", giveUp);
      this.#waiting.delete(waiter);
    }
  }

  /** A stream has ended: who waits longest has its place. */
  free(direction: Direction): void {
    for (const waiter of this.#waiting) {
      if (waiter.direction !== direction) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
      return;
    }
    this.#taken[direction]--;
  }

  /** Nobody who waits gets a place. */
  close(error: Error): void {
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting.clear();
  }
}
