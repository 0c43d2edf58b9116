/** Turns values of one type into bytes and back. */
export interface Codec<Value> {
  /** Media type of the bytes, such as `"application/json"`. */
  readonly contentType: string;
  /** @throws {KingError} of category `validation` for a value that does not fit. */
  encode(value: Value): Uint8Array;
  /** @throws {KingError} of category `validation` for bytes that do not; never a partial value. */
  decode(bytes: Uint8Array): Value;
}
