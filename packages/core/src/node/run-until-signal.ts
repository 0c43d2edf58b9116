import type { DrainReport, System } from "../system/system.ts";

/** Options of {@link runUntilSignal}. */
export interface RunOptions {
  /** @default ["SIGINT", "SIGTERM"] */
  signals?: readonly NodeJS.Signals[];
  /** Time to drain after the first signal, in milliseconds. @default 30_000 */
  deadlineMs?: number;
  /** Ends the run as a signal does. */
  stop?: AbortSignal;
  /** Called once the system is ready. */
  onReady?: () => void;
}

/**
 * Starts `system`, waits for a signal, drains, and gives the report. A second signal while it drains
 * meets the platform's default and ends the process. The handlers are gone when it returns.
 *
 * @throws what {@link System.start} throws, also when the signal came before the system was ready.
 */
export async function runUntilSignal(
  system: System,
  options: RunOptions = {},
): Promise<DrainReport> {
  const { signals = ["SIGINT", "SIGTERM"], deadlineMs = 30_000, stop, onReady } = options;
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const onSignal = () => {
    for (const signal of signals) process.removeListener(signal, onSignal);
    ask();
  };
  for (const signal of signals) process.on(signal, onSignal);
  stop?.addEventListener("abort", onSignal, { once: true });
  try {
    if (stop?.aborted) onSignal();
    const started = system.start();
    await Promise.race([started, asked]);
    if (system.state === "ready") onReady?.();
    await asked;
    // A signal during a start that hangs still ends it: drain gives the start up.
    const report = await system.drain({ deadlineMs });
    await started;
    return report;
  } finally {
    onSignal();
    stop?.removeEventListener("abort", onSignal);
  }
}
