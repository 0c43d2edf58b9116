import { integerRange } from "../field.ts";
import { isInt64Type, type ScalarType } from "../scalar-type.ts";
import { fromBase64 } from "./base64.ts";
import { isJsonNumber, parseDecimalInteger } from "./decimal-integer.ts";
import { isInteger32, rangeText } from "./integer-32.ts";
import type { JsonWalk } from "./json-walk.ts";

/** What messages hold for numbers of 64 bits. */
export type Int64Form = "bigint" | "number";

/** One scalar from JSON: numbers may be text, bytes are base64 or base64url. */
export function scalarFromJson(
  type: ScalarType,
  json: unknown,
  walk: JsonWalk,
  int64: Int64Form,
): unknown {
  switch (type) {
    case "bool":
      if (typeof json !== "boolean") throw walk.expected("true or false", json);
      return json;
    case "string":
      if (typeof json !== "string") throw walk.expected("a string", json);
      if (!json.isWellFormed()) throw walk.refuse("expected text without lone surrogates");
      return json;
    case "bytes": {
      const bytes = typeof json === "string" ? fromBase64(json) : undefined;
      if (bytes === undefined) throw walk.expected("base64", json);
      return bytes;
    }
    case "float":
    case "double":
      return floatFromJson(type, json, walk);
    default: {
      const isWide = isInt64Type(type);
      if (!isWide && isInteger32(type, json)) return json + 0;
      const range = integerRange(type, walk.profile);
      const integer = integerFromJson(json, walk);
      if (integer === undefined || integer < range[0] || integer > range[1])
        throw walk.expected(rangeText(range), json);
      return isWide ? int64Value(integer, walk, int64) : Number(integer);
    }
  }
}

/** An integer of 64 bits as messages hold it. */
export function int64Value(integer: bigint, walk: JsonWalk, int64: Int64Form): bigint | number {
  if (int64 === "bigint") return integer;
  const number = Number(integer);
  if (!Number.isSafeInteger(number))
    throw walk.expected("an integer that a number holds exactly", integer);
  return number;
}

function integerFromJson(json: unknown, walk: JsonWalk): bigint | undefined {
  if (typeof json === "bigint" && walk.hasBigints) return json;
  if (typeof json === "number") return Number.isInteger(json) ? BigInt(json) : undefined;
  return typeof json === "string" ? parseDecimalInteger(json) : undefined;
}

function floatFromJson(type: "float" | "double", json: unknown, walk: JsonWalk): number {
  if (json === "NaN" || json === "Infinity" || json === "-Infinity") return Number(json);
  const isNumber =
    typeof json === "string" ? isJsonNumber(json) : typeof json === "bigint" && walk.hasBigints;
  const number = isNumber ? Number(json) : json;
  if (typeof number !== "number") throw walk.expected("a number", json);
  const value = type === "float" ? Math.fround(number) : number;
  // JSON has no infinite numbers, so it was one too large.
  if (!Number.isFinite(value)) throw walk.refuse(`expected a number in the range of ${type}`);
  return value;
}
