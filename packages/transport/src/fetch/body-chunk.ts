import { isUint8Array } from "node:util/types";

/**
 * A chunk of a body stream, which has to be bytes.
 *
 * @throws TypeError for anything else (Fetch standard, reading a chunk of a body).
 */
export function bytesOf(chunk: unknown): Uint8Array {
  if (isUint8Array(chunk)) return chunk;
  throw new TypeError(`body: expected chunks of Uint8Array, got ${typeof chunk}`);
}
