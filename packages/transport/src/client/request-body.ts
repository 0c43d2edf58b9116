import { describeValue } from "@king-runtime/core";
import { invalidRequest } from "./request-error.ts";

/**
 * What a request may send as its body. A function is called for each attempt, so that it can be repeated. A source that
 * was begun and is not read to its end is told: an iterator by `return`, a web stream by `cancel`.
 */
export type RequestBody =
  | string
  | Uint8Array
  | AsyncIterable<Uint8Array>
  | ReadableStream<Uint8Array>
  | (() => AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>);

/** Whether the same body can be sent again. */
export const isRepeatable = (body: RequestBody | undefined): boolean =>
  body === undefined ||
  typeof body === "string" ||
  body instanceof Uint8Array ||
  typeof body === "function";

/**
 * What to send of `body` this time.
 *
 * @throws {KingError} KING_HTTP_REQUEST_INVALID for a function that gives what nobody can send; what it throws itself.
 */
export function bodyOf(
  body: RequestBody | undefined,
): string | Uint8Array | AsyncIterable<Uint8Array> | undefined {
  if (typeof body !== "function") return body as AsyncIterable<Uint8Array> | undefined;
  const given: unknown = body();
  if (typeof given === "object" && given !== null && Symbol.asyncIterator in given)
    return given as AsyncIterable<Uint8Array>;
  const message = `expected a function that gives an async iterable of bytes or a web stream, got ${describeValue(given)}`;
  throw invalidRequest("body", message);
}

/** @throws {KingError} KING_HTTP_REQUEST_INVALID for what a source of a body gives and nobody can send. */
export function checkChunk(chunk: unknown): asserts chunk is Uint8Array {
  if (chunk instanceof Uint8Array) return;
  throw invalidRequest("body", `expected chunks of bytes, got ${describeValue(chunk)}`);
}
