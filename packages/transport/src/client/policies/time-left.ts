import type { Clock } from "@king-runtime/core";
import type { PreparedRequest } from "../prepared-request.ts";
import { timeoutError } from "../request-error.ts";

/** What is left of the `timeoutMs` of `request`, in milliseconds: it is for all attempts and hops together. */
export function timeLeftMs({ limits }: PreparedRequest, sinceMs: number, clock: Clock): number {
  return limits.timeoutMs - (clock.monotonic() - sinceMs);
}

/**
 * `request` with the time that is left for it.
 *
 * @param sinceMs when the first attempt began, by the monotonic time of `clock`.
 * @throws {KingError} KING_HTTP_TIMEOUT when there is none left.
 */
export function withTimeLeft(
  request: PreparedRequest,
  sinceMs: number,
  clock: Clock,
): PreparedRequest {
  const { limits } = request;
  if (limits.timeoutMs === Number.POSITIVE_INFINITY) return request;
  const timeoutMs = Math.floor(timeLeftMs(request, sinceMs, clock));
  if (timeoutMs < 1) throw timeoutError(request, "total", limits.timeoutMs);
  return { ...request, limits: Object.freeze({ ...limits, timeoutMs }) };
}
