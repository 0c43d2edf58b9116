import type { Clock, SectionValues } from "@king-runtime/core";
import type { requestSection } from "../config.ts";

/** The limits of one request, and the clock they are measured by. */
export interface RequestLimits extends SectionValues<typeof requestSection> {
  readonly clock: Clock;
}
