import { validateHeaderName, validateHeaderValue } from "node:http";
import type { HeaderFields } from "@king-runtime/core";

/** Fields that speak of a connection (RFC 9114, section 4.2), and so are not sent. */
const connectionFields: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

const maxKnownNames = 1_000;
/** Names that were looked at before, in lower case; empty for those that are not sent. */
const knownNames = new Map<string, string>();

/** @throws TypeError for what is no name of a field. */
function sentName(name: string): string {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  validateHeaderName(name);
  const lower = name.toLowerCase();
  const sent = connectionFields.has(lower) ? "" : lower;
  if (knownNames.size < maxKnownNames) knownNames.set(name, sent);
  return sent;
}

/**
 * A field section as it is sent: pseudo-fields first, names in lower case.
 *
 * @throws TypeError for a field that cannot be sent.
 */
export function fieldSection(
  pseudo: readonly string[],
  headers: HeaderFields | undefined,
): string[] {
  const section = [...pseudo];
  for (const name in headers) {
    const sent = sentName(name);
    const value = headers[name] as string | readonly string[];
    for (const line of typeof value === "string" ? [value] : value) {
      validateHeaderValue(name, line);
      // What stands around a value is no part of it (RFC 9110, section 5.5).
      if (sent !== "") section.push(sent, String(line).trim());
    }
  }
  return section;
}
