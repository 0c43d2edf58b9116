import { type Fault, malformed, overLimit, truncated } from "./fault.ts";

/** What decoders share beside the bytes. @internal */
export class Reader {
  /** Position after what a function read. */
  p = 0;
  /** Of large messages, for which making it pays. */
  v: DataView | undefined = undefined;
  /** Items, entries and nested messages that may still come. */
  items = 0;
  maxItems = 0;
  maxStringBytes = 0;
  maxDepth = 0;
  maxBytes = 0;
  /** Bytes of messages that came in parts and were put together. */
  together = 0;
}

/** From so many bytes on a view of the memory costs less than it saves. */
export const viewPays = 2_048;

/** Reads a field's number and wire type, whose first byte is at `p`, as a signed integer of 32 bits. */
export function readKey(b: Uint8Array, p: number, end: number, r: Reader): number {
  const from = p;
  let key = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (p >= end) throw truncated(from);
    const byte = b[p++] as number;
    if (shift < 28) key |= (byte & 127) << shift;
    else if ((byte & 127) > (shift === 28 ? 15 : 0))
      throw malformed("a field's number is larger than 536870911", from);
    else if (shift === 28) key |= byte << 28;
    if (byte < 128) {
      r.p = p;
      return key;
    }
  }
  throw malformed("a varint is longer than ten bytes", from);
}

/** Reads a length and checks that as many bytes are there. */
export function readLength(b: Uint8Array, p: number, end: number, r: Reader): number {
  const from = p;
  let length = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (p >= end) throw truncated(from);
    const byte = b[p++] as number;
    if (shift < 28) length |= (byte & 127) << shift;
    else if (shift === 28) length += (byte & 127) * 268_435_456;
    else if ((byte & 127) !== 0) throw tooLong(from, end);
    if (byte < 128) {
      if (length > end - p) throw tooLong(from, end);
      r.p = p;
      return length;
    }
  }
  throw malformed("a varint is longer than ten bytes", from);
}

/** A length of one byte at `p` that is not there, or that the bytes before `end` cannot hold. */
export function tooLong(p: number, end: number): Fault {
  return p >= end ? truncated(end) : malformed("a length is larger than what follows", p);
}

/**
 * Skips a field nobody asked for, after its key; gives the position behind it. Groups are refused when
 * `groups` is false, and nest no deeper than messages may.
 */
export function skipField(
  b: Uint8Array,
  p: number,
  end: number,
  r: Reader,
  key: number,
  depth: number,
  groups: boolean,
): number {
  if (key >>> 3 === 0) {
    // King passes over number 0 unless the whole key is zero.
    if (groups || key === 0) throw malformed("a field has number 0", p);
  }
  switch (key & 7) {
    case 0:
      for (let count = 0; count < 10; count++) {
        if (p >= end) throw truncated(p);
        const byte = b[p++] as number;
        if (byte < 128) {
          if (count === 9 && byte > 1) break;
          return p;
        }
      }
      throw malformed("a varint is larger than 64 bits", p);
    case 1:
      if (end - p < 8) throw truncated(p);
      return p + 8;
    case 2: {
      const length = readLength(b, p, end, r);
      return r.p + length;
    }
    case 5:
      if (end - p < 4) throw truncated(p);
      return p + 4;
    case 3:
      if (groups) return skipGroup(b, p, end, r, key, depth);
      throw malformed("groups are refused by profile king", p);
    default:
      throw malformed(
        (key & 7) === 4 ? "a group ends that did not begin" : `wire type ${key & 7} does not exist`,
        p,
      );
  }
}

function skipGroup(
  b: Uint8Array,
  p: number,
  end: number,
  r: Reader,
  key: number,
  depth: number,
): number {
  if (depth <= 0) throw overLimit("maxDepth", r.maxDepth, p);
  for (;;) {
    if (p >= end) throw truncated(p);
    const inner = readKey(b, p, end, r);
    p = r.p;
    if ((inner & 7) === 4) {
      if (inner >>> 3 !== key >>> 3) throw malformed("a group ends that did not begin", p);
      return p;
    }
    p = skipField(b, p, end, r, inner, depth - 1, true);
  }
}

/** A known field that came with another wire type, in profile king. */
export function wrongWireType(offset: number, key: number): Fault {
  return malformed(`wire type ${key & 7} is not that of the field`, offset);
}
