import { RequestFault } from "./request-fault.ts";

/**
 * Reads a query strictly: what is not percent-encoded UTF-8 is refused rather than repaired, since a
 * repaired name would be another object's.
 *
 * @throws RequestFault 400 for a malformed query, or one that gives a name twice.
 */
export function parseQuery(query: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    if (values.has(name)) throw new RequestFault(400, `query: expected ${name} once`);
    values.set(name, equals < 0 ? "" : decode(pair.slice(equals + 1)));
  }
  return values;
}

/** Decodes one segment of a path. @throws RequestFault 400 */
export function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new RequestFault(400, "expected percent-encoded UTF-8");
  }
}

function decode(text: string): string {
  return decodeSegment(text.replaceAll("+", " "));
}
