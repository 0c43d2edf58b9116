import { createHash, type Hash, hash } from "node:crypto";
import { BlockChecksums, blockBytes } from "./block-checksums.ts";
import { objectstoreErrors } from "./errors.ts";
import type { FileSystem } from "./file-system.ts";
import { failure } from "./guarded-file-system.ts";
import { encodeHeader, type ObjectHeader } from "./object-header.ts";
import type { Quota } from "./quota.ts";
import type { Slots } from "./slots.ts";

/** What a writer works with. */
export interface ObjectWriterOptions {
  readonly fs: FileSystem;
  readonly quota: Quota;
  readonly slots: Slots;
  /** The temporary file. */
  readonly path: string;
  readonly headerBytes: number;
  readonly chunkBytes: number;
  readonly maxObjectBytes: number;
}

/**
 * Writes one object into a temporary file. Up to `chunkBytes` are gathered in memory, with room for
 * the header in front: a small object is hashed and written in one piece. A larger one is written
 * behind the room for its header, which comes last, when size and digest are known.
 */
export class ObjectWriter {
  readonly #options: ObjectWriterOptions;
  #file: number | undefined;
  #created = false;
  #moved = false;
  /** Gathered bytes are at `#from` to `#to`. */
  #buffer: Buffer = Buffer.alloc(0);
  #from: number;
  #to: number;
  /** Where the next gathered byte goes in the file. */
  #position: number;
  #hash: Hash | undefined;
  #blocks: BlockChecksums | undefined;
  #size = 0;

  constructor(options: ObjectWriterOptions) {
    this.#options = options;
    this.#from = options.headerBytes;
    this.#to = options.headerBytes;
    this.#position = options.headerBytes;
  }

  /** Bytes taken so far; all of them are reserved. */
  get size(): number {
    return this.#size;
  }

  /** Takes a chunk; the caller may reuse its memory when this resolves. */
  async write(chunk: Uint8Array): Promise<void> {
    const { chunkBytes, maxObjectBytes, quota } = this.#options;
    if (this.#size + chunk.length > maxObjectBytes) {
      throw objectstoreErrors.create(
        "KING_OBJECTSTORE_OBJECT_LIMIT",
        `expected at most maxObjectBytes = ${maxObjectBytes}, got more`,
        { maxObjectBytes },
      );
    }
    quota.reserve(chunk.length);
    this.#size += chunk.length;
    if (this.#to - this.#from + chunk.length > chunkBytes) await this.#inTurn(() => this.#flush());
    if (chunk.length <= chunkBytes) return this.#gather(chunk);
    for (let at = 0; at < chunk.length; at += chunkBytes) {
      await this.#inTurn(() => this.#append(chunk.subarray(at, at + chunkBytes)));
    }
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const { slots } = this.#options;
    const turn = slots.take();
    if (turn) await turn;
    try {
      await work();
    } finally {
      slots.give();
    }
  }

  #gather(chunk: Uint8Array): void {
    const end = this.#to + chunk.length;
    if (end > this.#buffer.length) {
      // The first chunk is often the only one; after that, double.
      const full = this.#from + this.#options.chunkBytes;
      const length =
        this.#to === this.#from ? end : Math.min(full, Math.max(end, 2 * this.#buffer.length));
      const larger = Buffer.allocUnsafe(length);
      larger.set(this.#buffer.subarray(this.#from, this.#to), this.#from);
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#to);
    this.#to = end;
  }

  async #flush(): Promise<void> {
    if (this.#to === this.#from) return;
    await this.#append(this.#buffer.subarray(this.#from, this.#to));
    // The room for the header is needed at the start of the file only.
    this.#from = 0;
    this.#to = 0;
  }

  /** Writes the next bytes of the body, and digests them meanwhile. */
  async #append(bytes: Uint8Array): Promise<void> {
    await this.#create();
    const writing = this.#writeAll(bytes, this.#position);
    this.#hash ??= createHash("sha256");
    this.#blocks ??= new BlockChecksums();
    this.#hash.update(bytes);
    this.#blocks.update(bytes);
    await writing;
    this.#position += bytes.length;
  }

  async #create(): Promise<void> {
    if (this.#created) return;
    this.#file = await this.#options.fs.createFile(this.#options.path);
    this.#created = true;
  }

  async #writeAll(bytes: Uint8Array, position: number): Promise<void> {
    const { fs } = this.#options;
    const file = this.#file as number;
    for (let at = 0; at < bytes.length; ) {
      const written = await fs.write(file, bytes, at, bytes.length - at, position + at);
      if (written === 0) throw failure("EIO", "write", "nothing was written");
      at += written;
    }
  }

  /**
   * Completes the file; when this resolves its content is on the disk, under its temporary name. The
   * caller has taken a slot.
   */
  async finish(facts: Omit<ObjectHeader, "size" | "sha256">): Promise<ObjectHeader> {
    const { fs, headerBytes } = this.#options;
    const whole = this.#hash === undefined;
    if (!whole) await this.#flush();
    await this.#create();
    const body = this.#buffer.subarray(this.#from, this.#to);
    const sha256 = this.#hash?.digest("hex") ?? hash("sha256", body, "hex");
    const header: ObjectHeader = { ...facts, size: this.#size, sha256 };
    if (whole) {
      const start = this.#buffer.length === 0 ? Buffer.allocUnsafe(headerBytes) : this.#buffer;
      encodeHeader(header, headerBytes, start);
      await this.#writeAll(start.subarray(0, headerBytes + this.#size), 0);
      if (this.#size > blockBytes) {
        this.#blocks = new BlockChecksums();
        this.#blocks.update(body);
      }
    } else {
      const start = Buffer.allocUnsafe(headerBytes);
      encodeHeader(header, headerBytes, start);
      await this.#writeAll(start, 0);
    }
    if (this.#blocks && this.#size > blockBytes)
      await this.#writeAll(this.#blocks.trailer(), headerBytes + this.#size);
    await fs.fdatasync(this.#file as number);
    const file = this.#file as number;
    this.#file = undefined;
    await fs.close(file, headerBytes + this.#size);
    return header;
  }

  /** Makes the finished file the object at `path`, in place of one of `replacedBytes`. */
  async moveTo(path: string, replacedBytes: number | undefined): Promise<void> {
    const { fs, quota, path: from } = this.#options;
    await fs.rename(from, path);
    this.#moved = true;
    quota.commit(this.#size, replacedBytes);
  }

  /**
   * Takes the temporary file away and gives back what was reserved; does nothing to an object.
   *
   * @returns why the file is still there, when it is; the next opening of the store removes it.
   */
  async discard(): Promise<unknown> {
    const { fs, path, quota } = this.#options;
    if (this.#moved) return undefined;
    quota.release(this.#size);
    if (!this.#created) return undefined;
    try {
      if (this.#file !== undefined) await fs.close(this.#file);
    } catch {
      // What was written is unwanted, and the number is released in any case.
    }
    try {
      await fs.unlink(path);
      return undefined;
    } catch (error) {
      return error;
    }
  }
}
