import { formatFraction, parseFraction } from "./fraction-text.ts";

/** A moment as `google.protobuf.Timestamp` has it. */
export interface SecondsAndNanos {
  readonly seconds: bigint;
  readonly nanos: number;
}

// The years 1 to 9999.
const first = -62_135_596_800n;
const last = 253_402_300_799n;

const rfc3339 =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** RFC 3339 in UTC, as precise as needed; `undefined` outside of the years 1 to 9999. */
export function formatTimestamp({ seconds, nanos }: SecondsAndNanos): string | undefined {
  if (seconds < first || seconds > last || nanos < 0 || nanos > 999_999_999) return undefined;
  const date = new Date(Number(seconds) * 1_000).toISOString().slice(0, 19);
  return `${date}${formatFraction(nanos)}Z`;
}

/** A moment from RFC 3339 with any offset; `undefined` for other text and dates that do not exist. */
export function parseTimestamp(text: string): SecondsAndNanos | undefined {
  const match = rfc3339.exec(text);
  if (match === null) return undefined;
  const [, date = "", fraction, sign, hours, minutes] = match;
  const local = Date.parse(`${date}Z`);
  // Days that the month does not have are counted on into the next one.
  if (Number.isNaN(local) || new Date(local).toISOString().slice(0, 19) !== date) return undefined;
  const offset = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * (sign === "-" ? -60 : 60);
  const seconds = BigInt(local / 1_000 - offset);
  if (seconds < first || seconds > last) return undefined;
  return { seconds, nanos: parseFraction(fraction) };
}
