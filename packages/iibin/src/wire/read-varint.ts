import { malformed, truncated } from "./fault.ts";
import type { Reader } from "./reader.ts";

const two32 = 4_294_967_296;

/** The halves of the varint read last by {@link readHalves}. */
let low = 0;
let high = 0;

/** Reads a varint of up to 64 bits into `low` and `high`, both unsigned. */
function readHalves(b: Uint8Array, p: number, end: number, r: Reader): void {
  const from = p;
  let bits = 0;
  let lowBits = 0;
  let highBits = 0;
  for (;;) {
    if (p >= end) throw truncated(from);
    const byte = b[p++] as number;
    const value = byte & 127;
    if (bits < 28) lowBits |= value << bits;
    else if (bits === 28) {
      lowBits |= value << 28;
      highBits = value >> 4;
    } else if (bits < 63) highBits |= value << (bits - 32);
    else if (byte > 1) throw malformed("a varint is larger than 64 bits", from);
    else highBits |= byte << 31;
    if (byte < 128) break;
    bits += 7;
  }
  r.p = p;
  low = lowBits >>> 0;
  high = highBits >>> 0;
}

/** Reads a varint and keeps its low 32 bits, signed. */
export function readInt32(b: Uint8Array, p: number, end: number, r: Reader): number {
  let byte = b[p] as number;
  if (p + 5 <= end) {
    let value = byte & 127;
    byte = b[p + 1] as number;
    value |= (byte & 127) << 7;
    if (byte < 128) {
      r.p = p + 2;
      return value;
    }
    byte = b[p + 2] as number;
    value |= (byte & 127) << 14;
    if (byte < 128) {
      r.p = p + 3;
      return value;
    }
    byte = b[p + 3] as number;
    value |= (byte & 127) << 21;
    if (byte < 128) {
      r.p = p + 4;
      return value;
    }
  }
  readHalves(b, p, end, r);
  return low | 0;
}

/** King's: what does not fit 32 bits, sign extended, is refused. */
export function readInt32Strict(b: Uint8Array, p: number, end: number, r: Reader): number {
  readHalves(b, p, end, r);
  const value = low | 0;
  if (high !== (value >> 31) >>> 0) throw malformed("a number does not fit 32 bits, signed", p);
  return value;
}

/** King's: what does not fit 32 bits is refused. The result is signed, as of {@link readInt32}. */
export function readUint32Strict(b: Uint8Array, p: number, end: number, r: Reader): number {
  readHalves(b, p, end, r);
  if (high !== 0) throw malformed("a number does not fit 32 bits", p);
  return low | 0;
}

export function readBool(b: Uint8Array, p: number, end: number, r: Reader): boolean {
  readHalves(b, p, end, r);
  return (low | high) !== 0;
}

/** Reads a varint of up to eight bytes and 53 bits, the usual case; -1 for any other, unread. */
function readShort(b: Uint8Array, p: number, end: number, r: Reader): number {
  if (p + 8 > end) return -1;
  let byte = b[p++] as number;
  let value = byte & 127;
  if (byte > 127) {
    byte = b[p++] as number;
    value |= (byte & 127) << 7;
    if (byte > 127) {
      byte = b[p++] as number;
      value |= (byte & 127) << 14;
      if (byte > 127) {
        byte = b[p++] as number;
        value |= (byte & 127) << 21;
        if (byte > 127) {
          byte = b[p++] as number;
          let rest = byte & 127;
          if (byte > 127) {
            byte = b[p++] as number;
            rest |= (byte & 127) << 7;
            if (byte > 127) {
              byte = b[p++] as number;
              rest |= (byte & 127) << 14;
              if (byte > 127) {
                byte = b[p++] as number;
                rest |= byte << 21;
                // Another byte follows, or more than 53 bits are there.
                if (rest >= 0x200_0000) return -1;
              }
            }
          }
          value += rest * 268_435_456;
        }
      }
    }
  }
  r.p = p;
  return value;
}

/** Reads an unsigned varint that is a safe integer. */
export function readUint64Number(b: Uint8Array, p: number, end: number, r: Reader): number {
  const short = readShort(b, p, end, r);
  if (short >= 0) return short;
  readHalves(b, p, end, r);
  return safe(high, p);
}

/** Reads a signed varint that is a safe integer. */
export function readInt64Number(b: Uint8Array, p: number, end: number, r: Reader): number {
  const short = readShort(b, p, end, r);
  if (short >= 0) return short;
  readHalves(b, p, end, r);
  return safe(high | 0, p);
}

/** Reads a signed varint in zigzag form that is a safe integer. */
export function readSint64Number(b: Uint8Array, p: number, end: number, r: Reader): number {
  const short = readShort(b, p, end, r);
  if (short >= 0) return short % 2 === 0 ? short / 2 : -(short + 1) / 2;
  readHalves(b, p, end, r);
  unzigzag();
  return safe(high | 0, p);
}

export function readUint64(b: Uint8Array, p: number, end: number, r: Reader): bigint {
  const short = readShort(b, p, end, r);
  if (short >= 0) return BigInt(short);
  readHalves(b, p, end, r);
  return bigint(high);
}

/** King's: 63 bits. */
export function readUint63(b: Uint8Array, p: number, end: number, r: Reader): bigint {
  readHalves(b, p, end, r);
  if (high > 0x7fff_ffff) throw malformed("a number does not fit 63 bits", p);
  return bigint(high);
}

export function readInt64(b: Uint8Array, p: number, end: number, r: Reader): bigint {
  const short = readShort(b, p, end, r);
  if (short >= 0) return BigInt(short);
  readHalves(b, p, end, r);
  return bigint(high | 0);
}

export function readSint64(b: Uint8Array, p: number, end: number, r: Reader): bigint {
  readHalves(b, p, end, r);
  unzigzag();
  return bigint(high | 0);
}

/** Reads eight bytes that are there. */
export function readFixed64(b: Uint8Array, p: number): bigint {
  takeFixed(b, p);
  return bigint(high);
}

/** King's: 63 bits. */
export function readFixed63(b: Uint8Array, p: number): bigint {
  takeFixed(b, p);
  if (high > 0x7fff_ffff) throw malformed("a number does not fit 63 bits", p);
  return bigint(high);
}

export function readSfixed64(b: Uint8Array, p: number): bigint {
  takeFixed(b, p);
  return bigint(high | 0);
}

export function readFixed64Number(b: Uint8Array, p: number): number {
  takeFixed(b, p);
  return safe(high, p);
}

export function readSfixed64Number(b: Uint8Array, p: number): number {
  takeFixed(b, p);
  return safe(high | 0, p);
}

/** Reads four bytes that are there, signed. */
export function readFixed32(b: Uint8Array, p: number): number {
  return (
    (b[p] as number) |
    ((b[p + 1] as number) << 8) |
    ((b[p + 2] as number) << 16) |
    ((b[p + 3] as number) << 24)
  );
}

function takeFixed(b: Uint8Array, p: number): void {
  low = readFixed32(b, p) >>> 0;
  high = readFixed32(b, p + 4) >>> 0;
}

function unzigzag(): void {
  const sign = -(low & 1);
  low = (((low >>> 1) | (high << 31)) ^ sign) >>> 0;
  high = ((high >>> 1) ^ sign) >>> 0;
}

function bigint(signedHigh: number): bigint {
  const number = signedHigh * two32 + low;
  return Number.isSafeInteger(number) ? BigInt(number) : (BigInt(signedHigh) << 32n) | BigInt(low);
}

function safe(signedHigh: number, p: number): number {
  const value = signedHigh * two32 + low;
  if (!Number.isSafeInteger(value))
    throw malformed('a number is no safe integer (decode with int64: "bigint")', p);
  return value;
}
