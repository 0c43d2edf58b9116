/** Nanoseconds as the fraction of a second: none, or three, six or nine digits after a point. */
export function formatFraction(nanos: number): string {
  if (nanos === 0) return "";
  const digits = String(nanos).padStart(9, "0");
  if (digits.endsWith("000000")) return `.${digits.slice(0, 3)}`;
  return `.${digits.endsWith("000") ? digits.slice(0, 6) : digits}`;
}

/** Nanoseconds from the digits after the point, at most nine. */
export function parseFraction(digits = ""): number {
  return Number(digits.padEnd(9, "0"));
}
