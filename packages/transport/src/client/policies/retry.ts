import {
  type Clock,
  defineSection,
  describeValue,
  durationKey,
  integerKey,
  KingError,
  optionError,
  type Random,
  resolveOptions,
  type SectionValues,
  sleep,
} from "@king-runtime/core";
import type { IncomingResponse } from "../incoming-response.ts";
import type { PreparedRequest } from "../prepared-request.ts";
import type { Send } from "../send.ts";
import { discardResponse } from "./discard-response.ts";
import { fractionOption } from "./fraction-option.ts";
import { isRepeatableRequest } from "./repeatable-request.ts";
import { retryAfterMs } from "./retry-after.ts";
import type { RetryBudget, RetryBudgetOptions } from "./retry-budget.ts";
import { timeLeftMs } from "./time-left.ts";

/** When a request is sent again. */
export interface RetryOptions {
  /** How often a request is sent, the first time included, 1 to 100. @default 3 */
  attempts?: number;
  /**
   * Before the first retry, up to this is waited, and up to twice as long before each further one: a time at
   * random, so that clients do not come back together. In milliseconds. @default 100
   */
  baseDelayMs?: number;
  /** The most that is waited unless the server asks for more, in milliseconds. @default 10_000 */
  maxDelayMs?: number;
  /**
   * Statuses from 400 to 599 that are worth another attempt. 408 is not among them, for it is about this
   * client's slowness, nor 425, which concerns early data (RFC 8470) that is not sent. @default [429, 502, 503, 504]
   */
  statuses?: readonly number[];
  /**
   * A response whose `Retry-After` asks for more than this, in milliseconds, is handed out at once. @default 60_000
   */
  maxRetryAfterMs?: number;
  /**
   * Retries that each request grants, from 0 to 1: of the whole traffic, no more than this share is retries, and
   * `maxReserve` beyond. @default 0.2
   */
  budget?: number;
  /** Retries that are granted at the start, and that are at most kept for later, 0 to 10,000. @default 10 */
  maxReserve?: number;
}

/** {@link RetryOptions}, looked at. */
export interface RetryPolicy extends SectionValues<typeof retrySection>, RetryBudgetOptions {
  readonly statuses: ReadonlySet<number>;
}

const retrySection = defineSection("retry", {
  attempts: integerKey({ default: 3, min: 1, max: 100, doc: "Attempts in all." }),
  baseDelayMs: durationKey({ default: 100, max: 3_600_000, doc: "Longest first delay." }),
  maxDelayMs: durationKey({ default: 10_000, max: 3_600_000, doc: "Longest delay." }),
  maxRetryAfterMs: durationKey({ default: 60_000, max: 86_400_000, doc: "Longest Retry-After." }),
  maxReserve: integerKey({ default: 10, max: 10_000, doc: "Retries that are kept for later." }),
});

const defaultStatuses: readonly number[] = [429, 502, 503, 504];

/** @throws {KingError} KING_OPTION_INVALID */
export function retryPolicy(options: RetryOptions = {}): RetryPolicy {
  const section = resolveOptions(retrySection, options, { others: ["statuses", "budget"] });
  const { statuses = defaultStatuses, budget = 0.2 } = options;
  const areStatuses = Array.isArray(statuses) && statuses.every(isErrorStatus);
  if (!areStatuses) {
    const got = describeValue(statuses);
    throw optionError("statuses", `expected a list of statuses from 400 to 599, got ${got}`);
  }
  return {
    ...section,
    statuses: new Set(statuses),
    budget: fractionOption("budget", budget),
  };
}

const isErrorStatus = (status: unknown) =>
  Number.isInteger(status) && (status as number) >= 400 && (status as number) < 600;

/** What {@link retrying} works with. */
export interface RetryFacilities {
  readonly clock: Clock;
  readonly random: Random;
  readonly budget: RetryBudget;
  /** Ends the waiting. @default nothing but the caller's signal does */
  readonly cut?: AbortSignal;
}

/**
 * Sends a request again whose attempt came to nothing, after a while.
 *
 * Only what can be sent again is, and only if to do it twice does no more than once (`idempotent`); any other
 * method too where no request was sent, or the server has told that it did nothing. An error is worth another
 * attempt when it is `retryable` and of the network or a deadline, but `timeoutMs`, which is for all attempts
 * together, and the wait for a connection. The caller's signal ends the waiting at once. When no further attempt
 * is made, the last one's response or error is the outcome, as it is.
 */
export function retrying(
  send: Send,
  policy: RetryPolicy,
  { clock, random, budget, cut }: RetryFacilities,
): Send {
  /** How long to wait after what became of an attempt; `undefined` when that is the outcome. */
  const delayAfter = (
    request: PreparedRequest,
    attempts: number,
    response: IncomingResponse | undefined,
    error: unknown,
  ): number | undefined => {
    if (attempts >= policy.attempts || request.signal?.aborted) return undefined;
    if (!isRepeatableRequest(request)) return undefined;
    const isWorthIt =
      response === undefined
        ? isWorthRetry(error, request)
        : request.idempotent && policy.statuses.has(response.status);
    if (!isWorthIt) return undefined;
    const askedMs =
      response === undefined
        ? (error as KingError).retryAfterMs
        : retryAfterMs(response.headers, clock.now());
    if (askedMs !== undefined && askedMs > policy.maxRetryAfterMs) return undefined;
    const longestMs = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (attempts - 1));
    return Math.max(random.next() * longestMs, askedMs ?? 0);
  };

  return async (request) => {
    for (let attempts = 1; ; attempts++) {
      let response: IncomingResponse | undefined;
      let failure: unknown;
      try {
        response = await send(request);
      } catch (error) {
        failure = error;
      }
      const delayMs = delayAfter(request, attempts, response, failure);
      const isDue = delayMs !== undefined && delayMs < timeLeftMs(request) && budget.take();
      if (!isDue) {
        if (response === undefined) throw failure;
        return response;
      }
      if (response !== undefined) discardResponse(response, clock);
      await sleep(clock, delayMs, either(request.signal, cut));
    }
  };
}

const either = (one: AbortSignal | undefined, other: AbortSignal | undefined) =>
  one !== undefined && other !== undefined ? AbortSignal.any([one, other]) : (one ?? other);

function isWorthRetry(error: unknown, { idempotent }: PreparedRequest): boolean {
  if (isHandshakeCut(error)) return true;
  if (!KingError.is(error) || !error.retryable) return false;
  if (error.category !== "network" && error.category !== "timeout") return false;
  const { phase, processed, status } = error.details;
  if (error.code === "KING_HTTP_TIMEOUT" && (phase === "total" || phase === "queue")) return false;
  // What a proxy refuses for good, it refuses the next time too.
  if (error.code === "KING_NET_PROXY" && typeof status === "number" && status < 500) return false;
  return idempotent || processed === false || beforeRequest.has(error.code);
}

/** Whether a connection went within its TLS handshake, as of a server that starts anew; what is refused there stays so. */
function isHandshakeCut(error: unknown): boolean {
  if (!KingError.is(error, "KING_NET_TLS") || error.details["reason"] !== "handshake") return false;
  const { code = "" } = (error.cause ?? {}) as { code?: string };
  return !code.startsWith("ERR_");
}

/** What happens before a byte of a request is sent. */
const beforeRequest: ReadonlySet<string> = new Set([
  "KING_NET_RESOLVE",
  "KING_NET_CONNECT",
  "KING_NET_TIMEOUT",
  "KING_NET_PROXY",
]);
