/** What can be made larger and smaller. */
export interface ScalingTarget {
  readonly name: string;
  /** How many there are, and how many of them take work. */
  observe(options?: { signal?: AbortSignal }): Promise<{ desired: number; ready: number }>;
  /** Asks for `desired`; resolves when the wish is recorded, not when it is met. Idempotent. */
  scale(desired: number, options?: { signal?: AbortSignal }): Promise<void>;
}
