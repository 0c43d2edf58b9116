/** How often to look so that an idle timeout is met within a quarter of itself, in milliseconds. */
export const idleSweepMs = (idleTimeoutMs: number): number =>
  Math.min(1_000, Math.max(10, Math.floor(idleTimeoutMs / 4)));
