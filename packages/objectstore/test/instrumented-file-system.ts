import { basename } from "node:path";
import { type Awaitable, type FileSystem, nodeFileSystem } from "@king-runtime/objectstore";

/** The calls that can be made to fail; listing a folder counts when it begins. */
export type CallName = keyof FileSystem;

/** One call that was made. */
export interface Call {
  readonly name: CallName;
  /** Where it went, as far as its place in the root is concerned. */
  readonly on: string;
}

/** The file system of this machine, which notes every call and does what the test wants instead. */
export interface InstrumentedFileSystem extends FileSystem {
  readonly calls: Call[];
  /** Asked before each call; what it throws is the outcome of the call. */
  before: ((call: Call, index: number) => void | Promise<void>) | undefined;
  /** Most bytes that one write or read moves. @default Infinity */
  mostBytes: number;
  /** Files and folders that are open now. */
  readonly open: ReadonlySet<number>;
}

/** This machine's without waiting for its disk: for tests of something else, with thousands of puts. */
export const withoutSyncs: FileSystem = { ...nodeFileSystem, fdatasync() {}, fsync() {} };

/** An error as the operating system gives it. */
export function systemError(code: string, syscall: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${code}: made by the test, ${syscall}`);
  error.code = code;
  error.syscall = syscall;
  return error;
}

/** What the operating system calls a call of the port. */
export const syscalls: Readonly<Record<CallName, string>> = {
  createFile: "open",
  openFile: "open",
  openFolder: "open",
  read: "read",
  write: "write",
  size: "fstat",
  fdatasync: "fdatasync",
  fsync: "fsync",
  close: "close",
  rename: "rename",
  unlink: "unlink",
  mkdir: "mkdir",
  rmdir: "rmdir",
  lstat: "lstat",
  readFolder: "scandir",
  lock: "lock",
};

export function instrumentedFileSystem(inner: FileSystem = nodeFileSystem): InstrumentedFileSystem {
  const paths = new Map<number, string>();
  const open = new Set<number>();
  const place = (path: string) => {
    if (/\/tmp\/\d+$/.test(path)) return "tmp/*";
    return /(?<=\/)objects(?:\/.*)?$/.exec(path)?.[0] ?? basename(path);
  };
  const noted = <T>(name: CallName, path: string, call: () => Awaitable<T>): Awaitable<T> => {
    const one: Call = { name, on: place(path) };
    const index = fs.calls.push(one) - 1;
    const waiting = fs.before?.(one, index);
    return waiting instanceof Promise ? waiting.then(call) : call();
  };
  const opens = async (name: CallName, path: string, call: () => Awaitable<number>) => {
    const file = await noted(name, path, call);
    paths.set(file, path);
    open.add(file);
    return file;
  };
  const at = (file: number) => paths.get(file) ?? "?";
  const fs: InstrumentedFileSystem = {
    calls: [],
    before: undefined,
    mostBytes: Number.POSITIVE_INFINITY,
    open,
    createFile: (path) => opens("createFile", path, () => inner.createFile(path)),
    openFile: (path) => opens("openFile", path, () => inner.openFile(path)),
    openFolder: (path) => opens("openFolder", path, () => inner.openFolder(path)),
    read: (file, buffer, offset, length, position) =>
      noted("read", at(file), () =>
        inner.read(file, buffer, offset, Math.min(length, fs.mostBytes), position),
      ),
    write: (file, buffer, offset, length, position) =>
      noted("write", at(file), () =>
        inner.write(file, buffer, offset, Math.min(length, fs.mostBytes), position),
      ),
    size: (file) => noted("size", at(file), () => inner.size(file)),
    fdatasync: (file) => noted("fdatasync", at(file), () => inner.fdatasync(file)),
    fsync: (file) => noted("fsync", at(file), () => inner.fsync(file)),
    async close(file, fileBytes) {
      open.delete(file);
      // The number is released also where closing reports a failure.
      await inner.close(file, fileBytes);
      await noted("close", at(file), () => {});
    },
    rename: (from, to) => noted("rename", to, () => inner.rename(from, to)),
    unlink: (path) => noted("unlink", path, () => inner.unlink(path)),
    mkdir: (path) => noted("mkdir", path, () => inner.mkdir(path)),
    rmdir: (path) => noted("rmdir", path, () => inner.rmdir(path)),
    lstat: (path) => noted("lstat", path, () => inner.lstat(path)),
    async *readFolder(path) {
      await noted("readFolder", path, () => {});
      yield* inner.readFolder(path);
    },
    lock: (path) => noted("lock", path, () => inner.lock(path)),
  };
  return fs;
}

/** Fails the call of that place in the sequence. */
export function failAt(fs: InstrumentedFileSystem, position: number, code: string): void {
  const start = fs.calls.length;
  fs.before = ({ name }, index) => {
    if (index - start === position) throw systemError(code, syscalls[name]);
  };
}

/** Fails every call of that name. */
export function failEvery(fs: InstrumentedFileSystem, failing: CallName, code: string): void {
  fs.before = ({ name }) => {
    if (name === failing) throw systemError(code, syscalls[name]);
  };
}
