/** Integers with a prefix of some bits (RFC 7541, section 5.1), as a reader sees them one after the other. */

/** Nothing that is sent is as large, so that whatever is larger is nonsense. */
const maxValue = 0x3fff_ffff;

/** Where a reader is. */
export interface ReadPosition {
  at: number;
}

/** The integer whose prefix has `bits` bits; `undefined` when it is not whole, or nonsense. */
export function readInteger(
  bytes: Uint8Array,
  position: ReadPosition,
  end: number,
  bits: number,
): number | undefined {
  if (position.at >= end) return undefined;
  const mask = (1 << bits) - 1;
  let value = (bytes[position.at++] as number) & mask;
  if (value < mask) return value;
  for (let shift = 0; shift <= 28; shift += 7) {
    if (position.at >= end) return undefined;
    const octet = bytes[position.at++] as number;
    value += (octet & 0x7f) * 2 ** shift;
    if (value > maxValue) return undefined;
    if ((octet & 0x80) === 0) return value;
  }
  return undefined;
}

/** Writes `value` at `at` behind the bits of `first`, and gives the place behind it. */
export function writeInteger(
  bytes: Uint8Array,
  at: number,
  first: number,
  bits: number,
  value: number,
): number {
  const mask = (1 << bits) - 1;
  if (value < mask) {
    bytes[at] = first | value;
    return at + 1;
  }
  bytes[at] = first | mask;
  let to = at + 1;
  let rest = value - mask;
  while (rest >= 0x80) {
    bytes[to++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[to] = rest;
  return to + 1;
}

/** The most bytes that an integer of ours takes. */
export const maxIntegerBytes = 6;
