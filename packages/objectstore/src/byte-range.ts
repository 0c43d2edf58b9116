import { type ByteRange, describeValue, optionError } from "@king-runtime/core";
import { objectstoreErrors } from "./errors.ts";

/** Bytes from `start` (inclusive), `length` of them. */
export interface Span {
  readonly start: number;
  readonly length: number;
}

/**
 * The bytes of an object of `size` bytes that `range` names, as HTTP does it (RFC 9110, 14.1.2): a
 * range that goes beyond the end is cut there.
 *
 * @throws {KingError} KING_OPTION_INVALID for a malformed range, KING_OBJECTSTORE_RANGE_UNSATISFIABLE
 * when no byte lies in it.
 */
export function resolveRange(range: ByteRange | undefined, size: number): Span {
  if (range === undefined) return { start: 0, length: size };
  if ("suffixLength" in range) {
    const wanted = count("range.suffixLength", range.suffixLength, 0);
    const length = Math.min(wanted, size);
    if (length === 0) throw unsatisfiable(`the last ${wanted} bytes`, size);
    return { start: size - length, length };
  }
  const start = count("range.start", range.start, 0);
  const rest =
    range.length === undefined ? Number.POSITIVE_INFINITY : count("range.length", range.length, 1);
  if (start >= size) throw unsatisfiable(`bytes from ${start}`, size);
  return { start, length: Math.min(rest, size - start) };
}

/** Checks the shape of a range before its object is known. */
export function checkRange(range: ByteRange | undefined): void {
  if (range === undefined) return;
  if (typeof range !== "object" || range === null)
    throw optionError("range", `expected an object, got ${describeValue(range)}`);
  for (const name of Object.keys(range)) {
    if (!["start", "length", "suffixLength"].includes(name))
      throw optionError(`range.${name}`, "expected start and length, or suffixLength");
  }
  if ("suffixLength" in range) {
    count("range.suffixLength", range.suffixLength, 0);
    if ("start" in range || "length" in range)
      throw optionError("range", "expected start and length, or suffixLength alone");
  } else {
    count("range.start", range.start, 0);
    if (range.length !== undefined) count("range.length", range.length, 1);
  }
}

function count(option: string, value: unknown, min: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < min) {
    throw optionError(
      option,
      `expected an integer of at least ${min}, got ${describeValue(value)}`,
    );
  }
  return value as number;
}

function unsatisfiable(what: string, size: number) {
  return objectstoreErrors.create(
    "KING_OBJECTSTORE_RANGE_UNSATISFIABLE",
    `range: expected one that holds a byte of ${size}, got ${what}`,
    { size },
  );
}
