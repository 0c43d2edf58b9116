import { overLimit } from "./fault.ts";
import type { Reader } from "./reader.ts";

/** Memory of its own with the bytes from `p` to `end`. */
export function copyOf(b: Uint8Array, p: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - p);
  if (end - p > 64) copy.set(b.subarray(p, end));
  else for (let i = p; i < end; i++) copy[i - p] = b[i] as number;
  return copy;
}

export function readBytes(b: Uint8Array, p: number, end: number, r: Reader): Uint8Array {
  if (end - p > r.maxStringBytes) throw overLimit("maxStringBytes", r.maxStringBytes, p);
  return copyOf(b, p, end);
}

/** A view on the bytes being decoded. */
export function viewBytes(b: Uint8Array, p: number, end: number, r: Reader): Uint8Array {
  if (end - p > r.maxStringBytes) throw overLimit("maxStringBytes", r.maxStringBytes, p);
  return new Uint8Array(b.buffer, b.byteOffset + p, end - p);
}

/** How many varints lie from `p` to `end`: each has one byte below 128. */
export function countVarints(b: Uint8Array, p: number, end: number): number {
  let count = 0;
  for (let i = p; i < end; i++) if ((b[i] as number) < 128) count++;
  return count;
}

/** The bytes of ranges, of which each has a start and an end, behind each other. */
export function joined(b: Uint8Array, ranges: readonly number[]): Uint8Array {
  let size = 0;
  for (let i = 0; i < ranges.length; i += 2)
    size += (ranges[i + 1] as number) - (ranges[i] as number);
  const all = new Uint8Array(size);
  let p = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    const part = b.subarray(ranges[i], ranges[i + 1]);
    all.set(part, p);
    p += part.length;
  }
  return all;
}

/** Adds a range to those that are kept; one that begins where the last one ends makes that longer. */
export function keepRange(
  ranges: number[] | undefined,
  start: number,
  end: number,
  r: Reader,
): number[] {
  if (ranges === undefined) return [start, end];
  if (ranges[ranges.length - 1] === start) ranges[ranges.length - 1] = end;
  else {
    if (--r.items < 0) throw overLimit("maxItems", r.maxItems, start);
    ranges.push(start, end);
  }
  return ranges;
}
