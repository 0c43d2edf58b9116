import type { BigIntStats } from "node:fs";
import { constants, type FileHandle, open, realpath, stat } from "node:fs/promises";
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
 * Opens the regular file at `path`. Unless `outsideLinks`, what links lead to has to lie within `root`,
 * which is real; that is looked at after the file was opened, so that nobody can change it in between.
 * The caller closes the handle.
 */
export async function openServedFile(
  root: string,
  path: string,
  outsideLinks: boolean,
): Promise<FoundFile> {
  try {
    const real = outsideLinks ? path : await realpath(path);
    if (!outsideLinks && !isWithin(root, real)) return undefined;
    const before = await stat(real);
    if (before.isDirectory()) return "directory";
    if (!before.isFile()) return undefined;
    // Not to wait for a pipe that took the file's place.
    const handle = await open(real, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const facts = await handle.stat({ bigint: true });
      if (facts.isFile() && (outsideLinks || (await isStillWithin(root, path, facts)))) {
        return { handle, facts };
      }
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

async function isStillWithin(root: string, path: string, facts: BigIntStats): Promise<boolean> {
  const real = await realpath(path);
  const { dev, ino } = await stat(real, { bigint: true });
  return isWithin(root, real) && dev === facts.dev && ino === facts.ino;
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
