import { describeValue } from "@king-runtime/core";
import { objectstoreErrors } from "./errors.ts";

/**
 * Checks a key: 1 to `maxKeyBytes` bytes of UTF-8; segments between `/` neither empty nor `.` nor
 * `..`; no control characters; no half of a surrogate pair. Keys are compared byte by byte: neither
 * letter case nor Unicode forms are folded.
 *
 * @returns the key's UTF-8 bytes, each as one character: such strings compare in byte order.
 * @throws {KingError} KING_OBJECTSTORE_KEY_INVALID naming the rule and what came.
 */
export function checkKey(key: unknown, maxKeyBytes: number): string {
  if (typeof key !== "string") throw invalid("a string", key);
  if (key === "") throw invalid("at least one byte", key);
  // A UTF-16 unit is at least one byte: longer texts are not encoded only to be measured.
  const tooLong = key.length > maxKeyBytes || Buffer.byteLength(key) > maxKeyBytes;
  if (tooLong) throw invalid(`at most ${maxKeyBytes} bytes of UTF-8`, key);
  if (!key.isWellFormed()) throw invalid("well-formed Unicode, no half of a surrogate pair", key);
  if (/\p{Cc}/u.test(key)) throw invalid("no control characters", key);
  if (/(?:^|\/)\.{0,2}(?:\/|$)/.test(key))
    throw invalid('no segment that is empty, "." or ".."', key);
  return toByteString(key);
}

/** The UTF-8 bytes of well-formed `text`, each as one character. */
export function toByteString(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The text whose UTF-8 bytes these are. */
export function fromByteString(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

function invalid(rule: string, actual: unknown) {
  return objectstoreErrors.create(
    "KING_OBJECTSTORE_KEY_INVALID",
    `key: expected ${rule}, got ${describeValue(actual)}`,
    { rule },
  );
}
