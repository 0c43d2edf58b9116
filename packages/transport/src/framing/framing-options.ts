import { checkObject, describeValue, optionError } from "@king-runtime/core";

/** @throws {KingError} KING_OPTION_INVALID for what is no object, and for names that are not `known`. */
export function checkFramingOptions(options: object, known: readonly string[]): void {
  checkObject("options", options);
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

/** @throws {KingError} KING_OPTION_INVALID unless `source` can be read piece by piece. */
export function checkSource(source: unknown): void {
  const { [Symbol.asyncIterator]: inTime, [Symbol.iterator]: atOnce } = Object(source);
  if (typeof (inTime ?? atOnce) === "function") return;
  throw optionError("source", `expected an async iterable, got ${describeValue(source)}`);
}

/**
 * A view of what a source gave.
 *
 * @throws {KingError} KING_OPTION_INVALID for what is no Uint8Array.
 */
export function chunkBytes(chunk: unknown): Buffer {
  if (chunk instanceof Uint8Array) {
    return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  throw optionError("source", `expected chunks that are Uint8Array, got ${describeValue(chunk)}`);
}

/** @throws {KingError} KING_OPTION_INVALID unless `stream` can be written to. */
export function checkTarget(stream: unknown): void {
  if (typeof Object(stream).write === "function") return;
  throw optionError("stream", `expected a stream, got ${describeValue(stream)}`);
}
