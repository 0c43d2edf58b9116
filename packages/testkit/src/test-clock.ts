import type { Clock, Timer, TimerOptions } from "@king-runtime/core";

/** A clock that stands still until the test moves it. */
export interface TestClock extends Clock {
  /** Timers that have not fired or been cancelled; a repeating one counts once. */
  readonly pendingTimers: number;
  /** Milliseconds until the next timer is due; `undefined` when there is none. */
  readonly nextTimerMs: number | undefined;
  /**
   * Moves time forward and runs every timer that falls due on the way, each at its own instant,
   * equal instants in the order they were started. Timers started meanwhile count.
   */
  advance(ms: number): void;
  /** The same, letting promise reactions run after every timer, before time goes on. */
  advanceAsync(ms: number): Promise<void>;
}

interface Entry {
  dueMs: number;
  readonly order: number;
  readonly intervalMs: number | undefined;
  readonly callback: () => void;
}

/** Options of {@link testClock}. */
export interface TestClockOptions {
  /** What `now()` says at first, in milliseconds since the Unix epoch. @default 2026-01-01T00:00:00Z */
  startMs?: number;
}

/** A clock at rest; `monotonic()` starts at 0. */
export function testClock(options: TestClockOptions = {}): TestClock {
  const startMs = options.startMs ?? Date.UTC(2026, 0, 1);
  const entries = new Set<Entry>();
  let elapsedMs = 0;
  let orders = 0;

  const start = (delayMs: number, callback: () => void, intervalMs?: number): Timer => {
    // As the platform's timers: never in this turn, and never less than one millisecond.
    const step = Math.max(1, delayMs);
    const entry: Entry = { dueMs: elapsedMs + step, order: orders++, intervalMs, callback };
    entries.add(entry);
    const cancel = () => void entries.delete(entry);
    return { cancel, [Symbol.dispose]: cancel };
  };

  const next = (): Entry | undefined => {
    let first: Entry | undefined;
    for (const entry of entries) {
      if (
        !first ||
        entry.dueMs < first.dueMs ||
        (entry.dueMs === first.dueMs && entry.order < first.order)
      )
        first = entry;
    }
    return first;
  };

  const fireNext = (untilMs: number): boolean => {
    const entry = next();
    if (!entry || entry.dueMs > untilMs) return false;
    elapsedMs = entry.dueMs;
    if (entry.intervalMs === undefined) entries.delete(entry);
    else entry.dueMs += Math.max(1, entry.intervalMs);
    entry.callback();
    return true;
  };

  return {
    now: () => startMs + elapsedMs,
    monotonic: () => elapsedMs,
    after: (delayMs: number, callback: () => void, _options?: TimerOptions) =>
      start(delayMs, callback),
    every: (intervalMs: number, callback: () => void, _options?: TimerOptions) =>
      start(intervalMs, callback, intervalMs),
    get pendingTimers() {
      return entries.size;
    },
    get nextTimerMs() {
      const entry = next();
      return entry && entry.dueMs - elapsedMs;
    },
    advance(ms) {
      const untilMs = elapsedMs + ms;
      while (fireNext(untilMs));
      elapsedMs = untilMs;
    },
    async advanceAsync(ms) {
      const untilMs = elapsedMs + ms;
      await turn();
      while (fireNext(untilMs)) await turn();
      elapsedMs = untilMs;
    },
  };
}

/** Lets promise reactions that are ready, and those they make ready, run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
