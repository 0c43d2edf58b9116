import { huffmanLength, writeHuffman } from "./huffman.ts";
import { maxIntegerBytes, writeInteger } from "./prefixed-integer.ts";
import { staticFieldIndex, staticNameIndex } from "./static-table.ts";

/**
 * A field section (RFC 9204, section 4.5) of `[name, value, name, value, ...]`, names in lower case, characters octets.
 * Fields refer to the static table alone, so that no section waits for another.
 *
 * @param isSecret whether a field is never to be put into a table by anybody on the way.
 */
export function encodeFields(
  fields: readonly string[],
  isSecret: (name: string) => boolean = () => false,
): Uint8Array {
  let room = 2;
  for (const text of fields) room += text.length + maxIntegerBytes;
  const bytes = new Uint8Array(room);
  // Required Insert Count and Delta Base, both 0.
  let at = 2;
  for (let i = 0; i < fields.length; i += 2) {
    at = writeField(bytes, at, fields[i] as string, fields[i + 1] as string, isSecret);
  }
  return bytes.subarray(0, at);
}

function writeField(
  bytes: Uint8Array,
  at: number,
  name: string,
  value: string,
  isSecret: (name: string) => boolean,
): number {
  const never = isSecret(name);
  const field = never ? undefined : staticFieldIndex(name, value);
  if (field !== undefined) return writeInteger(bytes, at, 0b1100_0000, 6, field);
  const index = staticNameIndex(name);
  if (index !== undefined) {
    const first = 0b0101_0000 | (never ? 0b0010_0000 : 0);
    return writeText(bytes, writeInteger(bytes, at, first, 4, index), 0, 7, value);
  }
  const first = 0b0010_0000 | (never ? 0b0001_0000 : 0);
  return writeText(bytes, writeText(bytes, at, first, 3, name), 0, 7, value);
}

/** A string whose length has a prefix of `bits` bits, and before it a bit for the Huffman code. */
function writeText(
  bytes: Uint8Array,
  at: number,
  first: number,
  bits: number,
  text: string,
): number {
  const coded = huffmanLength(text);
  if (coded < text.length) {
    return writeHuffman(bytes, writeInteger(bytes, at, first | (1 << bits), bits, coded), text);
  }
  let to = writeInteger(bytes, at, first, bits, text.length);
  for (let i = 0; i < text.length; i++) bytes[to++] = text.charCodeAt(i);
  return to;
}
