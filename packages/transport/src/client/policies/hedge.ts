import {
  type Clock,
  defineSection,
  durationKey,
  integerKey,
  optionError,
  resolveOptions,
  type SectionValues,
  streamErrors,
  type Timer,
} from "@king-runtime/core";
import type { IncomingResponse } from "../incoming-response.ts";
import type { PreparedRequest } from "../prepared-request.ts";
import type { Send } from "../send.ts";
import { isRepeatableRequest } from "./repeatable-request.ts";
import type { RetryBudget } from "./retry-budget.ts";
import { timeLeftMs } from "./time-left.ts";

/** When a request is sent again that is not answered yet. */
export interface HedgeOptions {
  /**
   * Without a head for this long, in milliseconds, another attempt is made; what 95 % of the answers come within
   * is a good choice. There is no default.
   */
  delayMs: number;
  /** Further attempts beside the first, each `delayMs` after the one before, 1 to 10. @default 1 */
  max?: number;
}

/** {@link HedgeOptions}, looked at. */
export type HedgePolicy = SectionValues<typeof hedgeSection>;

const hedgeSection = defineSection("hedge", {
  delayMs: durationKey({ default: 1_000, min: 1, max: 3_600_000, doc: "Until another attempt." }),
  max: integerKey({ default: 1, min: 1, max: 10, doc: "Further attempts." }),
});

/** @throws {KingError} KING_OPTION_INVALID */
export function hedgePolicy(options: HedgeOptions): HedgePolicy {
  if (options.delayMs === undefined) throw optionError("delayMs", "expected a duration, got none");
  return resolveOptions(hedgeSection, options);
}

/** What {@link hedging} works with. */
export interface HedgeFacilities {
  readonly clock: Clock;
  /** What further attempts are paid from; retries of the same client share it. */
  readonly budget: RetryBudget;
}

/**
 * Makes another attempt where the first is slow, and takes the first head that comes; the other attempts end, so
 * that their servers see it. Only for requests that can be sent twice and do no more then (`idempotent`).
 *
 * An attempt that fails waits for the others that are under way; when all have failed, the first error is the
 * outcome. `onInformational` is told of the interim responses of all attempts.
 */
export function hedging(send: Send, policy: HedgePolicy, facilities: HedgeFacilities): Send {
  return (request) => {
    if (!request.idempotent || !isRepeatableRequest(request)) return send(request);
    return new HedgedRequest(request, send, policy, facilities).outcome;
  };
}

class HedgedRequest {
  readonly #request: PreparedRequest;
  readonly #send: Send;
  readonly #policy: HedgePolicy;
  readonly #clock: Clock;
  readonly #budget: RetryBudget;
  readonly #settled = Promise.withResolvers<IncomingResponse>();
  readonly #underWay = new Set<AbortController>();
  #winner: AbortController | undefined;
  #isOver = false;
  #hedges = 0;
  #timer: Timer | undefined;
  #firstFailure: { readonly error: unknown } | undefined;

  constructor(
    request: PreparedRequest,
    send: Send,
    policy: HedgePolicy,
    facilities: HedgeFacilities,
  ) {
    this.#request = request;
    this.#send = send;
    this.#policy = policy;
    this.#clock = facilities.clock;
    this.#budget = facilities.budget;
    void this.#attempt(request);
    this.#awaitNext();
  }

  get outcome(): Promise<IncomingResponse> {
    return this.#settled.promise;
  }

  #awaitNext(): void {
    if (this.#isOver || this.#hedges >= this.#policy.max) return;
    this.#timer = this.#clock.after(this.#policy.delayMs, () => this.#hedge());
  }

  #hedge(): void {
    if (timeLeftMs(this.#request) < 1 || !this.#budget.take()) return;
    this.#hedges++;
    void this.#attempt(this.#request);
    this.#awaitNext();
  }

  async #attempt(request: PreparedRequest): Promise<void> {
    const own = new AbortController();
    this.#underWay.add(own);
    const { signal } = request;
    try {
      const response = await this.#send({
        ...request,
        signal: signal === undefined ? own.signal : AbortSignal.any([signal, own.signal]),
        // At once: another attempt that waits for a connection would be sent on the winner's.
        onAnswered: () => this.#onAnswered(own),
      });
      this.#onAnswered(own);
      this.#underWay.delete(own);
      // Two heads may come at once.
      if (this.#winner === own) this.#settled.resolve(response);
      else response.cancel(outrun());
    } catch (error) {
      this.#underWay.delete(own);
      if (this.#winner === own) this.#settled.reject(error);
      else if (!this.#isOver) this.#lose(error);
    }
  }

  #onAnswered(own: AbortController): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#winner = own;
    this.#timer?.cancel();
    for (const other of this.#underWay) if (other !== own) other.abort(outrun());
  }

  #lose(error: unknown): void {
    this.#firstFailure ??= { error };
    if (this.#underWay.size > 0) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#settled.reject(this.#firstFailure.error);
  }
}

const outrun = () =>
  streamErrors.create("KING_STREAM_CLOSED", "another attempt was answered first", {});
