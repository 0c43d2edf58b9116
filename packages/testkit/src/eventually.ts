import { setTimeout as delay } from "node:timers/promises";
import { type DeadlineOptions, defaultDeadlineMs } from "./deadline.ts";

/** Options of {@link eventually}. */
export interface EventuallyOptions extends DeadlineOptions {
  /** Time between two looks, in milliseconds. @default 10 */
  intervalMs?: number;
}

/**
 * Looks until `look` gives something other than `undefined` or `false`, and returns it.
 *
 * For facts outside this process, which send no event: files, memory of another process, a port of
 * a program that is not ours. What happens inside this process is waited for with a recorder.
 *
 * @throws Error naming `what` at the deadline, with the last error of `look` as its cause.
 */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  options: EventuallyOptions = {},
): Promise<T> {
  const deadlineMs = options.deadlineMs ?? defaultDeadlineMs;
  const until = performance.now() + deadlineMs;
  let lastError: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= until)
      throw new Error(`${what}: not within ${deadlineMs} ms`, { cause: lastError });
    await delay(options.intervalMs ?? 10);
  }
}
