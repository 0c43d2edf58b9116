/** A value now, or later: so that an implementation decides call by call whether it blocks. */
export type Awaitable<T> = T | Promise<T>;

/** One entry of a folder. */
export interface FolderEntry {
  readonly name: string;
  /** Symbolic links and special files are `"other"`. */
  readonly kind: "file" | "folder" | "other";
}

/** What is known of a path without opening it. */
export interface FileStatus {
  readonly kind: "file" | "folder" | "other";
  /** In bytes. */
  readonly size: number;
}

/** A lock on a file; the operating system releases it when the process ends, however it ends. */
export interface FileLock {
  release(): Awaitable<void>;
}

/**
 * Every call of the object store to the file system. Errors are those of the operating system:
 * with `code` (`"ENOENT"`) and `syscall` (`"open"`).
 */
export interface FileSystem {
  /** Makes a file that must not exist (EEXIST) and opens it for writing. */
  createFile(path: string): Awaitable<number>;
  /** Opens a file for reading; a symbolic link is refused (ELOOP). */
  openFile(path: string): Awaitable<number>;
  /** Opens a folder, to sync it. */
  openFolder(path: string): Awaitable<number>;
  /** Reads at `position`; fewer bytes than asked for are possible, 0 is the end of the file. */
  read(
    file: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Awaitable<number>;
  /** Writes at `position`; fewer bytes than given are possible. */
  write(
    file: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Awaitable<number>;
  /** Size of an open file, in bytes. */
  size(file: number): Awaitable<number>;
  /** Waits until the file's bytes and size are on the disk. */
  fdatasync(file: number): Awaitable<void>;
  /** Waits until a folder's entries are on the disk. */
  fsync(file: number): Awaitable<void>;
  /**
   * @param fileBytes the size of the file, where it is known. Whoever closes a file that was deleted
   * meanwhile waits until its blocks are given back, which takes the longer the larger it is.
   */
  close(file: number, fileBytes?: number): Awaitable<void>;
  rename(from: string, to: string): Awaitable<void>;
  unlink(path: string): Awaitable<void>;
  mkdir(path: string): Awaitable<void>;
  rmdir(path: string): Awaitable<void>;
  /** Does not follow a symbolic link. */
  lstat(path: string): Awaitable<FileStatus>;
  /** Entries in no order, few in memory at once. */
  readFolder(path: string): AsyncIterable<FolderEntry>;
  /** Takes an exclusive lock on the file at `path`, made if need be; `undefined` when it is held. */
  lock(path: string): Awaitable<FileLock | undefined>;
}
