import type { Timer } from "@king-runtime/core";
import type { RequestLimits } from "./request-limits.ts";

/** How sending gets on. */
export interface SendProgress {
  /** Bytes that wait for the peer. */
  readonly queued: number;
  /** Bytes that it has taken so far. */
  readonly taken: number;
}

/** Tells of a peer that takes none of the bytes that wait for it. */
export class SendWatch {
  readonly #timer: Timer;

  constructor(limits: RequestLimits, progress: () => SendProgress, expire: () => void) {
    const { writeIdleTimeoutMs, clock } = limits;
    const tickMs = Math.max(1, Math.floor(writeIdleTimeoutMs / 4));
    let idleMs = 0;
    let known = -1;
    this.#timer = clock.every(
      tickMs,
      () => {
        const { queued, taken } = progress();
        idleMs = queued > 0 && taken === known ? idleMs + tickMs : 0;
        known = taken;
        if (idleMs < writeIdleTimeoutMs) return;
        this.stop();
        expire();
      },
      { keepAlive: false },
    );
  }

  stop(): void {
    this.#timer.cancel();
  }
}
