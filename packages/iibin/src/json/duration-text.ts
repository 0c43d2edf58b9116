import { formatFraction, parseFraction } from "./fraction-text.ts";
import type { SecondsAndNanos } from "./timestamp-text.ts";

// Ten thousand years.
const most = 315_576_000_000n;

/** Seconds with up to nine decimals and an "s"; `undefined` when too long, or of mixed signs. */
export function formatDuration({ seconds, nanos }: SecondsAndNanos): string | undefined {
  if (seconds < -most || seconds > most || Math.abs(nanos) > 999_999_999) return undefined;
  if ((seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0)) return undefined;
  const isNegative = seconds < 0n || nanos < 0;
  const whole = seconds < 0n ? -seconds : seconds;
  return `${isNegative ? "-" : ""}${whole}${formatFraction(Math.abs(nanos))}s`;
}

/** The opposite of {@link formatDuration}, from one to nine decimals. */
export function parseDuration(text: string): SecondsAndNanos | undefined {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction] = match;
  const seconds = BigInt(whole);
  const nanos = parseFraction(fraction);
  if (seconds > most) return undefined;
  return sign === "-" ? { seconds: -seconds, nanos: 0 - nanos } : { seconds, nanos };
}
