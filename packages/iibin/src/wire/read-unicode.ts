import { malformed } from "./fault.ts";
import { nodeBuffer } from "./node-buffer.ts";

const nativeSlice = /* @__PURE__ */ (() => nodeBuffer?.prototype.utf8Slice)();
const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const char = String.fromCharCode;
/** Most UTF-16 units of text that is read without a native call, and most bytes it is tried with. */
const mostUnits = 31;
const mostBytes = 32;
const units = /* @__PURE__ */ new Uint16Array(mostUnits);

/**
 * Reads UTF-8 (RFC 3629) from `p` to `end`, all of which is there.
 *
 * @throws {Fault} for what is none.
 */
export function readUnicode(b: Uint8Array, p: number, end: number): string {
  if (end - p <= mostBytes) {
    const count = readUnits(b, p, end);
    if (count >= 0) return textOfUnits(count);
  }
  if (nativeSlice !== undefined) {
    const text = nativeSlice.call(b, p, end);
    // What is no UTF-8 became U+FFFD; only then is it worth a closer look.
    if (!text.includes("\ufffd")) return text;
  }
  try {
    return decoder.decode(b.subarray(p, end));
  } catch {
    throw malformed("a string is no UTF-8", p);
  }
}

/** Reads text into `units`; gives how many they are, or -1 when they are too many or no UTF-8. */
function readUnits(b: Uint8Array, from: number, end: number): number {
  let p = from;
  let count = 0;
  while (p < end) {
    const first = b[p++] as number;
    if (count >= mostUnits) return -1;
    if (first < 0x80) {
      units[count++] = first;
      continue;
    }
    const second = p < end ? (b[p++] as number) ^ 0x80 : 0xff;
    if (second > 0x3f || first < 0xc2) return -1;
    if (first < 0xe0) {
      units[count++] = ((first & 31) << 6) | second;
      continue;
    }
    const third = p < end ? (b[p++] as number) ^ 0x80 : 0xff;
    if (third > 0x3f) return -1;
    if (first < 0xf0) {
      const unit = ((first & 15) << 12) | (second << 6) | third;
      if (unit < 0x800 || (unit & 0xf800) === 0xd800) return -1;
      units[count++] = unit;
      continue;
    }
    const fourth = p < end ? (b[p++] as number) ^ 0x80 : 0xff;
    const point = ((first & 7) << 18) | (second << 12) | (third << 6) | fourth;
    if (fourth > 0x3f || first > 0xf4 || point < 0x1_0000 || point > 0x10_ffff) return -1;
    if (count + 2 > mostUnits) return -1;
    units[count++] = 0xd7c0 + (point >> 10);
    units[count++] = 0xdc00 | (point & 0x3ff);
  }
  return count;
}

/** One call with as many arguments as there are units is several times faster than a loop. */
function textOfUnits(count: number): string {
  const u = units;
  // biome-ignore format: a line for each length
  switch (count) {
    case 1: return char(u[0] as number);
    case 2: return char(u[0] as number, u[1] as number);
    case 3: return char(u[0] as number, u[1] as number, u[2] as number);
    case 4: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number);
    case 5: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number);
    case 6: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number);
    case 7: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number);
    case 8: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number);
    case 9: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number);
    case 10: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number);
    case 11: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number);
    case 12: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number);
    case 13: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number);
    case 14: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number);
    case 15: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number);
    case 16: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number);
    case 17: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number);
    case 18: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number, u[17] as number);
    case 19: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number, u[17] as number, u[18] as number);
    case 20: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number, u[17] as number, u[18] as number, u[19] as number);
    case 21: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number, u[17] as number, u[18] as number, u[19] as number, u[20] as number);
    case 22: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number, u[17] as number, u[18] as number, u[19] as number, u[20] as number, u[21] as number);
    case 23: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number, u[17] as number, u[18] as number, u[19] as number, u[20] as number, u[21] as number, u[22] as number);
    case 24: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number, u[17] as number, u[18] as number, u[19] as number, u[20] as number, u[21] as number, u[22] as number, u[23] as number);
    case 25: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number, u[17] as number, u[18] as number, u[19] as number, u[20] as number, u[21] as number, u[22] as number, u[23] as number, u[24] as number);
    case 26: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number, u[17] as number, u[18] as number, u[19] as number, u[20] as number, u[21] as number, u[22] as number, u[23] as number, u[24] as number, u[25] as number);
    case 27: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number, u[17] as number, u[18] as number, u[19] as number, u[20] as number, u[21] as number, u[22] as number, u[23] as number, u[24] as number, u[25] as number, u[26] as number);
    case 28: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number, u[17] as number, u[18] as number, u[19] as number, u[20] as number, u[21] as number, u[22] as number, u[23] as number, u[24] as number, u[25] as number, u[26] as number, u[27] as number);
    case 29: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number, u[17] as number, u[18] as number, u[19] as number, u[20] as number, u[21] as number, u[22] as number, u[23] as number, u[24] as number, u[25] as number, u[26] as number, u[27] as number, u[28] as number);
    case 30: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number, u[17] as number, u[18] as number, u[19] as number, u[20] as number, u[21] as number, u[22] as number, u[23] as number, u[24] as number, u[25] as number, u[26] as number, u[27] as number, u[28] as number, u[29] as number);
    case 31: return char(u[0] as number, u[1] as number, u[2] as number, u[3] as number, u[4] as number, u[5] as number, u[6] as number, u[7] as number, u[8] as number, u[9] as number, u[10] as number, u[11] as number, u[12] as number, u[13] as number, u[14] as number, u[15] as number, u[16] as number, u[17] as number, u[18] as number, u[19] as number, u[20] as number, u[21] as number, u[22] as number, u[23] as number, u[24] as number, u[25] as number, u[26] as number, u[27] as number, u[28] as number, u[29] as number, u[30] as number);
    default: return "";
  }
}
