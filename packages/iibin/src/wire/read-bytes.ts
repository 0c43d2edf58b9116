import { overLimit } from "./fault.ts";
import type { Reader } from "./reader.ts";

/** What an absent field of type bytes reads as. */
export const noBytes = /* @__PURE__ */ new Uint8Array(0);

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

/** The parts behind each other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let p = 0;
  for (const part of parts) {
    all.set(part, p);
    p += part.length;
  }
  return all;
}
