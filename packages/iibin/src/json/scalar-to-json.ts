import { integerRange } from "../field.ts";
import { type Int64Type, isInt64Type, type ScalarType } from "../scalar-type.ts";
import { toBase64 } from "./base64.ts";
import { isInteger32, rangeText } from "./integer-32.ts";
import type { JsonWalk } from "./json-walk.ts";

/** One scalar as JSON has it: 64 bits in decimal text, bytes in base64, NaN and infinities as text. */
export function scalarToJson(
  type: ScalarType,
  value: unknown,
  walk: JsonWalk,
): string | number | boolean {
  switch (type) {
    case "bool":
      if (typeof value !== "boolean") throw walk.expected("a boolean", value);
      return value;
    case "string":
      if (typeof value !== "string") throw walk.expected("a string", value);
      if (!value.isWellFormed()) throw walk.refuse("expected text without lone surrogates");
      return value;
    case "bytes":
      if (!(value instanceof Uint8Array)) throw walk.expected("a Uint8Array", value);
      return toBase64(value);
    case "float":
    case "double": {
      if (typeof value !== "number") throw walk.expected("a number", value);
      // What is too large for a float is infinite on the wire too.
      const number = type === "float" ? Math.fround(value) : value;
      if (!Number.isFinite(number)) return String(number);
      return type === "float" ? shortFloat(number) : number;
    }
    default: {
      if (isInt64Type(type)) return integer64ToJson(type, value, walk);
      if (!isInteger32(type, value))
        throw walk.expected(rangeText(integerRange(type, walk.profile)), value);
      // Adding zero leaves -0 behind.
      return value + 0;
    }
  }
}

function integer64ToJson(type: Int64Type, value: unknown, walk: JsonWalk): string {
  const range = integerRange(type, walk.profile);
  const isInteger =
    typeof value === "number" ? Number.isSafeInteger(value) : typeof value === "bigint";
  if (!isInteger || (value as bigint) < range[0] || (value as bigint) > range[1])
    throw walk.expected(rangeText(range), value);
  return String(value);
}

/** The fewest digits, from six on, that are read as the same number of 32 bits. */
function shortFloat(float: number): number {
  // Text would have no minus zero.
  if (float === 0) return float;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return Number(float.toPrecision(9));
}
