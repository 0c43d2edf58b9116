/** A timer that has been started; `cancel` is idempotent. */
export interface Timer extends Disposable {
  cancel(): void;
}

/** Options of a {@link Clock} timer. */
export interface TimerOptions {
  /** Whether the timer keeps the process alive. @default true */
  keepAlive?: boolean;
}

/**
 * Where our own timers and time stamps come from, so that tests and simulations own time. Timers
 * inside node and undici do not pass through here.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds from an arbitrary origin; never goes back. For durations. */
  monotonic(): number;
  /** Calls `callback` once after `delayMs`. */
  after(delayMs: number, callback: () => void, options?: TimerOptions): Timer;
  /** Calls `callback` every `intervalMs` until cancelled. */
  every(intervalMs: number, callback: () => void, options?: TimerOptions): Timer;
}

// Longer delays overflow the platform's timer and fire at once.
const longestDelayMs = 2_147_483_647;

interface MaybeUnref {
  unref?(): void;
}

function started(handle: unknown, cancel: () => void, options?: TimerOptions): Timer {
  if (options?.keepAlive === false) (handle as MaybeUnref).unref?.();
  return { cancel, [Symbol.dispose]: cancel };
}

/** The platform's own time. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs: number, callback: () => void, options?: TimerOptions) {
    const handle = setTimeout(callback, Math.min(delayMs, longestDelayMs));
    return started(handle, () => clearTimeout(handle), options);
  },
  every(intervalMs: number, callback: () => void, options?: TimerOptions) {
    const handle = setInterval(callback, Math.min(intervalMs, longestDelayMs));
    return started(handle, () => clearInterval(handle), options);
  },
});

/**
 * Waits `delayMs` on `clock`.
 *
 * @throws the reason of `signal` when it aborts first; no timer or listener is left.
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
