import { optionError } from "@king-runtime/core";

/** @throws {KingError} KING_OPTION_INVALID for a member of `value` that is none of `known`. */
export function checkNames(value: object, option: string, known: readonly string[]): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw optionError(`${option}.${unknown}`, `expected one of ${known.join(", ")}`);
}
