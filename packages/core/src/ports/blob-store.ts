/** Facts of a stored blob. */
export interface BlobInfo {
  readonly key: string;
  /** In bytes. */
  readonly size: number;
  /** Opaque, quoted as in HTTP (RFC 9110, section 8.8.3); changes with the content. */
  readonly etag: string;
  /** Lower-case hexadecimal SHA-256 of the content. */
  readonly sha256: string;
  readonly contentType: string;
  /** Milliseconds since the Unix epoch. */
  readonly modifiedAt: number;
}

/**
 * Bytes to store. The memory of a chunk may be reused when the next chunk is asked for. When a put
 * fails the source is told: a web stream is cancelled, an iterator returned.
 */
export type BlobSource =
  | Uint8Array
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>
  | ReadableStream<Uint8Array>;

/** Options of {@link BlobStore.put}. */
export interface PutBlobOptions {
  /** @default "application/octet-stream" */
  contentType?: string;
  signal?: AbortSignal;
}

/**
 * A range of bytes: from `start` (inclusive) for `length` bytes (at least 1), or the last
 * `suffixLength` bytes. What goes beyond the end is cut off; a range without any byte of the blob is
 * refused.
 */
export type ByteRange =
  | { readonly start: number; readonly length?: number }
  | { readonly suffixLength: number };

/** Options of {@link BlobStore.get}. */
export interface GetBlobOptions {
  range?: ByteRange;
  /** Ends the reading of the body, too. */
  signal?: AbortSignal;
}

/**
 * A blob being read. The body is read once, in chunks that the reader may keep; reading it to its end
 * or disposing the blob releases what it holds. It stays whole when its key is put or deleted
 * meanwhile. A store that finds it damaged throws before it has given out the last chunk.
 */
export interface OpenBlob extends AsyncDisposable {
  readonly info: BlobInfo;
  /** Offset of the first byte of `body` and how many there are. */
  readonly start: number;
  readonly length: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Options of {@link BlobStore.list}. */
export interface ListBlobsOptions {
  /** @default "" */
  prefix?: string;
  /** `cursor` of the page before; pages are in key order (UTF-8 byte order). */
  cursor?: string;
  /** Most entries of a page; a store may give fewer, also none, and a cursor. @default 1_000 */
  limit?: number;
  signal?: AbortSignal;
}

/** One page of a listing. */
export interface BlobPage {
  readonly items: readonly BlobInfo[];
  /** Absent on the last page. */
  readonly cursor?: string;
}

/**
 * Where planes keep large values, whoever stores them.
 *
 * Keys are 1 to 1,024 bytes of UTF-8, compared byte by byte; segments between `/` are neither empty nor
 * `.` nor `..`; control characters and lone surrogates are refused. Errors of category `validation` tell
 * of a bad key, option, range or source, `limit` of a store that is full, `integrity` of a damaged blob.
 * What a source throws, and the reason of an aborted signal, reach the caller untouched.
 */
export interface BlobStore {
  /** Stores all of `source` or nothing. Resolves when it is durable, as far as the store promises. */
  put(key: string, source: BlobSource, options?: PutBlobOptions): Promise<BlobInfo>;
  /** `undefined` when there is no such blob. */
  get(key: string, options?: GetBlobOptions): Promise<OpenBlob | undefined>;
  head(key: string, options?: { signal?: AbortSignal }): Promise<BlobInfo | undefined>;
  list(options?: ListBlobsOptions): Promise<BlobPage>;
  /** Whether there was one. */
  delete(key: string, options?: { signal?: AbortSignal }): Promise<boolean>;
}
