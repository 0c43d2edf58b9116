import { describeValue, optionError } from "@king-runtime/core";

/** @throws {KingError} KING_OPTION_INVALID */
export function fractionOption(name: string, value: unknown): number {
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  throw optionError(name, `expected a number from 0 to 1, got ${describeValue(value)}`);
}
