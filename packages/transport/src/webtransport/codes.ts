import { optionError } from "@king-runtime/core";

/** An application's codes have 32 bits, of sessions as of streams. */
export const largestCode = 0xffff_ffff;

/** @throws {KingError} KING_OPTION_INVALID. */
export function checkCode(code: number): number {
  if (Number.isInteger(code) && code >= 0 && code <= largestCode) return code;
  throw optionError("code", `expected an integer from 0 to ${largestCode}, got ${code}`);
}

const first = 0x52e4a40fa8db;

/**
 * The code of HTTP/3 that carries a stream's code: codes of HTTP/3 that mean nothing (0x1f * n + 0x21) are left out
 * (draft-ietf-webtrans-http3, section 4.3).
 */
export const toHttp3Code = (code: number): number => first + code + Math.floor(code / 0x1e);

/** The code that `http3Code` carries, if it does. */
export function fromHttp3Code(http3Code: number): number | undefined {
  const isReserved = (http3Code - 0x21) % 0x1f === 0;
  if (http3Code < first || http3Code > toHttp3Code(largestCode) || isReserved) return undefined;
  const shifted = http3Code - first;
  return shifted - Math.floor(shifted / 0x1f);
}
