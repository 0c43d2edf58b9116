import { Fault, overLimit } from "./fault.ts";
import { type Reader, viewPays } from "./reader.ts";

type Decode = (b: Uint8Array, p: number, end: number, r: Reader, depth: number) => unknown;

/** Adds the part from `p` to `q` to those there are, which may be a first one alone. */
export function addPart(
  parts: number[] | undefined,
  start: number,
  end: number,
  p: number,
  q: number,
  r: Reader,
): number[] {
  if (--r.items < 0) throw overLimit("maxItems", r.maxItems, p);
  if (parts === undefined) return [start, end, p, q];
  parts.push(p, q);
  return parts;
}

/**
 * Decodes a message that came in parts, which protobuf reads as if they had come as one: `parts` has
 * start and end of each. The bytes put together count against `maxBytes`.
 */
export function decodeParts(
  decode: Decode,
  b: Uint8Array,
  parts: readonly number[],
  r: Reader,
  depth: number,
): unknown {
  let size = 0;
  for (let i = 0; i < parts.length; i += 2) size += (parts[i + 1] as number) - (parts[i] as number);
  r.together += size;
  if (r.together > r.maxBytes) throw overLimit("maxBytes", r.maxBytes, parts[0]);
  const whole = new Uint8Array(size);
  let at = 0;
  for (let i = 0; i < parts.length; i += 2) {
    whole.set(b.subarray(parts[i], parts[i + 1]), at);
    at += (parts[i + 1] as number) - (parts[i] as number);
  }
  const { v } = r;
  r.v = size < viewPays ? undefined : new DataView(whole.buffer);
  try {
    return decode(whole, 0, size, r, depth);
  } catch (error) {
    if (error instanceof Fault && error.offset >= 0) error.offset = placeIn(parts, error.offset);
    throw error;
  } finally {
    r.v = v;
  }
}

/** Where a byte of the whole came from. */
function placeIn(parts: readonly number[], offset: number): number {
  let rest = offset;
  for (let i = 0; ; i += 2) {
    const start = parts[i] as number;
    const length = (parts[i + 1] as number) - start;
    if (rest < length || i + 2 >= parts.length) return start + rest;
    rest -= length;
  }
}
