import { optionError } from "@king-runtime/core";

/** `text` as a quoted string (RFC 9110, section 5.6.4). */
export const quoted = (text: string) => `"${text.replace(/[\\"]/g, "\\$&")}"`;

/** @throws {KingError} KING_OPTION_INVALID for what a challenge cannot carry. */
export function checkRealm(realm: string): void {
  if (!/^[\x20-\x7e]*$/.test(realm)) throw optionError("realm", "expected printable ASCII");
}
