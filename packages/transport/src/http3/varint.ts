/** Variable-length integers (RFC 9000, section 16). */

/** How many bytes an integer has whose first byte is `first`. */
export const varintBytes = (first: number): 1 | 2 | 4 | 8 => (1 << (first >> 6)) as 1 | 2 | 4 | 8;

/** How many bytes `value` takes. */
export function varintLength(value: number): 1 | 2 | 4 | 8 {
  if (value < 0x40) return 1;
  if (value < 0x4000) return 2;
  return value < 0x4000_0000 ? 4 : 8;
}

/** The integer at `at`, all of whose bytes are there. Beyond 2^53 - 1 it is `Infinity`: nothing of ours is that large. */
export function readVarint(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  const length = varintBytes(first);
  let value = first & 0x3f;
  for (let i = 1; i < length; i++) value = value * 256 + (bytes[at + i] as number);
  return value > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : value;
}

/** Writes `value` at `at`, and gives the place behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  const length = varintLength(value);
  let rest = value;
  for (let i = length - 1; i >= 0; i--) {
    bytes[at + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  bytes[at] = (bytes[at] as number) | (Math.log2(length) << 6);
  return at + length;
}

/** `values` one after the other. */
export function varints(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.reduce((sum, value) => sum + varintLength(value), 0));
  let at = 0;
  for (const value of values) at = writeVarint(bytes, at, value);
  return bytes;
}
