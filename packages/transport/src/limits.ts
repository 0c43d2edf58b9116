import type { Clock, SectionValues } from "@king-runtime/core";
import type { httpSection } from "./config.ts";

/** What the exchanges of a listener work with. */
export interface HttpLimits extends SectionValues<typeof httpSection> {
  readonly clock: Clock;
  /** What responses over TCP tell of HTTP/3 (RFC 7838), once it is there. */
  altSvc?: string;
}
