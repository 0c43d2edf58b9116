import type { Exchange } from "@king-runtime/core";

/**
 * Whether the page that asks may. A request without `Origin` comes from no page; a page of the same origin may, and any
 * that `allowed` has: `"https://a.example"`, `"https://*.a.example"` for one label more, or `"*"`. Other clients than
 * browsers are not kept out by a field that they could invent: that takes authentication.
 */
export function isOriginAllowed(
  { headers, authority, scheme }: Pick<Exchange, "headers" | "authority" | "scheme">,
  allowed: readonly string[],
): boolean {
  const stated = headers.get("origin");
  if (stated === undefined || allowed.includes("*")) return true;
  const origin = stated.toLowerCase();
  const own = URL.parse(`${scheme}://${authority}`)?.origin;
  return origin === own || allowed.some((pattern) => matches(origin, pattern.toLowerCase()));
}

function matches(origin: string, pattern: string): boolean {
  const [before = "", after] = pattern.split("*");
  if (after === undefined) return origin === pattern;
  const label = origin.slice(before.length, origin.length - after.length);
  return origin.startsWith(before) && origin.endsWith(after) && /^[a-z\d_-]+$/.test(label);
}
