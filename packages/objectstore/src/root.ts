import { dirname, resolve } from "node:path";
import { bodyBytesOf } from "./block-checksums.ts";
import { objectstoreErrors } from "./errors.ts";
import type { FileLock, FileSystem } from "./file-system.ts";
import { notFolder } from "./folders.ts";
import { errnoOf } from "./guarded-file-system.ts";
import { headerBytesFor } from "./object-header.ts";
import { decodeEntry } from "./object-location.ts";
import type { Quota } from "./quota.ts";
import { settleAll } from "./settle-all.ts";

/** The folder of a store: `objects`, `tmp` and the file `lock`. */
export interface Root {
  readonly path: string;
  readonly objects: string;
  readonly temporary: string;
  readonly lock: FileLock;
}

/**
 * Makes the root where it is missing, durably, and takes it for this store alone.
 *
 * @throws {KingError} KING_OBJECTSTORE_LOCKED when it is open already.
 */
export async function openRoot(fs: FileSystem, folder: string): Promise<Root> {
  const path = resolve(folder);
  await makeFolder(fs, path, true);
  const lockPath = `${path}/lock`;
  await refuseLink(fs, lockPath);
  const lock = await fs.lock(lockPath);
  if (lock === undefined) {
    throw objectstoreErrors.create(
      "KING_OBJECTSTORE_LOCKED",
      `root: expected a folder that no other store has open, got ${path}`,
      { root: path },
    );
  }
  try {
    const root: Root = { path, objects: `${path}/objects`, temporary: `${path}/tmp`, lock };
    await makeFolder(fs, root.objects, false);
    await makeFolder(fs, root.temporary, false);
    await syncFolder(fs, path);
    return root;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** @param follow whether a symbolic link to a folder will do: for the root itself, not inside it. */
async function makeFolder(fs: FileSystem, path: string, follow: boolean): Promise<void> {
  try {
    await fs.mkdir(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EEXIST") {
      if (!follow && (await fs.lstat(path)).kind !== "folder") throw notFolder(path);
      return;
    }
    if (errno !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolder(fs, dirname(path), follow);
    await fs.mkdir(path);
  }
  await syncFolder(fs, dirname(path));
}

async function syncFolder(fs: FileSystem, path: string): Promise<void> {
  const folder = await fs.openFolder(path);
  try {
    await fs.fsync(folder);
  } finally {
    await fs.close(folder);
  }
}

async function refuseLink(fs: FileSystem, path: string): Promise<void> {
  try {
    if ((await fs.lstat(path)).kind !== "file") throw notFolder(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}

/** Removes every temporary file: with the lock held, none belongs to anyone alive. */
export async function removeTemporaryFiles(fs: FileSystem, root: Root): Promise<number> {
  let removed = 0;
  for await (const { name, kind } of fs.readFolder(root.temporary)) {
    if (kind === "folder") continue;
    await fs.unlink(`${root.temporary}/${name}`);
    removed += 1;
  }
  return removed;
}

/**
 * Counts what is stored, from the lengths of the files alone, and removes folders that have become
 * empty. Holds the names of a few files in memory, however many there are.
 */
export async function countObjects(fs: FileSystem, root: Root, quota: Quota): Promise<void> {
  await countFolder(fs, root.objects, 0, quota);
}

const countedAtOnce = 64;

/**
 * @param baseBytes how many bytes of their keys all objects below share.
 * @returns whether the folder is empty.
 */
async function countFolder(
  fs: FileSystem,
  path: string,
  baseBytes: number,
  quota: Quota,
): Promise<boolean> {
  let entries = 0;
  const batch: [path: string, headerBytes: number][] = [];
  const count = (files: readonly (readonly [string, number])[]) =>
    settleAll(
      files.map(async ([file, headerBytes]) =>
        quota.add(bodyBytesOf((await fs.lstat(file)).size, headerBytes)),
      ),
    );
  for await (const found of fs.readFolder(path)) {
    entries += 1;
    const entry = decodeEntry(found);
    if (entry === undefined) continue;
    const child = `${path}/${found.name}`;
    // The name of an object in an overflow folder is no part of its key, but its key is as long: both
    // have the header of a long key.
    const keyBytes = baseBytes + entry.bytes.length;
    if (entry.kind !== "object") {
      if (await countFolder(fs, child, keyBytes, quota))
        entries -= Number(await removed(fs, child));
      continue;
    }
    const headerBytes = headerBytesFor(keyBytes);
    batch.push([child, headerBytes]);
    if (batch.length === countedAtOnce) await count(batch.splice(0));
  }
  await count(batch);
  return entries === 0;
}

/** Removes a folder that is empty. */
async function removed(fs: FileSystem, path: string): Promise<boolean> {
  try {
    await fs.rmdir(path);
    return true;
  } catch (error) {
    // Left as it is: an empty folder does no harm.
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}
