import type { Exchange } from "@king-runtime/core";

/**
 * Whether a request comes from a page of another origin (RFC 6454); without `Origin` it comes from no
 * page. Behind a proxy that ends TLS an https page reaches a listener that sees http, so that way
 * round schemes may differ; a page that anybody on the path may have changed is foreign to https.
 */
export function isForeignPage({ headers, authority, scheme }: Exchange): boolean {
  const origin = headers.get("origin");
  if (origin === undefined) return false;
  const page = URL.parse(origin);
  if (page === null || (page.protocol !== "https:" && page.protocol !== "http:")) return true;
  if (scheme === "https" && page.protocol !== "https:") return true;
  // The page's protocol on both sides, so that its default port is left out on both.
  return URL.parse(`${page.protocol}//${authority}`)?.host !== page.host;
}
