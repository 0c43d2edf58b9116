import type { Exchange } from "@king-runtime/core";
import { isAuthority } from "../authority.ts";
import { httpErrors } from "../errors.ts";

const absoluteForm = /^https?:\/\/[^/?#]*(?=[/?]|$)/i;

// What the URL standard would make another path of: segments of dots, encoded or not, what it takes for a
// slash, for the end of the path, or for nothing.
const otherPath = /[\\#\0-\x20]|(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i;

/**
 * The URL that the client asked for. Its path is the one of the exchange, segment by segment, and it is
 * `https` only where the session has TLS, whatever the client says: no other connection is one for
 * `https` (RFC 9110, section 7.4).
 *
 * @throws {KingError} KING_HTTP_REQUEST_INVALID when it is none that a `Request` can have.
 */
export function requestUrl(exchange: Exchange): string {
  const { scheme, authority, target, path } = exchange;
  if (scheme !== "http" && scheme !== "https") throw refused("scheme", "http or https");
  const origin = target.startsWith("/") ? "" : absoluteForm.exec(target)?.[0];
  if (origin === undefined || otherPath.test(path)) {
    throw refused("target", "a path without . or .. segments, or an http: or https: URL with one");
  }
  const base = originOf(exchange.session.tls === undefined ? "http" : "https", authority);
  return base + (origin === "" ? target : target.slice(origin.length));
}

// Clients name the same one again and again.
let last = { scheme: "", authority: "", origin: "" };

function originOf(scheme: string, authority: string): string {
  if (last.scheme === scheme && last.authority === authority) return last.origin;
  const origin = `${scheme}://${authority || "localhost"}`;
  // Anything more would let the client write the path that the target is meant to tell. Behind an
  // authority that can be parsed any path can stand.
  if (!(isAuthority(authority) && URL.canParse(origin)))
    throw refused("authority", "a host, and a port if any");
  last = { scheme, authority, origin };
  return origin;
}

const ordinaryMethods = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]);

// Methods that the Fetch standard forbids.
const forbiddenMethods = /^(connect|trace|track)$/i;

// And those that it writes in upper case, though to HTTP they are others (RFC 9110, section 9.1).
const rewrittenMethods = /^(delete|get|head|options|post|put)$/i;

/** @throws {KingError} KING_HTTP_REQUEST_INVALID for a method that a `Request` cannot have. */
export function checkMethod(method: string): void {
  if (ordinaryMethods.has(method)) return;
  const isRewritten = rewrittenMethods.test(method);
  if (forbiddenMethods.test(method) || isRewritten) {
    throw refused("method", "one that Request allows, and leaves as it is");
  }
}

const refused = (option: string, expected: string) =>
  httpErrors.create("KING_HTTP_REQUEST_INVALID", `${option}: expected ${expected}`, { option });
