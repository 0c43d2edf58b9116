/** What decides whether a page may connect. */
export interface OriginFacts {
  /** The request's `Origin`; absent from clients that are not browsers. */
  readonly origin: string | undefined;
  /** Host and port the request was made to. */
  readonly authority: string;
  /** `"http"` or `"https"`, as the listener sees it. */
  readonly scheme: string;
}

/**
 * Whether a page of that origin may connect: the same origin as the endpoint always may, others when
 * `allowed` names them. A browser states the origin truthfully; a client without one is no browser,
 * and is not kept out by a field it could invent.
 */
export function mayConnect(facts: OriginFacts, allowed: readonly string[]): boolean {
  if (facts.origin === undefined) return true;
  if (allowed.includes("*")) return true;
  const origin = facts.origin.toLowerCase();
  if (allowed.some((pattern) => matchesOrigin(origin, pattern.toLowerCase()))) return true;
  return isSameOrigin(origin, facts);
}

function isSameOrigin(origin: string, { authority, scheme }: OriginFacts): boolean {
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
