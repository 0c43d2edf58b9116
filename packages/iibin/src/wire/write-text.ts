import { describeValue } from "../describe-value.ts";
import { byteLength } from "./byte-length.ts";
import { at, bad, Fault, overLimit } from "./fault.ts";
import { nodeBuffer } from "./node-buffer.ts";
import { grow, lengthWidth, setLength, type Writer } from "./writer.ts";

/** Node's buffers write text themselves. */
interface TextBuffer extends Uint8Array {
  utf8Write?(text: string, offset: number, length: number): number;
}

const encoder = /* @__PURE__ */ new TextEncoder();

// Below it a loop is faster than a call out of JavaScript.
const shortText = 24;

/** What writing gives instead of a position: for a lone surrogate, and for too many bytes. */
const illFormed = -1;
const tooLarge = -2;

/**
 * Writes length and UTF-8 of `text` and leaves room for `after` more bytes; gives the position after
 * it, or a negative number that {@link badText} explains. `w.b` may be another buffer afterwards.
 */
export function writeText(w: Writer, p: number, text: string, after: number): number {
  const length = text.length;
  let b = w.b;
  if (length < shortText) {
    if (p + length * 3 + 1 + after > b.length) b = grow(w, p, length * 3 + 1 + after);
    let q = p + 1;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 127) return writeShortUnicode(w, p, q, text, i);
      b[q++] = unit;
    }
    b[p] = length;
    if (length > w.maxStringBytes) return tooLarge;
    return q;
  }
  return writeLongText(w, p, text, after);
}

/** Writes the rest of a short text from its first unit that is not ASCII, at `q`; room is there. */
function writeShortUnicode(w: Writer, p: number, q: number, text: string, first: number): number {
  const { b } = w;
  for (let i = first; i < text.length; i++) {
    let unit = text.charCodeAt(i);
    if (unit < 0x80) {
      b[q++] = unit;
      continue;
    }
    if (unit < 0x800) {
      b[q++] = 0xc0 | (unit >> 6);
      b[q++] = 0x80 | (unit & 63);
      continue;
    }
    if (unit >= 0xd800 && unit < 0xe000) {
      const low = text.charCodeAt(i + 1);
      if (unit >= 0xdc00 || !(low >= 0xdc00 && low < 0xe000)) return illFormed;
      i++;
      unit = 0x1_0000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
      b[q++] = 0xf0 | (unit >> 18);
      b[q++] = 0x80 | ((unit >> 12) & 63);
    } else b[q++] = 0xe0 | (unit >> 12);
    b[q++] = 0x80 | ((unit >> 6) & 63);
    b[q++] = 0x80 | (unit & 63);
  }
  const bytes = q - p - 1;
  if (bytes > w.maxStringBytes) return tooLarge;
  b[p] = bytes;
  return q;
}

function writeLongText(w: Writer, p: number, text: string, after: number): number {
  const { length } = text;
  if (length > w.maxStringBytes) return tooLarge;
  // Three bytes for each unit are room enough; for long text that would be much too much.
  let most = length * 3;
  if (most > 4_096 && nodeBuffer !== undefined) most = nodeBuffer.byteLength(text);
  let b: TextBuffer = w.b;
  if (p + most + 5 + after > b.length) b = grow(w, p, most + 5 + after);
  const width = lengthWidth(length);
  const from = p + width;
  const written =
    b.utf8Write === undefined
      ? encoder.encodeInto(text, b.subarray(from)).written
      : b.utf8Write(text, from, most);
  if (written !== length && !text.isWellFormed()) return illFormed;
  if (written > w.maxStringBytes) return tooLarge;
  return setLength(b, from, from + written, width);
}

/** As {@link writeText}, for bytes of which there are `length`. */
export function writeBytes(
  w: Writer,
  p: number,
  bytes: Uint8Array,
  length: number,
  after: number,
): number {
  if (length > w.maxStringBytes) return tooLarge;
  let b = w.b;
  if (p + length + 5 + after > b.length) b = grow(w, p, length + 5 + after);
  const width = lengthWidth(length);
  const from = p + width;
  copyBytes(b, from, bytes, length);
  return setLength(b, from, from + length, width);
}

/** What writing text or bytes had against them. */
export function badText(
  w: Writer,
  schema: string,
  field: string,
  result: number,
  value: unknown,
): Fault {
  return result === tooLarge
    ? (at(overLimit("maxStringBytes", w.maxStringBytes), schema, field) as Fault)
    : bad(schema, field, "text without lone surrogates", value);
}

/** Writes bytes as they are: fields that were kept. */
export function writeRaw(w: Writer, p: number, bytes: Uint8Array, schema: string): number {
  const length = byteLength(bytes);
  if (length < 0) {
    const fault = new Fault(
      "value",
      `expected a Uint8Array of unknown fields, got ${describeValue(bytes)}`,
    );
    fault.schema = schema;
    throw fault;
  }
  let b = w.b;
  if (p + length > b.length) b = grow(w, p, length);
  copyBytes(b, p, bytes, length);
  return p + length;
}

function copyBytes(b: Uint8Array, p: number, bytes: Uint8Array, length: number): void {
  if (length > 32) b.set(bytes, p);
  else for (let i = 0; i < length; i++) b[p + i] = bytes[i] as number;
}
