import type { Reader } from "./reader.ts";

const scratch = /* @__PURE__ */ new Uint8Array(8);
const doubles = /* @__PURE__ */ new Float64Array(scratch.buffer);
const floats = /* @__PURE__ */ new Float32Array(scratch.buffer);

/** Reads eight bytes that are there. A view of a small message's memory would cost more than it saves. */
export function readDouble(b: Uint8Array, p: number, r: Reader): number {
  if (r.v !== undefined) return r.v.getFloat64(p, true);
  scratch[0] = b[p] as number;
  scratch[1] = b[p + 1] as number;
  scratch[2] = b[p + 2] as number;
  scratch[3] = b[p + 3] as number;
  scratch[4] = b[p + 4] as number;
  scratch[5] = b[p + 5] as number;
  scratch[6] = b[p + 6] as number;
  scratch[7] = b[p + 7] as number;
  return doubles[0] as number;
}

/** Reads four bytes that are there. */
export function readFloat(b: Uint8Array, p: number, r: Reader): number {
  if (r.v !== undefined) return r.v.getFloat32(p, true);
  scratch[0] = b[p] as number;
  scratch[1] = b[p + 1] as number;
  scratch[2] = b[p + 2] as number;
  scratch[3] = b[p + 3] as number;
  return floats[0] as number;
}
