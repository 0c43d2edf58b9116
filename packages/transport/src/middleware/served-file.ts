import type { BigIntStats } from "node:fs";
import {
  constants,
  type FileHandle,
  lstat,
  open,
  readlink,
  realpath,
  stat,
} from "node:fs/promises";
import { sep } from "node:path";
import type { ByteSpan } from "./byte-ranges.ts";

/** A regular file that was opened below a root. */
export interface ServedFile {
  readonly handle: FileHandle;
  readonly facts: BigIntStats;
}

/** What stands at a path. */
export type FoundFile = ServedFile | "directory" | undefined;

// What an absent, forbidden or impossible path is told by; anything else is a fault of the machine.
const absent = new Set(["ENOENT", "ENOTDIR", "EACCES", "EPERM", "ELOOP", "ENAMETOOLONG", "ENXIO"]);

/**
 * Opens the regular file at `path`. Unless `outsideLinks`, it has to lie within `root`, which is real. That
 * is decided by what was opened, where the system tells its name (Linux): links may be swapped at any time.
 * Elsewhere the path is looked at again after it was opened; who can swap links below `root` at the right
 * moments, more than once, can have a file outside served. The caller closes the handle.
 */
export async function openServedFile(
  root: string,
  path: string,
  outsideLinks: boolean,
  nameOf = nameOfOpened,
): Promise<FoundFile> {
  try {
    const before = await stat(path);
    if (before.isDirectory()) {
      return outsideLinks || isWithin(root, await realpath(path)) ? "directory" : undefined;
    }
    if (!before.isFile()) return undefined;
    // Not to wait for a pipe that took the file's place.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const facts = await handle.stat({ bigint: true });
      const name = outsideLinks ? path : ((await nameOf(handle)) ?? (await nameNow(path, facts)));
      if (facts.isFile() && (outsideLinks || isWithin(root, name))) return { handle, facts };
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return undefined;
  } catch (error) {
    if (absent.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** The path of what was opened, without links; `undefined` where the system does not tell. */
async function nameOfOpened({ fd }: FileHandle): Promise<string | undefined> {
  if (process.platform !== "linux") return undefined;
  // Fails without /proc, as in some sandboxes.
  return readlink(`/proc/self/fd/${fd}`).catch(() => undefined);
}

/** The same by way of the path; empty when something else is there now. */
async function nameNow(path: string, facts: BigIntStats): Promise<string> {
  const real = await realpath(path);
  const { dev, ino } = await lstat(real, { bigint: true });
  return dev === facts.dev && ino === facts.ino ? real : "";
}

const isWithin = (root: string, path: string) =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

const chunkBytes = 65_536;

/** The bytes of `span`; closes the handle at its end, when it fails, and when nobody wants the rest. */
export function streamFile(handle: FileHandle, span: ByteSpan): ReadableStream<Uint8Array> {
  let at = span.start;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const wanted = Math.min(chunkBytes, span.end + 1 - at);
          const buffer = Buffer.allocUnsafeSlow(wanted);
          const { bytesRead } = await handle.read(buffer, 0, wanted, at);
          if (bytesRead === 0) throw new Error("the file became shorter while it was sent");
          at += bytesRead;
          controller.enqueue(buffer.subarray(0, bytesRead));
          if (at <= span.end) return;
          await handle.close();
          controller.close();
        } catch (error) {
          await handle.close();
          throw error;
        }
      },
      cancel: () => handle.close(),
    },
    { highWaterMark: 0 },
  );
}
