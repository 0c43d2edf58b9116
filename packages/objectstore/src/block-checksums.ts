import { crc32 } from "node:zlib";

/**
 * Length of a block of a body. A body longer than one block is followed by the CRC-32 of each of its
 * blocks, four bytes little-endian apiece, so that a range is verified by reading the blocks it
 * touches rather than the whole object.
 */
export const blockBytes = 262_144;
const checksumBytes = 4;

/** Bytes of checksums behind a body of `size` bytes. */
export function trailerBytesFor(size: number): number {
  return size > blockBytes ? Math.ceil(size / blockBytes) * checksumBytes : 0;
}

/** Size of the body in a file of `fileBytes` bytes; the inverse of header + body + trailer. */
export function bodyBytesOf(fileBytes: number, headerBytes: number): number {
  const rest = Math.max(0, fileBytes - headerBytes);
  if (rest <= blockBytes) return rest;
  return rest - Math.ceil(rest / (blockBytes + checksumBytes)) * checksumBytes;
}

/** Gathers the checksums of a body that passes by. */
export class BlockChecksums {
  readonly #finished: number[] = [];
  #crc = 0;
  #filled = 0;

  update(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + blockBytes - this.#filled);
      this.#crc = crc32(piece, this.#crc);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled === blockBytes) this.#next();
    }
  }

  /** The bytes to put behind the body; empty for a body of one block. */
  trailer(): Buffer {
    if (this.#filled > 0) this.#next();
    const count = this.#finished.length;
    if (count < 2) return Buffer.alloc(0);
    const bytes = Buffer.alloc(count * checksumBytes);
    for (const [index, crc] of this.#finished.entries())
      bytes.writeUInt32LE(crc, index * checksumBytes);
    return bytes;
  }

  #next(): void {
    this.#finished.push(this.#crc);
    this.#crc = 0;
    this.#filled = 0;
  }
}

/** Where the checksum of block `index` lies, from the start of the trailer. */
export function checksumOffset(index: number): number {
  return index * checksumBytes;
}
