import { type DeadlineOptions, defaultDeadlineMs } from "./deadline.ts";

/** How many handles and timers of each kind are open, by libuv's names such as `"TCPSocketWrap"`. */
export type ResourceCounts = Readonly<Record<string, number>>;

// Work of one turn, and what the test runner itself opens and closes at any time.
const ignored = new Set(["Immediate", "TickObject", "MessagePort", "FSReqPromise", "PipeWrap"]);

/** What keeps this process busy now. */
export function activeResources(): ResourceCounts {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (!ignored.has(kind)) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** A count taken earlier, to compare with. */
export interface ResourceWatch {
  readonly before: ResourceCounts;
  /**
   * Waits until no kind has more than at first; closing a handle takes a few turns of the loop.
   *
   * @throws Error naming what is still open, at the deadline.
   */
  settled(options?: DeadlineOptions): Promise<void>;
}

/** Counts handles and timers now, to show later that none was left behind. */
export function watchResources(): ResourceWatch {
  const before = activeResources();
  const excess = () =>
    Object.entries(activeResources()).filter(([kind, count]) => count > (before[kind] ?? 0));
  return {
    before,
    async settled(options = {}) {
      const deadlineMs = options.deadlineMs ?? defaultDeadlineMs;
      const until = performance.now() + deadlineMs;
      while (excess().length > 0) {
        if (performance.now() >= until) {
          const left = excess().map(
            ([kind, count]) => `${kind} ${count} (was ${before[kind] ?? 0})`,
          );
          throw new Error(`still open after ${deadlineMs} ms: ${left.join(", ")}`);
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}
