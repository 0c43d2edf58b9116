import type { HeaderView } from "@king-runtime/core";
import { httpErrors, type RedirectFailure } from "../../errors.ts";

/** The error of a redirect that is not followed; without the Location in it, which may hold secrets. */
export function redirectError(reason: RedirectFailure, message: string, options?: ErrorOptions) {
  return httpErrors.create("KING_HTTP_REDIRECT", `redirect: ${message}`, { reason }, options);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is refused
const control = /[\u0000-\u001f\u007f]/;
const beyondAscii = /[\u0080-\u00ff]/;

/**
 * Where a response to a request for `base` leads (RFC 9110, section 10.2.2); the fragment of `base` stays where
 * it names none.
 *
 * @throws {KingError} KING_HTTP_REDIRECT
 */
export function redirectTarget(headers: HeaderView, base: URL): URL {
  const lines = headers.getAll("location");
  const [location] = lines;
  if (location === undefined || lines.length > 1) {
    throw redirectError("location", `expected one Location, got ${lines.length}`);
  }
  if (location === "" || control.test(location)) {
    throw redirectError("location", "expected a Location with text and without control characters");
  }
  const text = decoded(location);
  const target = text === undefined ? null : URL.parse(text, base.href);
  if (text === undefined || target === null) {
    throw redirectError("location", "expected a Location that is a URL");
  }
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    throw redirectError("scheme", `expected http: or https:, got ${target.protocol}`);
  }
  if (target.username !== "" || target.password !== "") {
    throw redirectError("location", "expected a Location without credentials");
  }
  if (base.protocol === "https:" && target.protocol === "http:") {
    throw redirectError("scheme", "expected https: to stay https:, got http:");
  }
  if (!text.includes("#")) target.hash = base.hash;
  return target;
}

/** Field values come byte by byte; beyond ASCII they are UTF-8, if anything. */
function decoded(location: string): string | undefined {
  if (!beyondAscii.test(location)) return location;
  try {
    return utf8.decode(Buffer.from(location, "latin1"));
  } catch {
    return undefined;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
