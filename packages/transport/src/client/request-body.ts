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

/** What to send of `body` this time. */
export const bodyOf = (
  body: RequestBody | undefined,
): string | Uint8Array | AsyncIterable<Uint8Array> | undefined =>
  (typeof body === "function" ? body() : body) as
    | string
    | Uint8Array
    | AsyncIterable<Uint8Array>
    | undefined;

/** @throws {KingError} KING_HTTP_REQUEST_INVALID for what a source of a body gives and nobody can send. */
export function checkChunk(chunk: unknown): asserts chunk is Uint8Array {
  if (chunk instanceof Uint8Array) return;
  throw invalidRequest("body", `expected chunks of bytes, got ${describeValue(chunk)}`);
}
