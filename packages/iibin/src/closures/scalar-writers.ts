import type { ScalarType } from "../scalar-type.ts";
import type { Profile } from "../schema.ts";
import { byteLength } from "../wire/byte-length.ts";
import { writeBytes, writeText } from "../wire/write-text.ts";
import {
  isInt64,
  isUint63,
  isUint64,
  writeBigint,
  writeFixed64,
  writeInt32,
  writeInteger,
  writeUint32,
  writeZigzagBigint,
  writeZigzagInteger,
} from "../wire/write-varint.ts";
import type { Writer } from "../wire/writer.ts";

/** Room that is there before a value is written; text and bytes make room for themselves, and for it. */
export const room = 64;

/** What writing gives for a value of another type. */
export const notOfType = -3;

/** Writes a value for which there is room; gives the position after it, or a negative number. */
export type WriteScalar = (w: Writer, p: number, value: unknown) => number;

/** @internal */
export function scalarWriter(scalar: ScalarType, profile: Profile): WriteScalar {
  switch (scalar) {
    case "double":
      return (w, p, v) => {
        if (typeof v !== "number") return notOfType;
        w.v.setFloat64(p, Number.isNaN(v) ? Number.NaN : v, true);
        return p + 8;
      };
    case "float":
      return (w, p, v) => {
        if (typeof v !== "number") return notOfType;
        w.v.setFloat32(p, Number.isNaN(v) ? Number.NaN : v, true);
        return p + 4;
      };
    case "int32":
      return (w, p, v) => (isSigned(v) ? writeInt32(w.b, p, v) : notOfType);
    case "uint32":
      return (w, p, v) => (isUnsigned(v) ? writeUint32(w.b, p, v) : notOfType);
    case "sint32":
      return (w, p, v) =>
        isSigned(v) ? writeUint32(w.b, p, ((v << 1) ^ (v >> 31)) >>> 0) : notOfType;
    case "fixed32":
      return (w, p, v) => {
        if (!isUnsigned(v)) return notOfType;
        w.v.setUint32(p, v, true);
        return p + 4;
      };
    case "sfixed32":
      return (w, p, v) => {
        if (!isSigned(v)) return notOfType;
        w.v.setInt32(p, v, true);
        return p + 4;
      };
    case "int64":
      return (w, p, v) => (isInt64(v) ? writeVarint64(w, p, v) : notOfType);
    case "uint64": {
      const fits = profile === "king" ? isUint63 : isUint64;
      return (w, p, v) => (fits(v) ? writeVarint64(w, p, v) : notOfType);
    }
    case "sint64":
      return (w, p, v) =>
        !isInt64(v)
          ? notOfType
          : typeof v === "number"
            ? writeZigzagInteger(w.b, p, v)
            : writeZigzagBigint(w.b, p, v);
    case "fixed64":
    case "sfixed64": {
      const fits = scalar === "sfixed64" ? isInt64 : profile === "king" ? isUint63 : isUint64;
      return (w, p, v) => {
        if (!fits(v)) return notOfType;
        writeFixed64(w.v, p, v);
        return p + 8;
      };
    }
    case "bool":
      return (w, p, v) => {
        if (typeof v !== "boolean") return notOfType;
        w.b[p] = v ? 1 : 0;
        return p + 1;
      };
    case "string":
      return (w, p, v) => (typeof v === "string" ? writeText(w, p, v, room) : notOfType);
    case "bytes":
      return (w, p, v) => {
        const length = byteLength(v);
        return length < 0 ? notOfType : writeBytes(w, p, v as Uint8Array, length, room);
      };
  }
}

function isSigned(value: unknown): value is number {
  return typeof value === "number" && (value | 0) === value;
}

function isUnsigned(value: unknown): value is number {
  return typeof value === "number" && value >>> 0 === value;
}

function writeVarint64(w: Writer, p: number, value: number | bigint): number {
  return typeof value === "number" ? writeInteger(w.b, p, value) : writeBigint(w.b, p, value);
}
