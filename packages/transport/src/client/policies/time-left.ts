import type { PreparedRequest } from "../prepared-request.ts";

/** What is left for `request`, all its attempts and hops together, in milliseconds. */
export const timeLeftMs = ({ deadlineMs, limits }: PreparedRequest): number =>
  deadlineMs === Number.POSITIVE_INFINITY ? deadlineMs : deadlineMs - limits.clock.monotonic();
