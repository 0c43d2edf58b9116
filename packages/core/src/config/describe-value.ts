const longest = 60;

/** A short, safe rendering of a value that came, for "expected ..., got ..." messages. */
export function describeValue(value: unknown): string {
  if (typeof value === "string") {
    const shown = value.length > longest ? `${value.slice(0, longest)}...` : value;
    return JSON.stringify(shown);
  }
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "bigint") return `${value}n`;
  return String(value);
}
