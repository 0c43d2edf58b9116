import fs from "node:fs";
import type { FileLock, FileStatus, FileSystem, FolderEntry } from "./file-system.ts";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;

// Small enough that others of this event loop do not notice it being copied to the page cache, or freed.
const inlineBytes = 16_384;

type Done<T> = (error: NodeJS.ErrnoException | null, value: T) => void;

function pooled<T>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value)));
  });
}

function pooledVoid(start: (done: (error: NodeJS.ErrnoException | null) => void) => void) {
  return new Promise<void>((resolve, reject) => {
    start((error) => (error ? reject(error) : resolve()));
  });
}

function kindOf(entry: fs.Dirent | fs.Stats): FileStatus["kind"] {
  if (entry.isFile()) return "file";
  return entry.isDirectory() ? "folder" : "other";
}

/**
 * The file system of this machine, through `node:fs`.
 *
 * A call that may wait for the disk, or for a lock of the file system, runs in the thread pool: that is
 * all of them but two. Writing a few bytes goes to the page cache, and closing a small file that is
 * synced or was only read waits for nothing; both happen in place, because the way to the pool and
 * back costs several times the call. Plain descriptors, because a `FileHandle` costs more than a small read.
 *
 * Everything but the syncs in place would cost a third less processor time on a quiet disk. What speaks
 * against it was measured on ext4: beside another process that writes and syncs without pause, a
 * rename in place delayed the event loop by 5 to 26 ms (99th percentile; 3 ms when pooled), since it
 * waits for the journal; and making a file took half a millisecond of computing after many files had
 * been deleted or replaced within the last minutes, since ext4 steps over inodes that were freed
 * lately, one by one.
 */
export const nodeFileSystem: FileSystem = Object.freeze({
  createFile(path: string) {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    return pooled<number>((done) => fs.open(path, flags, 0o600, done));
  },
  openFile(path: string) {
    // Non-blocking: opening a named pipe put there by someone else must not wait for its writer.
    const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
    return pooled<number>((done) => fs.open(path, flags, 0, done));
  },
  openFolder(path: string) {
    return pooled<number>((done) => fs.open(path, O_RDONLY | O_DIRECTORY, 0, done));
  },
  read(file: number, buffer: Uint8Array, offset: number, length: number, position: number) {
    return pooled<number>((done) => fs.read(file, buffer, offset, length, position, done));
  },
  write(file: number, buffer: Uint8Array, offset: number, length: number, position: number) {
    if (length <= inlineBytes) return fs.writeSync(file, buffer, offset, length, position);
    return pooled<number>((done) => fs.write(file, buffer, offset, length, position, done));
  },
  async size(file: number) {
    return (await pooled<fs.Stats>((done) => fs.fstat(file, done))).size;
  },
  fdatasync(file: number) {
    return pooledVoid((done) => fs.fdatasync(file, done));
  },
  fsync(file: number) {
    return pooledVoid((done) => fs.fsync(file, done));
  },
  close(file: number, fileBytes: number = Number.POSITIVE_INFINITY) {
    if (fileBytes <= inlineBytes) return fs.closeSync(file);
    return pooledVoid((done) => fs.close(file, done));
  },
  rename(from: string, to: string) {
    return pooledVoid((done) => fs.rename(from, to, done));
  },
  unlink(path: string) {
    return pooledVoid((done) => fs.unlink(path, done));
  },
  mkdir(path: string) {
    return pooledVoid((done) => fs.mkdir(path, 0o700, done));
  },
  rmdir(path: string) {
    return pooledVoid((done) => fs.rmdir(path, done));
  },
  async lstat(path: string) {
    const stats = await pooled<fs.Stats>((done) => fs.lstat(path, done));
    return { kind: kindOf(stats), size: stats.size };
  },
  readFolder,
  lock,
});

async function* readFolder(path: string): AsyncGenerator<FolderEntry> {
  const folder = await fs.promises.opendir(path, { bufferSize: 512 });
  // Leaving the loop closes the folder.
  for await (const entry of folder) yield { name: entry.name, kind: kindOf(entry) };
}

/**
 * Node has no `flock`. SQLite, which comes with Node, takes a record lock (`fcntl`) on its database
 * file: exclusive among processes, also in different containers, and among the connections of one
 * process; the kernel drops it when the process ends, however it ends, so that nothing stale is ever
 * to be judged by process numbers and start times. The database stays empty.
 */
async function lock(path: string): Promise<FileLock | undefined> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === 5 /* SQLITE_BUSY */) return undefined;
    throw error;
  }
  return { release: () => database.close() };
}
