import { malformed } from "./fault.ts";

/** What Node's buffers can do beyond `Uint8Array`; absent in browsers. */
interface NodeBuffers {
  Buffer?: { prototype: { utf8Slice?(start: number, end: number): string } };
}

const nativeSlice = /* @__PURE__ */ (() =>
  (globalThis as NodeBuffers).Buffer?.prototype.utf8Slice)();
const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const char = String.fromCharCode;
/** Most UTF-16 units of text that is read without a native call. */
const mostUnits = 24;
const units = /* @__PURE__ */ new Uint16Array(mostUnits);

/**
 * Reads UTF-8 (RFC 3629) from `p` to `end`, all of which is there.
 *
 * @throws {Fault} for what is none.
 */
export function readUnicode(b: Uint8Array, p: number, end: number): string {
  if (end - p <= mostUnits * 3) {
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
  switch (count) {
    case 1:
      return char(units[0] as number);
    case 2:
      return char(units[0] as number, units[1] as number);
    case 3:
      return char(units[0] as number, units[1] as number, units[2] as number);
    case 4:
      return char(units[0] as number, units[1] as number, units[2] as number, units[3] as number);
    case 5:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
      );
    case 6:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
      );
    case 7:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
      );
    case 8:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
      );
    case 9:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
      );
    case 10:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
      );
    case 11:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
        units[10] as number,
      );
    case 12:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
        units[10] as number,
        units[11] as number,
      );
    case 13:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
        units[10] as number,
        units[11] as number,
        units[12] as number,
      );
    case 14:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
        units[10] as number,
        units[11] as number,
        units[12] as number,
        units[13] as number,
      );
    case 15:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
        units[10] as number,
        units[11] as number,
        units[12] as number,
        units[13] as number,
        units[14] as number,
      );
    case 16:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
        units[10] as number,
        units[11] as number,
        units[12] as number,
        units[13] as number,
        units[14] as number,
        units[15] as number,
      );
    case 17:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
        units[10] as number,
        units[11] as number,
        units[12] as number,
        units[13] as number,
        units[14] as number,
        units[15] as number,
        units[16] as number,
      );
    case 18:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
        units[10] as number,
        units[11] as number,
        units[12] as number,
        units[13] as number,
        units[14] as number,
        units[15] as number,
        units[16] as number,
        units[17] as number,
      );
    case 19:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
        units[10] as number,
        units[11] as number,
        units[12] as number,
        units[13] as number,
        units[14] as number,
        units[15] as number,
        units[16] as number,
        units[17] as number,
        units[18] as number,
      );
    case 20:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
        units[10] as number,
        units[11] as number,
        units[12] as number,
        units[13] as number,
        units[14] as number,
        units[15] as number,
        units[16] as number,
        units[17] as number,
        units[18] as number,
        units[19] as number,
      );
    case 21:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
        units[10] as number,
        units[11] as number,
        units[12] as number,
        units[13] as number,
        units[14] as number,
        units[15] as number,
        units[16] as number,
        units[17] as number,
        units[18] as number,
        units[19] as number,
        units[20] as number,
      );
    case 22:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
        units[10] as number,
        units[11] as number,
        units[12] as number,
        units[13] as number,
        units[14] as number,
        units[15] as number,
        units[16] as number,
        units[17] as number,
        units[18] as number,
        units[19] as number,
        units[20] as number,
        units[21] as number,
      );
    case 23:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
        units[10] as number,
        units[11] as number,
        units[12] as number,
        units[13] as number,
        units[14] as number,
        units[15] as number,
        units[16] as number,
        units[17] as number,
        units[18] as number,
        units[19] as number,
        units[20] as number,
        units[21] as number,
        units[22] as number,
      );
    case 24:
      return char(
        units[0] as number,
        units[1] as number,
        units[2] as number,
        units[3] as number,
        units[4] as number,
        units[5] as number,
        units[6] as number,
        units[7] as number,
        units[8] as number,
        units[9] as number,
        units[10] as number,
        units[11] as number,
        units[12] as number,
        units[13] as number,
        units[14] as number,
        units[15] as number,
        units[16] as number,
        units[17] as number,
        units[18] as number,
        units[19] as number,
        units[20] as number,
        units[21] as number,
        units[22] as number,
        units[23] as number,
      );
    default:
      return "";
  }
}
