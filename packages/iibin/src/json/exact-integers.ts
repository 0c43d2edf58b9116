import { parseDecimalInteger } from "./decimal-integer.ts";

/** What JSON.parse tells a reviver, in engines that do. */
interface Literal {
  readonly source?: string;
}

type Parse = (
  text: string,
  revive: (key: string, value: unknown, literal?: Literal) => unknown,
) => unknown;

/** Whether JSON text may have integers that numbers do not hold: 16 digits and more, or an exponent. */
export function mayHaveLargeIntegers(text: string): boolean {
  return /[\d.]{16}|\d[eE]/.test(text);
}

/**
 * Parses JSON with integers of up to 64 bits that are no safe ones as `bigint`, where the engine tells
 * how they were written.
 *
 * @throws {RangeError} for JSON that is too deep, which `JSON.parse` alone is not for.
 */
export function parseExactly(text: string): unknown {
  return (JSON.parse as Parse)(text, (_key, value, literal) => {
    if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
    if (!Number.isInteger(value) || Math.abs(value) > 2 ** 64) return value;
    return (
      (literal?.source === undefined ? undefined : parseDecimalInteger(literal.source)) ?? value
    );
  });
}
