import type { Exchange } from "@king-runtime/core";

/** The part of an exchange that decides whether a page may make its request. */
export type OriginRequest = Pick<Exchange, "headers" | "authority" | "scheme">;

/**
 * Whether the page that makes a request may: by the rule of {@link Realtime.handle}, for plain
 * requests that change something to be judged by the same one. A request without `Origin` passes, as
 * it comes from no page; one of the same origin passes, scheme and host compared without regard to
 * case, default ports left out, and `https` pages also where a proxy ends TLS before an `http`
 * listener; any other passes when `allowedOrigins`, written as in the option of that name, has it.
 *
 * A browser states the origin truthfully. Other clients are not kept out by a field they could
 * invent: that takes authentication.
 */
export function isOriginAllowed(
  request: OriginRequest,
  allowedOrigins: readonly string[] = [],
): boolean {
  const stated = request.headers.get("origin");
  if (stated === undefined) return true;
  if (allowedOrigins.includes("*")) return true;
  const origin = stated.toLowerCase();
  if (allowedOrigins.some((pattern) => matchesOrigin(origin, pattern.toLowerCase()))) return true;
  return isSameOrigin(origin, request);
}

function isSameOrigin(origin: string, { authority, scheme }: OriginRequest): boolean {
  const page = parseOrigin(origin);
  if (page === undefined || authority === "") return false;
  // Behind a proxy that ends TLS, an https page reaches a listener that sees http. The other way
  // round a page that anybody on the path may have changed would get in.
  if (scheme === "https" && page.protocol !== "https:") return false;
  // The page's protocol on both sides, so that its default port is left out on both.
  return parseOrigin(`${page.protocol}//${authority}`)?.host === page.host;
}

function parseOrigin(text: string): URL | undefined {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return undefined;
  // An origin has a host and nothing else (RFC 6454, section 6.2).
  return url.pathname === "/" && url.search === "" && url.hash === "" && url.username === ""
    ? url
    : undefined;
}

function matchesOrigin(origin: string, pattern: string): boolean {
  const wanted = pattern.endsWith("/") ? pattern.slice(0, -1) : pattern;
  const star = wanted.indexOf("*.");
  if (star < 0) return origin === wanted;
  const before = wanted.slice(0, star);
  const after = wanted.slice(star + 1);
  if (origin.length <= before.length + after.length) return false;
  const label = origin.slice(before.length, origin.length - after.length);
  return origin.startsWith(before) && origin.endsWith(after) && /^[a-z0-9_-]+$/.test(label);
}
