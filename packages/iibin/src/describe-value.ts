/** What came, for an error message: the type, and the value where it is short and no secret is likely. */
export function describeValue(value: unknown): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "number":
    case "boolean":
    case "undefined":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return value < 1n << 80n && value > -(1n << 80n) ? `${value}n` : "a bigint of over 80 bits";
    case "string":
      return `a string of ${value.length} characters`;
    case "object":
      try {
        return `an ${kindOf(value)}`;
      } catch {
        return "a proxy that was revoked";
      }
    default:
      return `a ${typeof value}`;
  }
}

/** By what it is, and not by what it says of itself, which may be somebody's secret. */
function kindOf(value: object): string {
  if (Array.isArray(value)) return "array";
  for (const known of [Map, Set, Date, RegExp, Error, Promise, Uint8Array, ArrayBuffer])
    if (value instanceof known) return `object (${known.name})`;
  return ArrayBuffer.isView(value) ? "object (a view of memory)" : "object";
}
