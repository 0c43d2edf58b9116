import { optionError } from "@king-runtime/core";

/** What is told to the peer where nobody gave a code. */
export const noCode = 0;

/** What every engine has room for. */
export const smallCode = 0xffff_ffff;

/**
 * An application error code (RFC 9000, section 20.2). QUIC has 62 bits for them, an engine may have less.
 *
 * @throws {KingError} KING_OPTION_INVALID.
 */
export function checkCode(code: number, largest: number = smallCode): number {
  if (Number.isInteger(code) && code >= 0 && code <= largest) return code;
  throw optionError("code", `expected an integer from 0 to ${largest}, got ${code}`);
}

/** It has to fit into the packet that ends a connection (RFC 9000, section 19.19). */
const longestReasonBytes = 1_000;

/** @throws {KingError} KING_OPTION_INVALID. */
export function checkReason(reason: string): string {
  const length = new TextEncoder().encode(reason).length;
  if (length <= longestReasonBytes) return reason;
  throw optionError("reason", `expected at most ${longestReasonBytes} bytes, got ${length}`);
}
