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
      return Array.isArray(value) ? "an array" : `an object (${objectTag(value)})`;
    default:
      return `a ${typeof value}`;
  }
}

function objectTag(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}
