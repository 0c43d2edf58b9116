import type { Send } from "../send.ts";

/** Options of {@link RetryBudget}, looked at. */
export interface RetryBudgetOptions {
  /** What each first attempt grants, from 0 to 1: the share of the traffic that may be further attempts. */
  readonly budget: number;
  /** Further attempts that are granted from the start, and at most kept for later. */
  readonly maxReserve: number;
}

/** Numbers of a {@link RetryBudget} since it was made. */
export interface RetryBudgetStats {
  /** Attempts beyond the first of a request, hedges included. */
  readonly retries: number;
  /** Those that were not made, for there was nothing left to pay for them. */
  readonly refusedByBudget: number;
}

/**
 * Keeps the further attempts of a client a small part of its traffic: retries of everybody at once are what keeps
 * a server down. Retries and hedges of one client pay from the same one.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #maxReserve: number;
  #reserve: number;
  #retries = 0;
  #refused = 0;

  constructor({ budget, maxReserve }: RetryBudgetOptions) {
    this.#share = budget;
    this.#maxReserve = maxReserve;
    this.#reserve = maxReserve;
  }

  /** A request is made. */
  deposit(): void {
    this.#reserve = Math.min(this.#maxReserve, this.#reserve + this.#share);
  }

  /** Whether one further attempt may be made, which is then paid for. */
  take(): boolean {
    // A millionth is what sums of fractions may be off.
    const isGranted = this.#reserve >= 1 - 1e-6;
    if (isGranted) {
      this.#reserve = Math.max(0, this.#reserve - 1);
      this.#retries++;
    } else {
      this.#refused++;
    }
    return isGranted;
  }

  stats(): RetryBudgetStats {
    return { retries: this.#retries, refusedByBudget: this.#refused };
  }
}

/** Has each request pay into `budget`; goes outside of all that take from it. */
export function funding(send: Send, budget: RetryBudget): Send {
  return (request) => {
    budget.deposit();
    return send(request);
  };
}
