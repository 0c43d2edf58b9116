import { describeValue, optionError } from "@king-runtime/core";

/** @throws {KingError} KING_OPTION_INVALID for what is no object, and for names that are not `known`. */
export function checkFramingOptions(options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw optionError("options", `expected an object, got ${describeValue(options)}`);
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw optionError(unknown, `expected one of ${known.join(", ")}`);
}

// What a buffer may hold is more, but nobody means to hold it.
const largestLimit = 2 ** 30;

/** @throws {KingError} KING_OPTION_INVALID unless `value` is a number of bytes that memory may hold. */
export function checkLimit(name: string, value: unknown): void {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= largestLimit)
    return;
  const expected = `expected an integer from 1 to ${largestLimit} (bytes)`;
  throw optionError(name, `${expected}, got ${describeValue(value)}`);
}
