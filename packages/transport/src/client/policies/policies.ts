import { type Clock, describeValue, optionError, type Random } from "@king-runtime/core";
import type { IncomingResponse } from "../incoming-response.ts";
import type { PreparedRequest } from "../prepared-request.ts";
import type { Send } from "../send.ts";
import type { CircuitState } from "./circuit.ts";
import {
  CircuitBreaker,
  type CircuitBreakerOptions,
  circuitBreakerPolicy,
} from "./circuit-breaker.ts";
import { type HedgeOptions, type HedgePolicy, hedgePolicy, hedging } from "./hedge.ts";
import {
  followRedirects,
  type RedirectOptions,
  type RedirectPolicy,
  redirectPolicy,
} from "./redirects.ts";
import { type RetryOptions, type RetryPolicy, retrying, retryPolicy } from "./retry.ts";
import { funding, RetryBudget, type RetryBudgetStats } from "./retry-budget.ts";

/** What a client does beyond sending; each is off unless it is given. */
export interface PolicyOptions {
  /** Follows redirects: how many at most, or more about it. @default false */
  redirects?: false | number | RedirectOptions;
  /** Sends requests again that came to nothing; `true` takes the defaults. @default false */
  retry?: boolean | RetryOptions;
  /** Makes another attempt where one is slow. @default false */
  hedge?: false | HedgeOptions;
  /** Leaves origins alone that fail; `true` takes the defaults. @default false */
  circuitBreaker?: boolean | CircuitBreakerOptions;
}

/** What one request does otherwise than its client. */
export interface ExchangePolicyOptions {
  /** How many redirects to follow at most, or none. @default what the client does */
  redirects?: false | number;
  /** Whether it is sent again as the client is set up to do. @default what the client does */
  retry?: boolean;
  /** Whether another attempt is made as the client is set up to do. @default what the client does */
  hedge?: boolean;
}

/** Names of {@link PolicyOptions}. */
export const policyNames = ["redirects", "retry", "hedge", "circuitBreaker"] as const;
/** Names of {@link ExchangePolicyOptions}. */
export const exchangePolicyNames = ["redirects", "retry", "hedge"] as const;

/** What {@link Policies} work with. */
export interface PolicyFacilities {
  readonly clock: Clock;
  readonly random: Random;
  /** Ends waiting between attempts: the client is gone. */
  readonly cut?: AbortSignal;
}

/** The policies of one client around its way to send: redirects, retries, hedges, circuits, from the outside in. */
export class Policies {
  readonly #facilities: PolicyFacilities;
  readonly #redirects: RedirectPolicy | undefined;
  readonly #retry: RetryPolicy | undefined;
  readonly #hedge: HedgePolicy | undefined;
  readonly #breaker: CircuitBreaker | undefined;
  readonly #budget: RetryBudget;
  /** Past the circuits, which concern every attempt. */
  readonly #innermost: Send;
  /** For requests that have no ways of their own. */
  readonly #send: Send;

  /** @throws {KingError} KING_OPTION_INVALID */
  constructor(options: PolicyOptions, send: Send, facilities: PolicyFacilities) {
    const { redirects, retry, hedge, circuitBreaker } = options;
    this.#facilities = facilities;
    this.#redirects = redirectsOf(redirects);
    this.#retry =
      retry === undefined || retry === false ? undefined : retryPolicy(given("retry", retry));
    this.#hedge =
      hedge === undefined || hedge === false
        ? undefined
        : hedgePolicy(given("hedge", hedge, false) as HedgeOptions);
    if (circuitBreaker !== undefined && circuitBreaker !== false) {
      const policy = circuitBreakerPolicy(given("circuitBreaker", circuitBreaker));
      this.#breaker = new CircuitBreaker(policy, facilities.clock);
    }
    this.#budget = new RetryBudget(this.#retry ?? retryPolicy());
    this.#innermost = this.#breaker?.guarding(send) ?? send;
    this.#send = this.#chain(this.#redirects, this.#retry, this.#hedge);
  }

  /**
   * Sends `request` as the client does, but for what is told of it in `own`.
   *
   * @throws {KingError} KING_OPTION_INVALID, KING_HTTP_REDIRECT, KING_HTTP_CIRCUIT_OPEN, and what sending throws.
   */
  send(request: PreparedRequest, own: ExchangePolicyOptions = {}): Promise<IncomingResponse> {
    const { redirects, retry, hedge } = own;
    if (redirects === undefined && retry === undefined && hedge === undefined) {
      return this.#send(request);
    }
    return this.#chain(
      redirects === undefined ? this.#redirects : this.#ownRedirects(redirects),
      switched("retry", retry, this.#retry),
      switched("hedge", hedge, this.#hedge),
    )(request);
  }

  /** Of an origin such as `"https://example.com"`; `"closed"` also where there is no breaker. */
  circuit(origin: string): CircuitState {
    return this.#breaker?.state(origin) ?? "closed";
  }

  stats(): RetryBudgetStats {
    return this.#budget.stats();
  }

  #ownRedirects(redirects: false | number): RedirectPolicy | undefined {
    if (redirects !== false && typeof redirects !== "number") {
      throw optionError("redirects", `expected false or a number, got ${describeValue(redirects)}`);
    }
    const own = redirectsOf(redirects);
    // What is secret for the client is so for each of its requests.
    return own && { ...own, secretHeaders: this.#redirects?.secretHeaders ?? own.secretHeaders };
  }

  #chain(
    redirects: RedirectPolicy | undefined,
    retry: RetryPolicy | undefined,
    hedge: HedgePolicy | undefined,
  ): Send {
    const facilities = { ...this.#facilities, budget: this.#budget };
    let send = this.#innermost;
    if (hedge !== undefined) send = hedging(send, hedge, facilities);
    if (retry !== undefined) send = retrying(send, retry, facilities);
    // Paid for by all requests, also by those that are not sent again themselves.
    if (this.#hedge !== undefined || this.#retry !== undefined) send = funding(send, this.#budget);
    if (redirects !== undefined) send = followRedirects(send, redirects, facilities);
    return send;
  }
}

function redirectsOf(redirects: PolicyOptions["redirects"]): RedirectPolicy | undefined {
  if (redirects === undefined || redirects === false) return undefined;
  if (typeof redirects === "object" && redirects !== null) return redirectPolicy(redirects);
  if (
    typeof redirects === "number" &&
    Number.isInteger(redirects) &&
    redirects >= 0 &&
    redirects <= 100
  ) {
    return redirectPolicy({ max: redirects });
  }
  const got = describeValue(redirects);
  throw optionError("redirects", `expected false, 0 to 100, or an object, got ${got}`);
}

/** The options of a policy that is on. */
function given<Options extends object>(
  name: string,
  options: true | Options,
  mayBeTrue = true,
): Options | undefined {
  if (mayBeTrue && options === true) return undefined;
  if (typeof options === "object" && options !== null) return options;
  const expected = mayBeTrue ? "a boolean or an object" : "false or an object";
  throw optionError(name, `expected ${expected}, got ${describeValue(options)}`);
}

function switched<Policy>(
  name: string,
  isOn: boolean | undefined,
  policy: Policy | undefined,
): Policy | undefined {
  if (isOn !== undefined && typeof isOn !== "boolean") {
    throw optionError(name, `expected a boolean, got ${describeValue(isOn)}`);
  }
  if (isOn === true && policy === undefined) {
    throw optionError(name, "expected a client that is set up for it");
  }
  return isOn === false ? undefined : policy;
}
