import type { HttpPhase } from "./errors.ts";
import type { HttpLimits } from "./limits.ts";

/** What an exchange tells the sweep of its progress. */
export interface Progress {
  /** Whether the request body is complete. */
  readonly received: boolean;
  /** Whether a reader waits for a byte of the body. */
  readonly waiting: boolean;
  readonly bytesRead: number;
  readonly responded: boolean;
  /** Bytes that wait for the peer, and how many it has taken so far. */
  readonly bytesQueued: number;
  readonly bytesTaken: number;
}

/**
 * The deadlines of one exchange, measured in the ticks of the listener's one sweep, so that a
 * request costs neither a timer nor a look at the clock. A deadline is met up to one tick late.
 */
export class Deadlines {
  #age = 0;
  #bodyIdle = 0;
  #writeIdle = 0;
  #bytesRead = 0;
  #bytesTaken = 0;

  /** The phase that is over its deadline after another `tickMs`, if any. */
  tick(tickMs: number, limits: HttpLimits, progress: Progress): HttpPhase | undefined {
    this.#age += tickMs;
    if (!progress.received) {
      if (this.#age > limits.requestTimeoutMs) return "request";
      const idle = progress.waiting && progress.bytesRead === this.#bytesRead;
      this.#bodyIdle = idle ? this.#bodyIdle + tickMs : 0;
      this.#bytesRead = progress.bytesRead;
      if (this.#bodyIdle > limits.bodyIdleTimeoutMs) return "body";
    }
    if (!progress.responded && this.#age > limits.responseTimeoutMs) return "response";
    const stuck = progress.bytesQueued > 0 && progress.bytesTaken === this.#bytesTaken;
    this.#writeIdle = stuck ? this.#writeIdle + tickMs : 0;
    this.#bytesTaken = progress.bytesTaken;
    return this.#writeIdle > limits.writeIdleTimeoutMs ? "write" : undefined;
  }
}

/** How often to sweep so that the shortest deadline is met within a quarter of itself. */
export function sweepIntervalMs(limits: HttpLimits): number {
  const shortest = Math.min(
    limits.headersTimeoutMs,
    limits.requestTimeoutMs,
    limits.bodyIdleTimeoutMs,
    limits.responseTimeoutMs,
    limits.writeIdleTimeoutMs,
    limits.keepAliveTimeoutMs,
  );
  return Math.min(1_000, Math.max(10, Math.floor(shortest / 4)));
}
