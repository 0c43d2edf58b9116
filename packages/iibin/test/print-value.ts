/**
 * A message as text that differs whenever decoded messages do: own keys of whichever name, in a fixed
 * order; -0, NaN, bigint and bytes as such. Tests compare it, and it is read when they fail.
 */
export function printValue(value: unknown): string {
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Uint8Array) return `<${hex(value)}>`;
  if (Array.isArray(value)) return `[${value.map(printValue).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const keys = Reflect.ownKeys(value).map(String).sort();
  const entries = keys.map(
    (key) =>
      `${JSON.stringify(key)}: ${printValue(Object.getOwnPropertyDescriptor(value, key)?.value)}`,
  );
  return `{ ${entries.join(", ")} }`;
}

/** Without Node's buffers, which browsers lack. */
function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
