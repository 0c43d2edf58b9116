import type { Clock } from "@king-runtime/core";
import { idleSweepMs } from "./idle-sweep.ts";

/** What {@link lookAfter} needs of a session. */
interface LookedAfter {
  /** Ends it when it has been idle for too long; called every `tickMs`. */
  sweep(tickMs: number): void;
  abort(reason?: unknown): void;
  onEnd: ((session: never) => void) | undefined;
}

/** Has the session of a client end when it is idle, and when `signal` aborts; `release` lets go of what it stood on. */
export function lookAfter(
  session: LookedAfter,
  { idleTimeoutMs, clock }: { readonly idleTimeoutMs: number; readonly clock: Clock },
  signal: AbortSignal | undefined,
  release?: () => void,
): void {
  const tickMs = idleSweepMs(idleTimeoutMs);
  const sweep = Number.isFinite(idleTimeoutMs)
    ? clock.every(tickMs, () => session.sweep(tickMs), { keepAlive: false })
    : undefined;
  const onAbort = () => session.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort);
  session.onEnd = () => {
    sweep?.cancel();
    signal?.removeEventListener("abort", onAbort);
    release?.();
  };
  // It may have fired in the turns between the connection and us.
  if (signal?.aborted) onAbort();
}
