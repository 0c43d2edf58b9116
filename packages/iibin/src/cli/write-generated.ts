import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { iibinErrors } from "../errors.ts";

/**
 * Writes files by their absolute paths, each whole or not at all. A file that is there already is
 * replaced when it begins with the same line, by which the generator marks its files, or with `force`.
 *
 * @throws {KingError} `KING_IIBIN_OPTION_INVALID` for a file of something else; nothing is written then.
 */
export async function writeGenerated(
  files: ReadonlyMap<string, string>,
  force: boolean,
): Promise<void> {
  for (const [path, text] of files) {
    const present = await readPresent(path);
    if (!force && present !== undefined && firstLine(present) !== firstLine(text))
      throw iibinErrors.create(
        "KING_IIBIN_OPTION_INVALID",
        `${path}: expected no file or one that this command wrote, got another; --force replaces it`,
        { option: "out" },
      );
  }
  const temporary = new Map<string, string>();
  try {
    for (const [path, text] of files) {
      await mkdir(dirname(path), { recursive: true });
      // In the same folder: only within a file system a rename takes the place of a file at once.
      const written = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
      temporary.set(written, path);
      await writeFile(written, text);
    }
    for (const [written, path] of temporary) await rename(written, path);
  } finally {
    for (const written of temporary.keys()) await rm(written, { force: true });
  }
}

async function readPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

const firstLine = (text: string) => text.slice(0, Math.max(text.indexOf("\n"), 0));
