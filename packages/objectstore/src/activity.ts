/** One call under way: what close waits for and abort ends. */
export class Activity implements Disposable {
  readonly #all: Set<Activity>;
  readonly #idle: () => void;
  readonly #signal: AbortSignal | undefined;
  #aborted: { readonly reason: unknown } | undefined;
  /** Called once, at the abort. */
  onAbort: ((reason: unknown) => void) | undefined;

  /** @param idle called when the last activity of `all` is over. */
  constructor(all: Set<Activity>, idle: () => void, signal: AbortSignal | undefined) {
    this.#all = all;
    this.#idle = idle;
    this.#signal = signal;
    all.add(this);
    signal?.addEventListener("abort", this.#onSignal, { once: true });
  }

  readonly #onSignal = () => this.abort(this.#signal?.reason);

  /** @throws the reason when it was aborted. */
  check(): void {
    if (this.#aborted) throw this.#aborted.reason;
  }

  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = { reason };
    this.onAbort?.(reason);
    this.onAbort = undefined;
  }

  /** `promise`, or a rejection as soon as this is aborted. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#aborted) return reject(this.#aborted.reason);
      this.onAbort = reject;
      promise.then(resolve, reject).finally(() => {
        if (this.onAbort === reject) this.onAbort = undefined;
      });
    });
  }

  /** Ends it; idempotent. */
  [Symbol.dispose](): void {
    if (!this.#all.delete(this)) return;
    this.#signal?.removeEventListener("abort", this.#onSignal);
    this.onAbort = undefined;
    if (this.#all.size === 0) this.#idle();
  }
}
