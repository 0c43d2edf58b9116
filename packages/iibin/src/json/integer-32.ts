import type { ScalarType } from "../scalar-type.ts";

/** Whether a value is an integer in the range of a type of 32 bits; -0 is one. */
export function isInteger32(type: ScalarType, value: unknown): value is number {
  if (typeof value !== "number") return false;
  return (type === "uint32" || type === "fixed32" ? value >>> 0 : value | 0) === value;
}

/** The range of an integer type, for an error message. */
export function rangeText([low, high]: readonly [low: bigint, high: bigint]): string {
  return `an integer from ${low} to ${high}`;
}
