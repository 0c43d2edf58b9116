/** What a request may send as its body. A function is called for each attempt, so that it can be repeated. */
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
