import type { BreakRule, WarningRule } from "./compatibility.ts";
import { type Enum, isEnum } from "./enum.ts";
import { integerRange } from "./field.ts";
import { type ScalarType, scalarWireType } from "./scalar-type.ts";
import { type AnySchema, isSchema, type Profile } from "./schema.ts";

type ValueType = ScalarType | Enum | AnySchema;

/** What comes of a type having changed. */
export type TypeChange =
  | { readonly isBreak: true; readonly rule: BreakRule; readonly because: string }
  | { readonly isBreak: false; readonly rule: WarningRule; readonly because: string };

/** Integers whose values lie alike on the wire, as far as they are in the range of each. */
const alike: readonly (readonly ScalarType[])[] = [
  ["bool", "int32", "uint32", "int64", "uint64"],
  ["sint32", "sint64"],
  ["fixed32", "sfixed32"],
  ["fixed64", "sfixed64"],
];

/**
 * What a value of one type is to readers of the other; `undefined` when it is the same. Messages are
 * the same here whatever their fields are, and so are enums.
 *
 * @internal
 */
export function compareTypes(
  old: ValueType,
  next: ValueType,
  isKing: boolean,
): TypeChange | undefined {
  if (isSchema(old) || isSchema(next)) return compareMessages(old, next);
  const was = isEnum(old) ? "int32" : old;
  const is = isEnum(next) ? "int32" : next;
  if (was === is) {
    if (isEnum(old) === isEnum(next)) return undefined;
    return warning(
      "json-form-changed",
      "JSON has names for values of an enum, and numbers for integers",
    );
  }
  if (scalarWireType(was) !== scalarWireType(is)) return wireTypeChanged;
  if (was === "string" && is === "bytes")
    return warning(
      "json-form-changed",
      "JSON has bytes in base64, and old readers take UTF-8 only",
    );
  if (was === "bytes" && is === "string")
    return breaking("type-changed", "bytes that are no UTF-8 are refused");
  if (!alike.some((group) => group.includes(was) && group.includes(is)))
    return breaking("type-changed", "the same bytes are read as other values");
  const profile = isKing ? "king" : "protobuf";
  const [low, high] = range(was, profile);
  const [newLow, newHigh] = range(is, profile);
  const isNarrower = newLow > low || newHigh < high;
  const beyond = `values below ${max(low, newLow)} or above ${min(high, newHigh)}`;
  return isKing && isNarrower
    ? breaking("range-narrowed", `${beyond} are refused or read as others`)
    : warning(
        "range-changed",
        isKing
          ? `old readers refuse ${beyond}, or read them as others`
          : `${beyond} are read as others`,
      );
}

function compareMessages(old: ValueType, next: ValueType): TypeChange | undefined {
  if (isSchema(old) && isSchema(next)) return undefined;
  if (next === "bytes")
    return warning(
      "json-form-changed",
      "JSON has bytes in base64, and old readers take messages only",
    );
  if (old === "bytes") return breaking("type-changed", "bytes that are no message are refused");
  const other = isSchema(old) ? next : old;
  return other === "string"
    ? breaking("type-changed", "text is read as a message or a message as text")
    : wireTypeChanged;
}

const breaking = (rule: BreakRule, because: string): TypeChange => ({
  isBreak: true,
  rule,
  because,
});
const warning = (rule: WarningRule, because: string): TypeChange => ({
  isBreak: false,
  rule,
  because,
});

const wireTypeChanged = breaking("wire-type-changed", "it lies otherwise on the wire");

function range(type: ScalarType, profile: Profile): readonly [low: bigint, high: bigint] {
  return type === "bool" ? [0n, 1n] : integerRange(type, profile);
}

const max = (a: bigint, b: bigint) => (a > b ? a : b);
const min = (a: bigint, b: bigint) => (a < b ? a : b);
