import {
  type BlobInfo,
  type BlobPage,
  type BlobSource,
  type BlobStore,
  type Clock,
  type Closable,
  type Closed,
  type CloseOptions,
  type Component,
  type ComponentStats,
  describeValue,
  type GetBlobOptions,
  type HasSection,
  type Health,
  type LifeState,
  type ListBlobsOptions,
  type OpenBlob,
  optionError,
  type PutBlobOptions,
  resolveOptions,
  type SectionValues,
  systemClock,
} from "@king-runtime/core";
import { Activity } from "./activity.ts";
import { bodyBytesOf } from "./block-checksums.ts";
import { checkRange, resolveRange } from "./byte-range.ts";
import { openByteSource } from "./byte-source.ts";
import { objectstoreSection } from "./config.ts";
import { Diagnostics } from "./diagnostics.ts";
import { ioError, objectstoreErrors } from "./errors.ts";
import type { FileSystem } from "./file-system.ts";
import { Folders } from "./folders.ts";
import { errnoOf, guardFileSystem } from "./guarded-file-system.ts";
import { KeyLocks } from "./key-locks.ts";
import { findKeys } from "./listing.ts";
import { nodeFileSystem } from "./node-file-system.ts";
import { longestHeaderBytes, maxContentTypeBytes, type ObjectHeader } from "./object-header.ts";
import { checkKey, fromByteString, toByteString } from "./object-key.ts";
import { locateObject, type ObjectLocation } from "./object-location.ts";
import { openObject, readBody, ScratchBuffers } from "./object-reader.ts";
import { ObjectWriter } from "./object-writer.ts";
import { OpenedBlob } from "./opened-blob.ts";
import { Quota } from "./quota.ts";
import { countObjects, openRoot, type Root, removeTemporaryFiles } from "./root.ts";
import { settleAll } from "./settle-all.ts";
import { Slots } from "./slots.ts";
import { type Operation, type OperationTelemetry, Telemetry } from "./telemetry.ts";

/** Options of {@link openObjectStore}. */
export interface OpenObjectStoreOptions {
  /** Folder of the store, made if need be; it belongs to the store alone. */
  root: string;
  /** Settings of the operator and of the workflow; options given here go before them. */
  config?: HasSection<typeof objectstoreSection>;
  /** Quota: committed bytes and bytes of puts under way; `Infinity`: no limit. @default Infinity */
  maxBytes?: number;
  /** Largest object, in bytes; `Infinity`: no limit. @default Infinity */
  maxObjectBytes?: number;
  /** Longest key, in bytes of UTF-8; 1 to 1,024. @default 1_024 */
  maxKeyBytes?: number;
  /** How many bytes are read or written at once; 1,024 to 16,777,216. @default 262_144 */
  chunkBytes?: number;
  /** Puts and deletes that write or sync at one moment; the others wait. @default 16 */
  maxConcurrentWrites?: number;
  /** Puts under way; more are refused. @default 1_024 */
  maxOpenPuts?: number;
  /** Objects open for reading; more are refused. @default 1_024 */
  maxOpenReads?: number;
  /** Objects in a page of a listing, also when more are asked for. @default 1_000 */
  maxPageItems?: number;
  /** Where time comes from. @default systemClock */
  clock?: Clock;
  /** Every call to the file system. @default nodeFileSystem */
  fileSystem?: FileSystem;
}

/** Numbers of a store since it was opened. */
export interface ObjectStoreStats {
  /** Objects stored now. */
  readonly objects: number;
  /** Bytes of the objects stored now. */
  readonly bytes: number;
  /** Bytes that puts under way have taken so far. */
  readonly reservedBytes: number;
  readonly openPuts: number;
  readonly openReads: number;
  /** Calls that succeeded, by kind. */
  readonly puts: number;
  readonly gets: number;
  readonly heads: number;
  readonly lists: number;
  readonly deletes: number;
  /** Calls that failed, of any kind. */
  readonly failures: number;
  readonly writtenBytes: number;
  readonly readBytes: number;
  /** How often a damaged file was met. */
  readonly corruptions: number;
}

/** A durable object store. Who opens it closes it. */
export interface ObjectStore extends BlobStore, Closable {
  /** The absolute path of the store's folder. */
  readonly root: string;
  stats(): ObjectStoreStats;
  /**
   * The store as a part of a system; draining or stopping it closes the store.
   *
   * @param options.name @default "objectstore"
   */
  component(options?: { name?: string; dependsOn?: readonly string[] }): Component;
}

/**
 * Opens the store in the folder `root`: takes the folder for itself, removes what puts that were cut
 * off have left behind, and counts the objects.
 *
 * @throws {KingError} KING_OPTION_INVALID, KING_CONFIG_LOCKED; KING_OBJECTSTORE_LOCKED when another store
 * has the root; KING_OBJECTSTORE_IO, KING_OBJECTSTORE_NO_SPACE when the file system fails.
 */
export async function openObjectStore(options: OpenObjectStoreOptions): Promise<ObjectStore> {
  const { root: folder, config, clock = systemClock, fileSystem = nodeFileSystem } = options;
  const others = ["root", "clock", "fileSystem"];
  const settings = resolveOptions(objectstoreSection, options, { config, others });
  if (typeof folder !== "string" || folder === "" || folder.includes("\0"))
    throw optionError("root", `expected the path of a folder, got ${describeValue(folder)}`);
  const fs = guardFileSystem(fileSystem);
  try {
    const root = await openRoot(fs, folder);
    try {
      const removedTemporaryFiles = await removeTemporaryFiles(fs, root);
      const quota = new Quota(settings.maxBytes);
      await countObjects(fs, root, quota);
      return new LocalObjectStore({ fs, root, quota, settings, clock, removedTemporaryFiles });
    } catch (error) {
      await root.lock.release();
      throw error;
    }
  } catch (error) {
    throw ioError(error);
  }
}

type Settings = SectionValues<typeof objectstoreSection>;

interface LocalObjectStoreOptions {
  readonly fs: FileSystem;
  readonly root: Root;
  readonly quota: Quota;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly removedTemporaryFiles: number;
}

const defaultCloseDeadlineMs = 30_000;
const headsAtOnce = 16;

class LocalObjectStore implements ObjectStore {
  readonly id: string = `objectstore-${crypto.randomUUID()}`;
  readonly root: string;
  readonly closed: Promise<Closed>;
  readonly #fs: FileSystem;
  readonly #root: Root;
  readonly #quota: Quota;
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #folders: Folders;
  readonly #slots: Slots;
  readonly #locks = new KeyLocks();
  readonly #scratch = new ScratchBuffers();
  readonly #telemetry = new Telemetry();
  readonly #diagnostics: Diagnostics;
  readonly #activities = new Set<Activity>();
  readonly #onIdle = () => {
    if (this.#state === "draining") void this.#release();
  };
  readonly #resolveClosed: (info: Closed) => void;
  readonly #counts = {
    openPuts: 0,
    openReads: 0,
    puts: 0,
    gets: 0,
    heads: 0,
    lists: 0,
    deletes: 0,
    failures: 0,
    writtenBytes: 0,
    readBytes: 0,
    corruptions: 0,
  };
  #state: LifeState = "open";
  #ending: { clean: boolean; reason?: string; error?: Error } = { clean: true };
  #releasing = false;
  #temporaryFiles = 0;
  /** The last failure of the file system, until a put succeeds again. */
  #trouble: string | undefined;

  constructor(options: LocalObjectStoreOptions) {
    this.#fs = options.fs;
    this.#root = options.root;
    this.#quota = options.quota;
    this.#settings = options.settings;
    this.#clock = options.clock;
    this.root = options.root.path;
    this.#folders = new Folders(options.fs, options.root.objects);
    this.#slots = new Slots(options.settings.maxConcurrentWrites);
    this.#diagnostics = new Diagnostics(this.id);
    const { promise, resolve } = Promise.withResolvers<Closed>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    this.#diagnostics.publish("open", {
      root: this.root,
      objects: this.#quota.objects,
      bytes: this.#quota.committedBytes,
      removedTemporaryFiles: options.removedTemporaryFiles,
    });
  }

  get state(): LifeState {
    return this.#state;
  }

  async put(key: string, source: BlobSource, options: PutBlobOptions = {}): Promise<BlobInfo> {
    const bytes = checkKey(key, this.#settings.maxKeyBytes);
    refuseUnknown(options, putOptions);
    const contentType = checkContentType(options.contentType);
    options.signal?.throwIfAborted();
    this.#requireOpen();
    this.#requireRoom("maxOpenPuts", this.#counts.openPuts);
    const location = locateObject(bytes);
    using activity = new Activity(this.#activities, this.#onIdle, options.signal);
    const observed = this.#telemetry.start("put", key, this.#clock.monotonic());
    this.#counts.openPuts += 1;
    try {
      const info = await this.#store(key, location, source, contentType, activity);
      this.#counts.puts += 1;
      this.#counts.writtenBytes += info.size;
      this.#trouble = undefined;
      observed.succeed(this.#clock.monotonic(), "ok", info.size);
      return info;
    } catch (error) {
      throw this.#failed(observed, error);
    } finally {
      this.#counts.openPuts -= 1;
    }
  }

  /** Writes the temporary file, and makes it the object. */
  async #store(
    key: string,
    location: ObjectLocation,
    source: BlobSource,
    contentType: string,
    activity: Activity,
  ): Promise<BlobInfo> {
    const bytes = openByteSource(source);
    const writer = new ObjectWriter({
      fs: this.#fs,
      quota: this.#quota,
      slots: this.#slots,
      path: `${this.#root.temporary}/${++this.#temporaryFiles}`,
      headerBytes: location.headerBytes,
      chunkBytes: this.#settings.chunkBytes,
      maxObjectBytes: this.#settings.maxObjectBytes,
    });
    try {
      const folder = await this.#folders.ensure(location.folders);
      if (source instanceof Uint8Array) {
        activity.check();
        await writer.write(source);
      } else {
        for (;;) {
          const chunk = await activity.race(bytes.next());
          if (chunk === undefined) break;
          await writer.write(chunk);
        }
      }
      const turn = this.#slots.take();
      if (turn) await turn;
      try {
        return await this.#commit(key, writer, `${folder}/${location.name}`, folder, {
          contentType,
          activity,
          headerBytes: location.headerBytes,
        });
      } finally {
        this.#slots.give();
      }
    } catch (error) {
      bytes.cancel(error);
      const leftover = await writer.discard();
      if (leftover !== undefined) {
        this.#diagnostics.publish("leftover", { key, error: ioError(leftover) });
      }
      throw error;
    }
  }

  async #commit(
    key: string,
    writer: ObjectWriter,
    path: string,
    folder: string,
    facts: { contentType: string; activity: Activity; headerBytes: number },
  ): Promise<BlobInfo> {
    const { contentType, activity, headerBytes } = facts;
    activity.check();
    const modifiedAt = this.#clock.now();
    const header = await writer.finish({ key, contentType, modifiedAt });
    let replaced: number | undefined;
    // The order in which puts and deletes of one key take effect is the order in which they come here.
    await this.#locks.run(path, async () => {
      replaced = await this.#sizeAt(path, headerBytes);
      // From the renaming on it is too late to give up.
      activity.check();
      await writer.moveTo(path, replaced);
    });
    await this.#syncVisible(folder);
    this.#diagnostics.publish("put", {
      key,
      size: header.size,
      sha256: header.sha256,
      replaced: replaced !== undefined,
    });
    return blobInfo(header);
  }

  /** Syncs a folder in which a change shows already. */
  async #syncVisible(folder: string): Promise<void> {
    try {
      await this.#folders.sync(folder);
    } catch (error) {
      throw ioError(error, { visible: true });
    }
  }

  /** Bytes that the object at `path` counts; `undefined` when there is none. */
  async #sizeAt(path: string, headerBytes: number): Promise<number | undefined> {
    try {
      const { kind, size } = await this.#fs.lstat(path);
      return kind === "file" ? bodyBytesOf(size, headerBytes) : undefined;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  async get(key: string, options: GetBlobOptions = {}): Promise<OpenBlob | undefined> {
    const bytes = checkKey(key, this.#settings.maxKeyBytes);
    refuseUnknown(options, getOptions);
    checkRange(options.range);
    options.signal?.throwIfAborted();
    this.#requireOpen();
    this.#requireRoom("maxOpenReads", this.#counts.openReads);
    const location = locateObject(bytes);
    const activity = new Activity(this.#activities, this.#onIdle, options.signal);
    const observed = this.#telemetry.start("get", key, this.#clock.monotonic());
    this.#counts.openReads += 1;
    let file: number | undefined;
    try {
      const opened = await this.#open(key, location, true);
      file = opened?.file;
      activity.check();
      if (opened === undefined) {
        this.#counts.openReads -= 1;
        activity[Symbol.dispose]();
        observed.succeed(this.#clock.monotonic(), "missing", 0);
        return undefined;
      }
      const span = resolveRange(options.range, opened.header.size);
      const chunks = readBody({
        fs: this.#fs,
        opened,
        headerBytes: location.headerBytes,
        span,
        chunkBytes: this.#settings.chunkBytes,
        activity,
      });
      const release = (count: number, error: unknown) =>
        this.#endRead(activity, observed, opened.file, count, error);
      return new OpenedBlob({
        info: blobInfo(opened.header),
        span,
        activity,
        chunks,
        release,
        translate: ioError,
      });
    } catch (error) {
      await this.#closeRead(file);
      this.#counts.openReads -= 1;
      activity[Symbol.dispose]();
      throw this.#failed(observed, error, key);
    }
  }

  async #endRead(
    activity: Activity,
    observed: OperationTelemetry,
    file: number | undefined,
    count: number,
    error: unknown,
  ): Promise<void> {
    await this.#closeRead(file);
    this.#counts.openReads -= 1;
    this.#counts.readBytes += count;
    if (error === undefined) {
      this.#counts.gets += 1;
      observed.succeed(this.#clock.monotonic(), "ok", count);
    } else {
      this.#failed(observed, error);
    }
    activity[Symbol.dispose]();
  }

  async #closeRead(file: number | undefined): Promise<void> {
    if (file === undefined) return;
    try {
      await this.#fs.close(file);
    } catch {
      // It was only read from, and the number is released in any case.
    }
  }

  /** Opens the file of an object, unless the way there leads through something else than folders. */
  async #open(key: string | undefined, location: ObjectLocation, body: boolean) {
    if (await this.#folders.genuine(location.folders)) {
      const path = `${this.#folders.pathOf(location.folders)}/${location.name}`;
      const given = { fs: this.#fs, scratch: this.#scratch };
      const opened = await openObject({ ...given, path, location, key, body });
      if (opened !== undefined) return opened;
    }
    await this.#folders.requireTop();
    return undefined;
  }

  async head(key: string, options: { signal?: AbortSignal } = {}): Promise<BlobInfo | undefined> {
    const bytes = checkKey(key, this.#settings.maxKeyBytes);
    refuseUnknown(options, signalOptions);
    options.signal?.throwIfAborted();
    this.#requireOpen();
    return this.#observe("head", key, options.signal, async (activity) => {
      const opened = await this.#open(key, locateObject(bytes), false);
      activity.check();
      return opened && blobInfo(opened.header);
    });
  }

  async delete(key: string, options: { signal?: AbortSignal } = {}): Promise<boolean> {
    const bytes = checkKey(key, this.#settings.maxKeyBytes);
    refuseUnknown(options, signalOptions);
    options.signal?.throwIfAborted();
    this.#requireOpen();
    const location = locateObject(bytes);
    const size = await this.#observe("delete", key, options.signal, async (activity) => {
      const removed = await this.#removeAt(location, activity);
      if (removed === undefined) await this.#folders.requireTop();
      return removed;
    });
    if (size !== undefined) this.#diagnostics.publish("delete", { key, size });
    return size !== undefined;
  }

  /** The size of what was removed; `undefined` when nothing was there. */
  async #removeAt(location: ObjectLocation, activity: Activity): Promise<number | undefined> {
    if (!(await this.#folders.genuine(location.folders))) return undefined;
    const turn = this.#slots.take();
    if (turn) await turn;
    try {
      return await this.#remove(location, activity);
    } finally {
      this.#slots.give();
    }
  }

  async #remove(location: ObjectLocation, activity: Activity): Promise<number | undefined> {
    const folder = this.#folders.pathOf(location.folders);
    const path = `${folder}/${location.name}`;
    const size = await this.#locks.run(path, async () => {
      const found = await this.#sizeAt(path, location.headerBytes);
      activity.check();
      if (found === undefined) return undefined;
      await this.#fs.unlink(path);
      this.#quota.remove(found);
      return found;
    });
    if (size !== undefined) await this.#syncVisible(folder);
    return size;
  }

  async list(options: ListBlobsOptions = {}): Promise<BlobPage> {
    refuseUnknown(options, listOptions);
    const { maxKeyBytes, maxPageItems } = this.#settings;
    const prefix = checkPrefix(options.prefix ?? "", maxKeyBytes);
    const after = options.cursor === undefined ? "" : decodeCursor(options.cursor, maxKeyBytes);
    const limit = Math.min(checkLimit(options.limit ?? 1_000), maxPageItems);
    options.signal?.throwIfAborted();
    this.#requireOpen();
    return this.#observe("list", undefined, options.signal, async (activity) => {
      const check = () => activity.check();
      const found = await findKeys({
        fs: this.#fs,
        folders: this.#folders,
        prefix,
        after,
        // One more, to know whether there is another page.
        limit: limit + 1,
        readKey: (folders, name) => this.#keyOf(folders, name),
        check,
      });
      const keys = found.slice(0, limit);
      const items: BlobInfo[] = [];
      for (let at = 0; at < keys.length; at += headsAtOnce) {
        check();
        const some = keys.slice(at, at + headsAtOnce);
        for (const info of await settleAll(some.map((one) => this.#listed(one)))) {
          if (info) items.push(info);
        }
      }
      const last = found.length > limit ? keys.at(-1) : undefined;
      return last === undefined ? { items } : { items, cursor: encodeCursor(last) };
    });
  }

  /** An object of a listing; `undefined` when it went away meanwhile, or is damaged. */
  async #listed(bytes: string): Promise<BlobInfo | undefined> {
    const key = fromByteString(bytes);
    try {
      const opened = await this.#open(key, locateObject(bytes), false);
      return opened && blobInfo(opened.header);
    } catch (error) {
      if (!this.#noteCorruption(error, key)) throw error;
      return undefined;
    }
  }

  /** The key of an object that is named by the digest of its key. */
  async #keyOf(folders: readonly string[], name: string): Promise<string | undefined> {
    try {
      const location = { folders, name, headerBytes: longestHeaderBytes };
      const opened = await this.#open(undefined, location, false);
      if (opened === undefined) return undefined;
      const bytes = toByteString(opened.header.key);
      const own = locateObject(bytes);
      return own.name === name && own.folders.join("/") === folders.join("/") ? bytes : undefined;
    } catch (error) {
      if (!this.#noteCorruption(error, name)) throw error;
      return undefined;
    }
  }

  #noteCorruption(error: unknown, key: string): boolean {
    if (!objectstoreErrors.is(error, "KING_OBJECTSTORE_CORRUPT")) return false;
    this.#counts.corruptions += 1;
    this.#diagnostics.publish("corrupt", { key, error });
    return true;
  }

  /** Runs a call that is over when it resolves; `undefined` is a miss. */
  async #observe<T>(
    operation: Exclude<Operation, "put" | "get">,
    key: string | undefined,
    signal: AbortSignal | undefined,
    work: (activity: Activity) => Promise<T>,
  ): Promise<T> {
    using activity = new Activity(this.#activities, this.#onIdle, signal);
    const observed = this.#telemetry.start(operation, key, this.#clock.monotonic());
    try {
      const result = await work(activity);
      this.#counts[`${operation}s`] += 1;
      observed.succeed(this.#clock.monotonic(), result === undefined ? "missing" : "ok", 0);
      return result;
    } catch (error) {
      throw this.#failed(observed, error, key);
    }
  }

  /** Counts and reports a failed call, and returns the error for the caller. */
  #failed(observed: OperationTelemetry, error: unknown, key?: string): unknown {
    const told = ioError(error);
    this.#counts.failures += 1;
    if (
      objectstoreErrors.is(told, "KING_OBJECTSTORE_IO") ||
      objectstoreErrors.is(told, "KING_OBJECTSTORE_NO_SPACE")
    ) {
      this.#trouble = told.message;
    }
    if (objectstoreErrors.is(told, "KING_OBJECTSTORE_CORRUPT"))
      this.#noteCorruption(told, key ?? told.details.key);
    observed.fail(this.#clock.monotonic(), told);
    return told;
  }

  #requireOpen(): void {
    if (this.#state !== "open") throw storeClosed(this.#state);
  }

  #requireRoom(option: "maxOpenPuts" | "maxOpenReads", open: number): void {
    const limit = this.#settings[option];
    if (open < limit) return;
    throw objectstoreErrors.create(
      "KING_OBJECTSTORE_BUSY",
      `expected at most ${option} = ${limit} under way, got one more`,
      { option, limit },
    );
  }

  stats(): ObjectStoreStats {
    return {
      objects: this.#quota.objects,
      bytes: this.#quota.committedBytes,
      reservedBytes: this.#quota.reservedBytes,
      ...this.#counts,
    };
  }

  component(options: { name?: string; dependsOn?: readonly string[] } = {}): Component {
    const { name = "objectstore", dependsOn = [] } = options;
    return {
      name,
      dependsOn,
      start: () => this.#requireOpen(),
      drain: ({ deadlineMs, signal }) => this.close({ deadlineMs, signal }),
      stop: () => this.close({ deadlineMs: 0 }),
      health: () => this.#health(),
      stats: () => this.stats() as unknown as ComponentStats,
    };
  }

  #health(): Health {
    if (this.#state !== "open")
      return { status: "unhealthy", reason: `the store is ${this.#state}` };
    if (this.#trouble !== undefined) return { status: "degraded", reason: this.#trouble };
    if (this.#quota.full) return { status: "degraded", reason: "maxBytes is used up" };
    return { status: "healthy" };
  }

  async close(options: CloseOptions = {}): Promise<void> {
    const { deadlineMs = defaultCloseDeadlineMs, signal, reason } = options;
    if (this.#state === "open") {
      if (reason !== undefined) this.#ending.reason = reason;
      this.#drain();
    }
    if (this.#releasing) return void (await this.closed);
    const cut = () => this.abort();
    if (signal?.aborted || deadlineMs <= 0) cut();
    else {
      const timer =
        deadlineMs === Number.POSITIVE_INFINITY ? undefined : this.#clock.after(deadlineMs, cut);
      signal?.addEventListener("abort", cut, { once: true });
      void this.closed.then(() => {
        timer?.cancel();
        signal?.removeEventListener("abort", cut);
      });
    }
    await this.closed;
  }

  abort(reason?: unknown): void {
    if (this.#releasing) return;
    if (this.#activities.size > 0) {
      this.#ending.clean = false;
      if (reason instanceof Error) this.#ending.error = reason;
      const told = reason === undefined ? storeClosed("closed") : reason;
      for (const activity of [...this.#activities]) activity.abort(told);
    }
    this.#drain();
  }

  #drain(): void {
    this.#state = "draining";
    if (this.#activities.size === 0) void this.#release();
  }

  async #release(): Promise<void> {
    if (this.#releasing) return;
    this.#releasing = true;
    try {
      await this.#folders.close();
      await this.#root.lock.release();
    } catch (error) {
      if (error instanceof Error) this.#ending.error = error;
    }
    this.#state = "closed";
    this.#diagnostics.publish("close", { clean: this.#ending.clean });
    this.#resolveClosed({ by: "local", ...this.#ending });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function blobInfo(header: ObjectHeader): BlobInfo {
  return { ...header, etag: `"${header.sha256}"` };
}

function storeClosed(state: LifeState) {
  return objectstoreErrors.create(
    "KING_OBJECTSTORE_CLOSED",
    `expected an open store, got one that is ${state}`,
    {},
  );
}

const putOptions = ["contentType", "signal"];
const getOptions = ["range", "signal"];
const signalOptions = ["signal"];
const listOptions = ["prefix", "cursor", "limit", "signal"];

function refuseUnknown(options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name))
      throw optionError(name, `no such option; there are ${names.join(", ")}`);
  }
}

function checkContentType(value: string | undefined): string {
  if (value === undefined) return "application/octet-stream";
  // A field value (RFC 9110, section 5.5) in plain ASCII.
  if (
    typeof value === "string" &&
    value.length <= maxContentTypeBytes &&
    /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)
  )
    return value;
  throw optionError(
    "contentType",
    `expected 1 to ${maxContentTypeBytes} printable ASCII characters, got ${describeValue(value)}`,
  );
}

function checkPrefix(prefix: unknown, maxKeyBytes: number): string {
  if (
    typeof prefix === "string" &&
    prefix.isWellFormed() &&
    Buffer.byteLength(prefix) <= maxKeyBytes
  )
    return toByteString(prefix);
  throw optionError(
    "prefix",
    `expected at most ${maxKeyBytes} bytes of well-formed Unicode, got ${describeValue(prefix)}`,
  );
}

function checkLimit(limit: unknown): number {
  if (Number.isSafeInteger(limit) && (limit as number) >= 1) return limit as number;
  throw optionError("limit", `expected an integer of at least 1, got ${describeValue(limit)}`);
}

/** A cursor is the last key of its page, so that it stays good whatever is put or deleted meanwhile. */
function encodeCursor(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("base64url");
}

function decodeCursor(cursor: unknown, maxKeyBytes: number): string {
  if (typeof cursor === "string" && /^[\w-]+$/.test(cursor)) {
    const bytes = Buffer.from(cursor, "base64url").toString("latin1");
    if (bytes.length <= maxKeyBytes && encodeCursor(bytes) === cursor) return bytes;
  }
  throw optionError("cursor", `expected the cursor of a page, got ${describeValue(cursor)}`);
}
