import type { FileSystem } from "./file-system.ts";
import { errnoOf, failure } from "./guarded-file-system.ts";

// How many folders are remembered as checked, and how many are kept open for syncing.
const maxKnown = 4_096;
const maxOpen = 64;

interface Sync {
  running: Promise<void>;
  next: Promise<void> | undefined;
}

/** Makes, checks and syncs the folders of a store. */
export class Folders {
  readonly #fs: FileSystem;
  readonly #top: string;
  /** Folders that are there, are folders, and whose entry in their parent is on the disk. */
  readonly #durable = new Map<string, Promise<void>>();
  /** Folders that are there and are folders. */
  readonly #genuine = new Map<string, Promise<boolean>>();
  readonly #open = new Map<string, number>();
  readonly #syncs = new Map<string, Sync>();

  /** @param top a folder that exists, is durable and is not to be checked. */
  constructor(fs: FileSystem, top: string) {
    this.#fs = fs;
    this.#top = top;
  }

  pathOf(folders: readonly string[]): string {
    let path = this.#top;
    for (const name of folders) path += `/${name}`;
    return path;
  }

  /**
   * Makes what is missing on the way to a folder, durably: each parent is synced before this resolves,
   * once in the life of the store also where the folder was found, since whoever made it may have
   * been killed before syncing. Concurrent calls share the work.
   */
  async ensure(folders: readonly string[]): Promise<string> {
    const path = this.pathOf(folders);
    if (folders.length === 0) return path;
    const known = this.#durable.get(path);
    if (known) {
      await known;
      return path;
    }
    const parent = await this.ensure(folders.slice(0, -1));
    await remember(this.#durable, path, () => this.#make(path, parent));
    return path;
  }

  async #make(path: string, parent: string): Promise<void> {
    try {
      await this.#fs.mkdir(path);
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
      if ((await this.#fs.lstat(path)).kind !== "folder") throw notFolder(path);
    }
    await this.sync(parent);
  }

  /** Whether every step on the way to a folder is a folder; false when one is missing or a link. */
  async genuine(folders: readonly string[]): Promise<boolean> {
    if (folders.length === 0) return true;
    const path = this.pathOf(folders);
    if (this.#durable.has(path)) return true;
    const known = this.#genuine.get(path);
    if (known) return known;
    if (!(await this.genuine(folders.slice(0, -1)))) return false;
    const look = async () => {
      try {
        return (await this.#fs.lstat(path)).kind === "folder";
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return false;
        throw error;
      }
    };
    const found = await remember(this.#genuine, path, look);
    // Only what will not change is kept: a missing folder may be made at any time.
    if (!found) this.#genuine.delete(path);
    return found;
  }

  /**
   * To be called where something is missing: resolves when it is, and not the store itself, which
   * may have been renamed or unmounted.
   *
   * @throws what the operating system says of a top folder that is gone, or that is none any more.
   */
  async requireTop(): Promise<void> {
    if ((await this.#fs.lstat(this.#top)).kind !== "folder") throw notFolder(this.#top);
  }

  /**
   * Waits until the entries of a folder, as they are at this call, are on the disk. A sync that has
   * begun may have missed the latest change, so a caller waits for the next one; all that wait share
   * it.
   */
  sync(path: string): Promise<void> {
    const current = this.#syncs.get(path);
    if (current === undefined) {
      const sync: Sync = { running: this.#syncNow(path), next: undefined };
      this.#syncs.set(path, sync);
      this.#watch(path, sync, sync.running);
      return sync.running;
    }
    current.next ??= current.running.then(
      () => this.#syncNow(path),
      () => this.#syncNow(path),
    );
    return current.next;
  }

  #watch(path: string, sync: Sync, running: Promise<void>): void {
    const settled = () => {
      const { next } = sync;
      if (next === undefined) {
        this.#syncs.delete(path);
        return;
      }
      sync.running = next;
      sync.next = undefined;
      this.#watch(path, sync, next);
    };
    running.then(settled, settled);
  }

  async #syncNow(path: string): Promise<void> {
    let folder = this.#open.get(path);
    if (folder === undefined) {
      folder = await this.#fs.openFolder(path);
    }
    // Taken out while it is in use, so that nobody closes it meanwhile.
    this.#open.delete(path);
    try {
      await this.#fs.fsync(folder);
    } catch (error) {
      // The error is reported to one open file only; the next sync is to start afresh.
      await closeQuietly(this.#fs, folder);
      throw error;
    }
    this.#open.set(path, folder);
    if (this.#open.size > maxOpen) {
      const [oldest, file] = this.#open.entries().next().value as [string, number];
      this.#open.delete(oldest);
      await closeQuietly(this.#fs, file);
    }
  }

  /** Closes what is kept open. To be called when nothing is under way. */
  async close(): Promise<void> {
    for (const file of this.#open.values()) await closeQuietly(this.#fs, file);
    this.#open.clear();
  }
}

/** Closes a file that was only read or synced: a failure could lose nothing. */
async function closeQuietly(fs: FileSystem, file: number): Promise<void> {
  try {
    await fs.close(file);
  } catch {
    // Nothing was written through it, and the number is released in any case.
  }
}

/** One piece of work per name, kept when it succeeds; the oldest are forgotten. */
function remember<T>(
  kept: Map<string, Promise<T>>,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const known = kept.get(name);
  if (known) return known;
  const started = work();
  kept.set(name, started);
  started.catch(() => kept.delete(name));
  if (kept.size > maxKnown) kept.delete(kept.keys().next().value as string);
  return started;
}

/** What the operating system says where a path leads through something else than a folder. */
export function notFolder(path: string): unknown {
  return failure("ENOTDIR", "open", `not a directory, open '${path}'`);
}
