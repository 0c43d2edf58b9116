/** Where a session, stream or listener is in its life. It only moves forward. */
export type LifeState = "opening" | "open" | "draining" | "closed";

/** How something ended; the value of every `closed` promise. */
export interface Closed {
  /** Who ended it; `"network"` when the connection broke under both. */
  readonly by: "local" | "peer" | "network";
  /** Whether everything under way was finished first. */
  readonly clean: boolean;
  /** The protocol's own code, where it has one. */
  readonly code?: number;
  readonly reason?: string;
  readonly error?: Error;
}

/** Options of {@link Closable.close}. */
export interface CloseOptions {
  /** Told to the peer where the protocol can carry it. */
  reason?: string;
  /** Told to the peer where the protocol can carry it. */
  code?: number;
  /** How long to wait for what is under way, in milliseconds, before it is aborted; `Infinity` waits. @default 30_000 */
  deadlineMs?: number;
  /** Turns the wait into an abort when it fires; `close` still resolves. */
  signal?: AbortSignal;
}

/** Something with an owner and an end. Who opens it closes it; `await using` does. */
export interface Closable<Info extends Closed = Closed> extends AsyncDisposable {
  /** Unique in this process. For logs and tables; carries no meaning. */
  readonly id: string;
  readonly state: LifeState;
  /** Resolves once, when everything is released; never rejects. Also when first read afterwards. */
  readonly closed: Promise<Info>;
  /**
   * Ends it gracefully: refuses new work, waits for what is under way. Idempotent; concurrent calls
   * share one end. At the deadline it becomes {@link abort}, and still resolves.
   */
  close(options?: CloseOptions): Promise<void>;
  /** Ends it now. What was under way fails with `reason`. Idempotent. */
  abort(reason?: unknown): void;
}
