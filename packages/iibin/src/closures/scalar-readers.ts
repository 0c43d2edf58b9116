import type { DecodeOptions } from "../decode-options.ts";
import type { ScalarType } from "../scalar-type.ts";
import type { Profile } from "../schema.ts";
import { truncated } from "../wire/fault.ts";
import { readBytes, viewBytes } from "../wire/read-bytes.ts";
import { readDouble, readFloat } from "../wire/read-number.ts";
import { readText } from "../wire/read-text.ts";
import {
  readBool,
  readFixed32,
  readFixed63,
  readFixed64,
  readFixed64Number,
  readInt32,
  readInt32Strict,
  readInt64,
  readInt64Number,
  readSfixed64,
  readSfixed64Number,
  readSint64,
  readSint64Number,
  readUint32Strict,
  readUint63,
  readUint64,
  readUint64Number,
} from "../wire/read-varint.ts";
import { type Reader, readLength } from "../wire/reader.ts";

/** Reads the value at `p`, which ends at `r.p`. */
export type ReadScalar = (b: Uint8Array, p: number, end: number, r: Reader) => unknown;

/** @internal */
export function scalarReader(
  scalar: ScalarType,
  profile: Profile,
  { int64, bytes }: DecodeOptions,
): ReadScalar {
  const isKing = profile === "king";
  const isNumber = int64 === "number";
  switch (scalar) {
    case "double":
      return fixed(8, readDouble);
    case "float":
      return fixed(4, readFloat);
    case "int32":
      return short(isKing ? readInt32Strict : readInt32);
    case "uint32": {
      const read = short(isKing ? readUint32Strict : readInt32);
      return (b, p, end, r) => read(b, p, end, r) >>> 0;
    }
    case "sint32": {
      const read = short(isKing ? readUint32Strict : readInt32);
      return (b, p, end, r) => {
        const value = read(b, p, end, r);
        return (value >>> 1) ^ -(value & 1);
      };
    }
    case "fixed32":
      return fixed(4, (b, p) => readFixed32(b, p) >>> 0);
    case "sfixed32":
      return fixed(4, readFixed32);
    case "int64":
      return isNumber ? readInt64Number : readInt64;
    case "uint64":
      return isNumber ? readUint64Number : isKing ? readUint63 : readUint64;
    case "sint64":
      return isNumber ? readSint64Number : readSint64;
    case "fixed64":
      return fixed(8, isNumber ? readFixed64Number : isKing ? readFixed63 : readFixed64);
    case "sfixed64":
      return fixed(8, isNumber ? readSfixed64Number : readSfixed64);
    case "bool":
      return readBool;
    case "string":
      return delimited(readText);
    case "bytes":
      return delimited(bytes === "view" ? viewBytes : readBytes);
  }
}

type ReadPart = (b: Uint8Array, p: number, end: number, r: Reader) => unknown;

/** Of one byte, as most are, or read by `readLong`. */
function short(readLong: (b: Uint8Array, p: number, end: number, r: Reader) => number) {
  return (b: Uint8Array, p: number, end: number, r: Reader): number => {
    if (p >= end) throw truncated(p);
    const byte = b[p] as number;
    if (byte > 127) return readLong(b, p, end, r);
    r.p = p + 1;
    return byte;
  };
}

function fixed(size: number, read: (b: Uint8Array, p: number, r: Reader) => unknown): ReadScalar {
  return (b, p, end, r) => {
    if (p + size > end) throw truncated(p);
    r.p = p + size;
    return read(b, p, r);
  };
}

function delimited(read: ReadPart): ReadScalar {
  return (b, p, end, r) => {
    const length = readLength(b, p, end, r);
    const from = r.p;
    r.p = from + length;
    return read(b, from, from + length, r);
  };
}
