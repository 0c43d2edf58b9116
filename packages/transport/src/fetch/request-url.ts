import type { Exchange } from "@king-runtime/core";
import { httpErrors } from "../errors.ts";

// Host and port alone (RFC 9110, section 7.2; RFC 3986, section 3.2.2): anything more would let
// the client write the path that the target is meant to tell.
const authorityForm = /^(\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(:\d*)?$/i;

/**
 * The URL that the client asked for.
 *
 * @throws {KingError} KING_HTTP_REQUEST_INVALID when it is none that a `Request` can have.
 */
export function requestUrl({ scheme, authority, target }: Exchange): string {
  if (scheme !== "http" && scheme !== "https") throw refused("scheme", "http or https");
  if (target.startsWith("/")) {
    const url = `${scheme}://${authority || "localhost"}${target}`;
    const allowed = authority === "" || authorityForm.test(authority);
    if (allowed && URL.canParse(url)) return url;
    throw refused("authority", "a host, and a port if any");
  }
  const url = URL.canParse(target) ? new URL(target) : undefined;
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (isHttp && url?.username === "" && url.password === "") return target;
  throw refused("target", "a path, or an http: or https: URL without credentials");
}

// Methods that the Fetch standard forbids.
const forbiddenMethods = /^(connect|trace|track)$/i;

/** @throws {KingError} KING_HTTP_REQUEST_INVALID for a method that a `Request` cannot have. */
export function checkMethod(method: string): void {
  if (forbiddenMethods.test(method)) throw refused("method", "one that Request allows");
}

const refused = (option: string, expected: string) =>
  httpErrors.create("KING_HTTP_REQUEST_INVALID", `${option}: expected ${expected}`, { option });
