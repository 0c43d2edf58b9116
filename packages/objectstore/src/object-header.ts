import { crc32 } from "node:zlib";
import type { BlobInfo } from "@king-runtime/core";
import { blockBytes } from "./block-checksums.ts";

/**
 * The head of an object's file. Its length follows from the length of the key alone, so that a put
 * can write the body first and the header last, and the size of an object follows from the length
 * of its file. Numbers are little-endian.
 *
 * | at | bytes | what |
 * |---|---|---|
 * | 0 | 8 | `KINGOBJ` and a line feed |
 * | 8 | 4 | version of the format, 1 |
 * | 12 | 4 | length of the header |
 * | 16 | 4 | CRC-32 of the header with this field left out |
 * | 20 | | JSON: key, size, sha256, contentType, modifiedAt, blockBytes; then spaces, and a line feed |
 */
const magic = Buffer.from("KINGOBJ\n", "latin1");
const version = 1;
const preludeBytes = 20;

const shortHeaderBytes = 1_024;
/** Length of the header of a long key. */
export const longestHeaderBytes = 4_096;

/** Longest content type, in bytes. */
export const maxContentTypeBytes = 255;

/**
 * Length of the header in front of an object whose key has `keyBytes` bytes. In the worst case JSON
 * doubles key and content type (quotes and backslashes); names, numbers and digest need 200 more.
 */
export function headerBytesFor(keyBytes: number): number {
  return keyBytes <= 128 ? shortHeaderBytes : longestHeaderBytes;
}

/** Facts of an object as its header tells them. */
export type ObjectHeader = Omit<BlobInfo, "etag">;

/** Writes the header into the first `headerBytes` bytes of `target`. */
export function encodeHeader(header: ObjectHeader, headerBytes: number, target: Buffer): void {
  const { key, size, sha256, contentType, modifiedAt } = header;
  const json = JSON.stringify({ key, size, sha256, contentType, modifiedAt, blockBytes });
  magic.copy(target, 0);
  target.writeUInt32LE(version, 8);
  target.writeUInt32LE(headerBytes, 12);
  const end =
    preludeBytes + target.write(json, preludeBytes, headerBytes - preludeBytes - 1, "utf8");
  target.fill(0x20, end, headerBytes - 1);
  target[headerBytes - 1] = 0x0a;
  target.writeUInt32LE(checksum(target, headerBytes), 16);
}

function checksum(bytes: Buffer, headerBytes: number): number {
  return crc32(bytes.subarray(preludeBytes, headerBytes), crc32(bytes.subarray(0, 16)));
}

/**
 * Reads a header from the start of a file.
 *
 * @param headerBytes the length the file's place asks for.
 * @returns what is wrong, in words, when it is not an intact header.
 */
export function decodeHeader(bytes: Buffer, headerBytes: number): ObjectHeader | string {
  if (bytes.length < headerBytes) return "the file ends within its header";
  if (magic.compare(bytes, 0, magic.length) !== 0) return "the file does not begin as an object's";
  const found = bytes.readUInt32LE(8);
  if (found !== version) return `the file is of format ${found}, not ${version}`;
  if (bytes.readUInt32LE(12) !== headerBytes) return "the header has another length";
  if (bytes.readUInt32LE(16) !== checksum(bytes, headerBytes))
    return "the header does not match its checksum";
  // The checksum holds, so this is the JSON that encodeHeader wrote.
  const json = bytes.toString("utf8", preludeBytes, headerBytes);
  const { key, size, sha256, contentType, modifiedAt } = JSON.parse(json) as ObjectHeader;
  return { key, size, sha256, contentType, modifiedAt };
}
