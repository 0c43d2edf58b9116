import type { FileSystem } from "./file-system.ts";

// A signal may interrupt a call on some file systems (NFS, FUSE) although libuv repeats most calls.
const maxInterruptions = 16;

/**
 * A failed call to the file system, on its way to where it is handled or turned into an error for the
 * caller. It sets these errors apart from those of sources and abort reasons, which may carry the same
 * codes and go to the caller untouched.
 */
export class FileSystemFailure {
  /** The operating system's name of the error. */
  readonly errno: string;
  readonly syscall: string;
  readonly cause: unknown;

  constructor(errno: string, syscall: string, cause: unknown) {
    this.errno = errno;
    this.syscall = syscall;
    this.cause = cause;
  }
}

/** The operating system's name of a failed call; `undefined` when `error` is something else. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof FileSystemFailure ? error.errno : undefined;
}

/** A failure that the store itself found out. */
export function failure(errno: string, syscall: string, message: string): FileSystemFailure {
  return new FileSystemFailure(errno, syscall, new Error(`${errno}: ${message}`));
}

/**
 * The same file system, where errors come as {@link FileSystemFailure} and an interrupted call (EINTR)
 * is repeated up to 16 times.
 */
export function guardFileSystem(inner: FileSystem): FileSystem {
  const guard = <Args extends readonly unknown[], Result>(
    syscall: string,
    call: (...args: Args) => Result,
    interruptions = maxInterruptions,
  ): ((...args: Args) => Result) => {
    const recover = (args: Args, left: number, error: unknown): Result => {
      const found = asFailure(syscall, error);
      if (left === 0 || errnoOf(found) !== "EINTR") throw found;
      return attempt(args, left - 1);
    };
    const attempt = (args: Args, left: number): Result => {
      try {
        const result = call.apply(inner, args as never);
        if (!(result instanceof Promise)) return result;
        return result.catch((error) => recover(args, left, error)) as Result;
      } catch (error) {
        return recover(args, left, error);
      }
    };
    return (...args) => attempt(args, interruptions);
  };
  return {
    createFile: guard("open", inner.createFile),
    openFile: guard("open", inner.openFile),
    openFolder: guard("open", inner.openFolder),
    read: guard("read", inner.read),
    write: guard("write", inner.write),
    size: guard("fstat", inner.size),
    fdatasync: guard("fdatasync", inner.fdatasync),
    fsync: guard("fsync", inner.fsync),
    // Not repeated: an interrupted close has released the number, which may be someone else's by now.
    close: guard("close", inner.close, 0),
    rename: guard("rename", inner.rename),
    unlink: guard("unlink", inner.unlink),
    mkdir: guard("mkdir", inner.mkdir),
    rmdir: guard("rmdir", inner.rmdir),
    lstat: guard("lstat", inner.lstat),
    lock: guard("lock", inner.lock),
    async *readFolder(path) {
      const entries = inner.readFolder(path)[Symbol.asyncIterator]();
      const next = guard("scandir", () => entries.next());
      try {
        for (let one = await next(); !one.done; one = await next()) yield one.value;
      } finally {
        await entries.return?.();
      }
    },
  };
}

/** Anything without a name of the operating system is a fault of ours, and stays as it is. */
function asFailure(syscall: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, syscall: told } = error as NodeJS.ErrnoException;
  if (typeof code !== "string" || !/^E[A-Z0-9]+$/.test(code)) return error;
  return new FileSystemFailure(code, told ?? syscall, error);
}
