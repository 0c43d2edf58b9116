import {
  type Clock,
  defineSection,
  describeValue,
  durationKey,
  integerKey,
  optionError,
  resolveOptions,
  systemClock,
} from "@king-runtime/core";
import { problemResponse } from "../problem-response.ts";
import { clientKey } from "./client-key.ts";
import { type Middleware, withFields } from "./middleware.ts";
import { TokenBuckets } from "./token-buckets.ts";

/** Options of {@link rateLimit}. */
export interface RateLimitOptions {
  /** Requests that a client may make at once, and within `windowMs`. There is no default. */
  limit: number;
  /** In which the whole of `limit` is granted again, evenly. @default 60_000 */
  windowMs?: number;
  /**
   * Whose bucket a request is taken from; without one (`undefined`) it is not limited. What a client
   * can choose, such as `X-Forwarded-For`, is none. `context` is what the handler was called with.
   * @default the client's address, of IPv6 its /64, by the context that `fromFetch` gives
   */
  key?: (request: Request, context: unknown) => string | undefined;
  /** Clients that are remembered at a time; further ones share what the fullest bucket has left. @default 10_000 */
  maxKeys?: number;
  /** @default systemClock */
  clock?: Clock;
}

const rateLimitSection = defineSection("rateLimit", {
  limit: integerKey({ default: 60, min: 1, max: 1_000_000, doc: "Requests in a window." }),
  windowMs: durationKey({ default: 60_000, min: 1, max: 86_400_000, doc: "Length of a window." }),
  maxKeys: integerKey({ default: 10_000, min: 1, max: 10_000_000, doc: "Clients remembered." }),
});

/**
 * Answers 429 with `Retry-After` to a client that makes more than `limit` requests within `windowMs`
 * (RFC 6585, section 4): a bucket of tokens for each, refilled evenly; refused requests cost none.
 * Responses tell `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10).
 *
 * When `maxKeys` clients are known, the one with the fullest bucket is forgotten for a new one, which takes
 * that bucket over as it is: nobody gets more by making others come, but where `maxKeys` clients have used
 * theirs within the window, newcomers find less than `limit`. The count is this process's alone.
 *
 * @throws {KingError} KING_OPTION_INVALID
 */
export function rateLimit(options: RateLimitOptions): Middleware {
  if (options?.limit === undefined) throw optionError("limit", "expected an integer, got none");
  const { limit, windowMs, maxKeys } = resolveOptions(rateLimitSection, options, {
    others: ["key", "clock"],
  });
  const { key = clientKey, clock = systemClock } = options;
  if (typeof key !== "function") {
    throw optionError("key", `expected a function, got ${describeValue(key)}`);
  }
  const buckets = new TokenBuckets({ limit, windowMs, maxKeys });
  const policy = `"default";q=${limit};w=${Math.ceil(windowMs / 1_000)}`;
  return (handler) =>
    async (request, ...rest) => {
      const client: unknown = key(request, rest[0]);
      if (client !== undefined && typeof client !== "string") {
        throw new TypeError(`key: expected a string or undefined, got ${describeValue(client)}`);
      }
      if (client === undefined) return handler(request, ...rest);
      const { taken, remaining, nextMs } = buckets.take(client, clock.monotonic());
      const seconds = Math.ceil(nextMs / 1_000);
      const state = `"default";r=${remaining};t=${seconds}`;
      if (!taken) {
        await request.body?.cancel();
        return problemResponse(
          { status: 429, detail: `expected at most ${limit} requests in ${windowMs} ms` },
          { "retry-after": String(seconds), "ratelimit-policy": policy, ratelimit: state },
        );
      }
      return withFields(await handler(request, ...rest), (headers) => {
        headers.set("ratelimit-policy", policy);
        headers.set("ratelimit", state);
      });
    };
}
