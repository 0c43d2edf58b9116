import { Http3Error, http3Codes } from "../codes.ts";
import { readHuffman } from "./huffman.ts";
import { type ReadPosition, readInteger } from "./prefixed-integer.ts";
import { staticTable } from "./static-table.ts";

/** What a field costs beside its name and value (RFC 9114, section 4.2.2). */
const fieldOverheadBytes = 32;

/** A field section that is larger than may be; the message, not the connection, is refused for it. */
export class FieldSectionTooLarge extends Error {}

/**
 * The fields of a section (RFC 9204, section 4.5), as `[name, value, name, value, ...]`; characters are octets. There is no
 * dynamic table: we allow none.
 *
 * @throws {Http3Error} QPACK_DECOMPRESSION_FAILED.
 * @throws {FieldSectionTooLarge} when names, values and 32 bytes for each field are more than `maxBytes`.
 */
export function decodeFields(bytes: Uint8Array, maxBytes: number): string[] {
  const position: ReadPosition = { at: 0 };
  const end = bytes.length;
  if (integer(bytes, position, end, 8) !== 0) throw failed("a reference to the dynamic table");
  integer(bytes, position, end, 7);
  const fields: string[] = [];
  let size = 0;
  while (position.at < end) {
    const first = bytes[position.at] as number;
    let name: string;
    let value: string;
    if (first & 0b1000_0000) {
      if ((first & 0b0100_0000) === 0) throw failed("a reference to the dynamic table");
      [name, value] = staticField(integer(bytes, position, end, 6));
    } else if (first & 0b0100_0000) {
      if ((first & 0b0001_0000) === 0) throw failed("a reference to the dynamic table");
      [name] = staticField(integer(bytes, position, end, 4));
      value = text(bytes, position, end, 7);
    } else if (first & 0b0010_0000) {
      name = text(bytes, position, end, 3);
      value = text(bytes, position, end, 7);
    } else {
      throw failed("a reference to the dynamic table");
    }
    size += name.length + value.length + fieldOverheadBytes;
    if (size > maxBytes) throw new FieldSectionTooLarge();
    fields.push(name, value);
  }
  return fields;
}

function integer(bytes: Uint8Array, position: ReadPosition, end: number, bits: number): number {
  const value = readInteger(bytes, position, end, bits);
  if (value === undefined) throw failed("an integer that is cut or too large");
  return value;
}

function staticField(index: number): readonly [string, string] {
  const field = staticTable[index];
  if (field === undefined) throw failed(`field ${index} of the static table`);
  return field;
}

function text(bytes: Uint8Array, position: ReadPosition, end: number, bits: number): string {
  const isCoded = position.at < end && ((bytes[position.at] as number) & (1 << bits)) !== 0;
  const length = integer(bytes, position, end, bits);
  const from = position.at;
  if (length > end - from) throw failed("a string that is cut");
  position.at += length;
  if (!isCoded) return latin1(bytes, from, from + length);
  const decoded = readHuffman(bytes, from, from + length);
  if (decoded === undefined) throw failed("a string that is no Huffman code");
  return decoded;
}

const latin1 = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1");

const failed = (got: string) =>
  new Http3Error(http3Codes.decompressionFailed, `field section: expected fields, got ${got}`);
