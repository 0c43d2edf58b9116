import { type BlobSource, describeValue } from "@king-runtime/core";
import { objectstoreErrors } from "./errors.ts";

/** A source being read, chunk by chunk. */
export interface ByteSource {
  /** `undefined` at the end. */
  next(): Promise<Uint8Array | undefined>;
  /** Tells the source that no more is wanted; does not wait for it. */
  cancel(reason: unknown): void;
}

/** @throws {KingError} KING_OBJECTSTORE_SOURCE_INVALID for what is no source of bytes. */
export function openByteSource(source: BlobSource): ByteSource {
  if (source instanceof Uint8Array) return fromIterator([source][Symbol.iterator]());
  if (typeof source === "object" && source !== null) {
    if ("getReader" in source) return fromReader(source.getReader());
    if (Symbol.asyncIterator in source) return fromIterator(source[Symbol.asyncIterator]());
    if (Symbol.iterator in source) return fromIterator(source[Symbol.iterator]());
  }
  throw invalid(source);
}

// What a source says to its cancellation is of no interest any more: the put has failed already.
const ignore = () => {};

function fromReader(reader: ReadableStreamDefaultReader<Uint8Array>): ByteSource {
  return {
    async next() {
      const { done, value } = await reader.read();
      if (!done) return checked(value);
      reader.releaseLock();
      return undefined;
    },
    cancel(reason) {
      reader.cancel(reason).then(() => reader.releaseLock(), ignore);
    },
  };
}

function fromIterator(iterator: Iterator<Uint8Array> | AsyncIterator<Uint8Array>): ByteSource {
  return {
    async next() {
      const { done, value } = await iterator.next();
      return done ? undefined : checked(value);
    },
    cancel() {
      // An async generator in the middle of its work answers when that is over, perhaps never.
      void (async () => iterator.return?.())().catch(ignore);
    },
  };
}

function checked(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw invalid(chunk);
}

function invalid(actual: unknown) {
  const shown = describeValue(actual);
  return objectstoreErrors.create(
    "KING_OBJECTSTORE_SOURCE_INVALID",
    `source: expected chunks of Uint8Array, got ${shown}`,
    { actual: shown },
  );
}
