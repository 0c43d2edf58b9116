import { createHash, hash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Activity } from "./activity.ts";
import { blockBytes, checksumOffset, trailerBytesFor } from "./block-checksums.ts";
import type { Span } from "./byte-range.ts";
import { objectstoreErrors } from "./errors.ts";
import type { FileSystem } from "./file-system.ts";
import { errnoOf } from "./guarded-file-system.ts";
import { decodeHeader, type ObjectHeader } from "./object-header.ts";
import type { ObjectLocation } from "./object-location.ts";

/** One read takes in header and body of a small object. */
const firstReadBytes = 16_384;
const keptBuffers = 16;

/** Memory for first reads, used again and again. */
export class ScratchBuffers {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(firstReadBytes);
  }

  give(buffer: Buffer): void {
    if (this.#free.length < keptBuffers) this.#free.push(buffer);
  }
}

/** An object's file, opened. */
export interface OpenedObject {
  readonly header: ObjectHeader;
  /** The whole body, when it came with the first read: then the file is closed already. */
  readonly body: Buffer | undefined;
  readonly file: number | undefined;
  readonly fileBytes: number;
}

/** What opening needs. */
export interface OpenObjectOptions {
  readonly fs: FileSystem;
  readonly scratch: ScratchBuffers;
  readonly path: string;
  readonly location: ObjectLocation;
  /** `undefined`: whatever key the file tells, as long as the file is where that key leads. */
  readonly key: string | undefined;
  /** Whether the body is wanted. */
  readonly body: boolean;
}

/**
 * Opens the file of an object and reads its header.
 *
 * @throws {KingError} KING_OBJECTSTORE_CORRUPT; errors of the operating system as they are.
 */
export async function openObject(options: OpenObjectOptions): Promise<OpenedObject | undefined> {
  const { fs, scratch, path } = options;
  let file: number | undefined;
  let fileBytes: number | undefined;
  const buffer = scratch.take();
  try {
    try {
      file = await fs.openFile(path);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
      if (errno === "ELOOP") throw corrupt(options.key ?? path, "a symbolic link is in its place");
      throw error;
    }
    const opened = await readStart(file, buffer, options);
    fileBytes = opened.fileBytes;
    if (opened.file !== undefined) file = undefined;
    return opened;
  } finally {
    scratch.give(buffer);
    if (file !== undefined) await fs.close(file, fileBytes);
  }
}

async function readStart(
  file: number,
  buffer: Buffer,
  options: OpenObjectOptions,
): Promise<OpenedObject> {
  const { fs, location, key } = options;
  const { headerBytes } = location;
  const name = key ?? options.path;
  const wanted = options.body ? buffer.length : headerBytes;
  let filled = await readAtLeast(fs, file, buffer, 0, headerBytes, wanted, 0);
  const header = decodeHeader(buffer.subarray(0, filled), headerBytes);
  if (typeof header === "string") throw corrupt(name, header);
  if (key !== undefined && header.key !== key) throw corrupt(name, "the file is of another key");
  const fileBytes = headerBytes + header.size + trailerBytesFor(header.size);
  if (!options.body) return { header, body: undefined, file: undefined, fileBytes };
  if (fileBytes > buffer.length) {
    const size = await fs.size(file);
    if (size !== fileBytes) throw corrupt(name, `the file has ${size} bytes, not ${fileBytes}`);
    return { header, body: undefined, file, fileBytes };
  }
  if (filled < fileBytes)
    filled += await readAtLeast(
      fs,
      file,
      buffer,
      filled,
      fileBytes - filled,
      fileBytes - filled,
      filled,
    );
  if (filled !== fileBytes) throw corrupt(name, `the file has not ${fileBytes} bytes`);
  // Memory of its own: whoever receives it may transfer it.
  const body = Buffer.allocUnsafeSlow(header.size);
  buffer.copy(body, 0, headerBytes, fileBytes);
  return { header, body, file: undefined, fileBytes };
}

/** Reads until `least` bytes have come, or the end; asks for `wanted`. */
async function readAtLeast(
  fs: FileSystem,
  file: number,
  buffer: Buffer,
  offset: number,
  least: number,
  wanted: number,
  position: number,
): Promise<number> {
  let filled = 0;
  while (filled < least) {
    const count = await fs.read(file, buffer, offset + filled, wanted - filled, position + filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/** What reading a body needs. */
export interface ReadBodyOptions {
  readonly fs: FileSystem;
  readonly opened: OpenedObject;
  readonly headerBytes: number;
  readonly span: Span;
  readonly chunkBytes: number;
  readonly activity: Activity;
}

/**
 * The bytes of `span`. A whole body is checked against its SHA-256, of which the last chunk waits for
 * the verdict, so that a corrupted object never looks complete. A part of it is checked by its blocks,
 * before any byte of a block is given out.
 *
 * The file is left open.
 */
export async function* readBody(options: ReadBodyOptions): AsyncGenerator<Uint8Array, void, void> {
  const { opened, span } = options;
  const { size } = opened.header;
  options.activity.check();
  if (opened.body) yield* partOf(opened, opened.body, span);
  else if (span.length === size) yield* readWhole(options);
  else if (size <= blockBytes) {
    const bytes = await readExactly(options, 0, size);
    options.activity.check();
    yield* partOf(opened, bytes, span);
  } else yield* readBlocks(options);
}

/** A part of a body that is in memory. */
function* partOf(opened: OpenedObject, body: Buffer, { start, length }: Span) {
  const { key, sha256 } = opened.header;
  if (hash("sha256", body, "hex") !== sha256) throw digestMismatch(key);
  if (length > 0) yield body.subarray(start, start + length);
}

async function* readWhole(options: ReadBodyOptions): AsyncGenerator<Uint8Array, void, void> {
  const { activity, chunkBytes, opened } = options;
  const { key, sha256, size } = opened.header;
  const digest = createHash("sha256");
  const read = (at: number) => {
    const reading = readExactly(options, at, Math.min(chunkBytes, size - at));
    // It may fail while the reader is busy; the failure is met at the next turn.
    reading.catch(() => {});
    return reading;
  };
  let reading = read(0);
  try {
    for (let at = 0; at < size; ) {
      const chunk = await reading;
      activity.check();
      at += chunk.length;
      // The next chunk is read while this one is digested and on its way to the reader.
      if (at < size) reading = read(at);
      digest.update(chunk);
      if (at === size && digest.digest("hex") !== sha256) throw digestMismatch(key);
      yield chunk;
      activity.check();
    }
  } finally {
    // The file is not to be closed, and its number not used again, under a read.
    await reading.catch(() => {});
  }
}

async function* readBlocks(options: ReadBodyOptions): AsyncGenerator<Uint8Array, void, void> {
  const { activity, headerBytes, opened, span } = options;
  const { key, size } = opened.header;
  const end = span.start + span.length;
  const first = Math.floor(span.start / blockBytes);
  const count = Math.ceil(end / blockBytes) - first;
  const trailerAt = headerBytes + size;
  for (let done = 0; done < count; ) {
    // The checksums of up to 4,096 blocks (1 GiB) at a time.
    const some = Math.min(count - done, 4_096);
    const from = checksumOffset(first + done);
    const checksums = await readAt(options, trailerAt + from, checksumOffset(some));
    for (let index = 0; index < some; index++, done++) {
      const blockAt = (first + done) * blockBytes;
      const block = await readExactly(options, blockAt, Math.min(blockBytes, size - blockAt));
      activity.check();
      if (crc32(block) !== checksums.readUInt32LE(checksumOffset(index)))
        throw corrupt(key, `block ${first + done} does not match its checksum`);
      yield block.subarray(Math.max(0, span.start - blockAt), end - blockAt);
      activity.check();
    }
  }
}

/** `length` bytes of the body. */
function readExactly(options: ReadBodyOptions, at: number, length: number): Promise<Buffer> {
  return readAt(options, options.headerBytes + at, length);
}

async function readAt(options: ReadBodyOptions, position: number, length: number): Promise<Buffer> {
  const { fs, opened } = options;
  const buffer = Buffer.allocUnsafeSlow(length);
  const file = opened.file as number;
  const filled = await readAtLeast(fs, file, buffer, 0, length, length, position);
  if (filled < length) throw corrupt(opened.header.key, "the file ends within its body");
  return buffer;
}

/** The error for a file that is not what its header or place says. */
function corrupt(key: string, what: string) {
  return objectstoreErrors.create(
    "KING_OBJECTSTORE_CORRUPT",
    `object ${JSON.stringify(key)}: expected an intact file, but ${what}`,
    { key, what },
  );
}

function digestMismatch(key: string) {
  return corrupt(key, "the body does not match its SHA-256");
}
