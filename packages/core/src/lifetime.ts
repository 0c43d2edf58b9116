import { type Clock, systemClock } from "./clock.ts";
import type { Closable, Closed, CloseOptions } from "./closable.ts";
import { optionError } from "./config/options.ts";
import { streamErrors } from "./stream-errors.ts";

const defaultDeadlineMs = 30_000;
let lastId = 0;

/**
 * The ends of a {@link Closable}, for implementers: one lazy `closed` promise, a `close` that turns
 * into `abort` at its deadline, disposal.
 */
export abstract class Lifetime<Info extends Closed> implements Closable<Info> {
  #id: string | undefined;
  #info: Info | undefined;
  #closed: PromiseWithResolvers<Info> | undefined;
  #closing = false;

  /** Where the deadline of `close` comes from. */
  protected get clock(): Clock {
    return systemClock;
  }

  /** What {@link id} begins with. */
  protected abstract readonly kind: string;

  get id(): string {
    this.#id ??= `${this.kind}-${++lastId}`;
    return this.#id;
  }

  abstract readonly state: "opening" | "open" | "draining" | "closed";

  /** How it ended; `undefined` while it lives. */
  protected get ended(): Info | undefined {
    return this.#info;
  }

  /** Whether `close` was called. */
  protected get closing(): boolean {
    return this.#closing;
  }

  get closed(): Promise<Info> {
    if (this.#closed === undefined) {
      this.#closed = Promise.withResolvers<Info>();
      if (this.#info !== undefined) this.#closed.resolve(this.#info);
    }
    return this.#closed.promise;
  }

  /** Records the end; the first one counts. */
  protected finish(info: Info): void {
    if (this.#info !== undefined) return;
    this.#info = info;
    this.#closed?.resolve(info);
  }

  /** Begins a graceful end; called once. */
  protected abstract beginClose(options: CloseOptions): void;

  abstract abort(reason?: unknown): void;

  async close(options: CloseOptions = {}): Promise<void> {
    const { deadlineMs = defaultDeadlineMs, signal } = options;
    if (!(deadlineMs >= 0)) {
      throw optionError("deadlineMs", `expected 0 or more, got ${deadlineMs}`);
    }
    if (this.#info !== undefined) return;
    if (!this.#closing) {
      this.#closing = true;
      try {
        this.beginClose(options);
      } catch (error) {
        this.abort(error);
      }
    }
    const cut = () => this.abort(signal?.aborted ? signal.reason : deadlineReached(deadlineMs));
    if (signal?.aborted) cut();
    const waits = this.#info === undefined && deadlineMs !== Number.POSITIVE_INFINITY;
    const timer = waits ? this.clock.after(deadlineMs, cut) : undefined;
    signal?.addEventListener("abort", cut, { once: true });
    await this.closed;
    timer?.cancel();
    signal?.removeEventListener("abort", cut);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const deadlineReached = (deadlineMs: number) =>
  streamErrors.create(
    "KING_STREAM_CLOSED",
    `close: not finished within deadlineMs (${deadlineMs})`,
    {},
  );
