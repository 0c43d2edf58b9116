/** Where durable work stands. */
export type RunState = "queued" | "running" | "waiting" | "succeeded" | "failed" | "cancelled";

/** One run of durable work. */
export interface RunInfo {
  readonly id: string;
  readonly kind: string;
  readonly state: RunState;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Durable work, whoever carries it out. */
export interface RunService {
  /** The same `idempotencyKey` gives the same run. */
  submit(
    kind: string,
    input: unknown,
    options?: { idempotencyKey?: string; signal?: AbortSignal },
  ): Promise<RunInfo>;
  get(id: string, options?: { signal?: AbortSignal }): Promise<RunInfo | undefined>;
  /** Asks it to end; whether it was still under way. */
  cancel(id: string, options?: { reason?: string; signal?: AbortSignal }): Promise<boolean>;
}
