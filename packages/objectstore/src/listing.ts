import type { FileSystem } from "./file-system.ts";
import type { Folders } from "./folders.ts";
import { errnoOf } from "./guarded-file-system.ts";
import { decodeEntry, type Entry, type FolderLocation, locatePrefix } from "./object-location.ts";

/** What to look for. Keys are given as bytes, see `checkKey`. */
export interface FindKeysOptions {
  readonly fs: FileSystem;
  readonly folders: Folders;
  readonly prefix: string;
  /** Only keys behind this one; "" for all. */
  readonly after: string;
  readonly limit: number;
  /** The key of an object that is named by its digest; `undefined` when its file is unfit. */
  readonly readKey: (folders: readonly string[], name: string) => Promise<string | undefined>;
  /** Throws to end the search. */
  readonly check: () => void;
}

/**
 * The first `limit` keys in byte order that begin with `prefix` and are behind `after`.
 *
 * Memory is bounded by `limit` names for each folder on the way, however many objects there are; time
 * by the entries of the folders that the page crosses.
 */
export async function findKeys(options: FindKeysOptions): Promise<string[]> {
  const found: string[] = [];
  const start = locatePrefix(options.prefix);
  if (await options.folders.genuine(start.folders)) await visit(start, options, found);
  else await options.folders.requireTop();
  return found;
}

async function visit(
  folder: FolderLocation,
  options: FindKeysOptions,
  found: string[],
): Promise<void> {
  if (folder.overflow) {
    found.push(...(await smallestOverflowKeys(folder, options, options.limit - found.length)));
    return;
  }
  let last: Entry | undefined;
  for (;;) {
    const { entries, more } = await smallestEntries(
      folder,
      options,
      options.limit - found.length,
      last,
    );
    for (const entry of entries) {
      options.check();
      const bytes = folder.base + entry.bytes;
      if (entry.kind === "object") found.push(bytes);
      else {
        const folders = [...folder.folders, entry.name];
        await visit({ folders, base: bytes, overflow: entry.kind === "overflow" }, options, found);
      }
      if (found.length === options.limit) return;
    }
    if (!more) return;
    // Some of those folders were empty: look for the entries behind.
    last = entries.at(-1);
  }
}

/** The first entries of a folder behind `last` that can hold what is looked for, in key order. */
async function smallestEntries(
  folder: FolderLocation,
  options: FindKeysOptions,
  limit: number,
  last: Entry | undefined,
): Promise<{ entries: Entry[]; more: boolean }> {
  const { fs, folders, check } = options;
  const smallest = new Smallest(limit, compareEntries);
  try {
    for await (const found of fs.readFolder(folders.pathOf(folder.folders))) {
      check();
      const entry = decodeEntry(found);
      if (entry === undefined) continue;
      if (last !== undefined && compareEntries(entry, last) <= 0) continue;
      if (holdsWanted(entry, folder.base + entry.bytes, options)) smallest.add(entry);
    }
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    // Nothing is stored here, unless the top folder itself is gone.
    await folders.requireTop();
  }
  return { entries: smallest.take(), more: smallest.dropped };
}

function holdsWanted(entry: Entry, bytes: string, { prefix, after }: FindKeysOptions): boolean {
  if (entry.kind === "object") return bytes > after && bytes.startsWith(prefix);
  // All keys in there begin with `bytes`: they are behind `after` when `bytes` is, and some may be
  // when `after` is one of them.
  const reaches = bytes > after || after.startsWith(bytes);
  return reaches && (bytes.startsWith(prefix) || prefix.startsWith(bytes));
}

function compareEntries(a: Entry, b: Entry): number {
  if (a.bytes !== b.bytes) return a.bytes < b.bytes ? -1 : 1;
  // The key that ends here comes before those that go on.
  return Number(a.kind !== "object") - Number(b.kind !== "object");
}

async function smallestOverflowKeys(
  folder: FolderLocation,
  options: FindKeysOptions,
  limit: number,
): Promise<string[]> {
  const { fs, folders, prefix, after, readKey, check } = options;
  const smallest = new Smallest<string>(limit, (a, b) => (a < b ? -1 : Number(a > b)));
  for await (const { name, kind } of fs.readFolder(folders.pathOf(folder.folders))) {
    check();
    if (kind !== "file") continue;
    const key = await readKey(folder.folders, name);
    if (key?.startsWith(prefix) && key > after) smallest.add(key);
  }
  return smallest.take();
}

/** Keeps the smallest of what it is given, in memory for twice as many. */
class Smallest<T> {
  readonly #limit: number;
  readonly #compare: (a: T, b: T) => number;
  #items: T[] = [];
  #largest: T | undefined;
  /** Whether something larger than what is kept was left out. */
  dropped = false;

  constructor(limit: number, compare: (a: T, b: T) => number) {
    this.#limit = limit;
    this.#compare = compare;
  }

  add(item: T): void {
    if (this.#largest !== undefined && this.#compare(item, this.#largest) > 0) {
      this.dropped = true;
      return;
    }
    this.#items.push(item);
    if (this.#items.length >= 2 * this.#limit + 16) this.#trim();
  }

  #trim(): void {
    this.#items.sort(this.#compare);
    if (this.#items.length <= this.#limit) return;
    this.#items.length = this.#limit;
    this.#largest = this.#items.at(-1);
    this.dropped = true;
  }

  take(): T[] {
    this.#trim();
    return this.#items;
  }
}
