import { overLimit } from "./fault.ts";
import { nodeBuffer } from "./node-buffer.ts";
import { writeUint32 } from "./write-varint.ts";

/** Bytes allocated at once for small messages; results are views on it. */
const slabBytes = 65_536;
const nothing = /* @__PURE__ */ new Uint8Array(0);

/** Where encoders write: a buffer and the position after what was handed out. @internal */
export class Writer {
  b!: Uint8Array;
  v!: DataView;
  /** Everything before it belongs to messages that were handed out. */
  p = 0;
  /** Start of the message being written. */
  start = 0;
  busy = false;
  maxBytes = 0;
  maxDepth = 0;
  maxStringBytes = 0;
  maxItems = 0;

  constructor() {
    this.replace(nothing, 0);
  }

  replace(bytes: Uint8Array, position: number): void {
    this.b = bytes;
    this.v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.p = position;
  }

  /** Makes sure that a message of about `expected` bytes finds room. */
  prepare(expected: number): void {
    if (this.b.length - this.p >= expected) return;
    // A large message gets a buffer of its own, so that it does not keep a slab for others.
    this.replace(allocate(expected > slabBytes >> 2 ? expected : slabBytes), 0);
  }

  /** Lets a buffer that was made for one message go. */
  release(): void {
    if (this.b.length !== slabBytes) this.replace(nothing, 0);
  }

  /** Gives the message that ends at `end` away. */
  finish(end: number, copy: boolean): Uint8Array {
    const { b, start } = this;
    const isOwn = b.length !== slabBytes;
    const size = end - start;
    let result: Uint8Array;
    if (copy || (isOwn && b.length - size > size >> 2)) {
      result = new Uint8Array(size);
      result.set(b.subarray(start, end));
    } else {
      result = new Uint8Array(this.v.buffer as ArrayBuffer, b.byteOffset + start, size);
      this.p = end;
    }
    this.release();
    return result;
  }
}

/** Memory of its own. Node's is not filled with zeros first: every byte handed out was written. */
function allocate(size: number): Uint8Array {
  return nodeBuffer === undefined ? new Uint8Array(size) : nodeBuffer.allocUnsafeSlow(size);
}

/** Makes room for `need` bytes at `p`, where the message being written has come to; positions stay. */
export function grow(w: Writer, p: number, need: number): Uint8Array {
  if (p - w.start > w.maxBytes) throw overLimit("maxBytes", w.maxBytes);
  const bytes = allocate(Math.max(w.b.length * 2, p + need, 1_024));
  bytes.set(w.b.subarray(w.start, p), w.start);
  const free = w.p;
  w.replace(bytes, free);
  return bytes;
}

/**
 * Writes the length of what lies at `from` to `end`, for which `width` bytes were left before it;
 * gives the end, which moves when the length needs another width.
 */
export function setLength(b: Uint8Array, from: number, end: number, width: number): number {
  const length = end - from;
  const needed = lengthWidth(length);
  const p = from - width;
  if (needed !== width) b.copyWithin(p + needed, from, end);
  return writeUint32(b, p, length) + length;
}

/** Bytes that the varint of a length takes. */
export function lengthWidth(length: number): number {
  return length < 128
    ? 1
    : length < 16_384
      ? 2
      : length < 2_097_152
        ? 3
        : length < 268_435_456
          ? 4
          : 5;
}
