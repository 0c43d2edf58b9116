import { randomUUID } from "node:crypto";
import { mkdir, readFile, readlink, realpath, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { iibinErrors } from "../errors.ts";

/**
 * Writes files by their absolute paths, each whole or not at all; links stay, and what they lead to is
 * written. A file that is there already is replaced when it is empty, when it begins with the same
 * line, by which the generator marks its files, or with `force`.
 *
 * @throws {KingError} `KING_IIBIN_OPTION_INVALID` for a file of something else, and for a path where no
 * file can be; nothing is written when that is known before.
 */
export async function writeGenerated(
  files: ReadonlyMap<string, string>,
  force: boolean,
): Promise<void> {
  const places: Place[] = [];
  for (const [path, text] of files) {
    const target = await whenPossible(path, () => followLinks(path));
    const present = await whenPossible(path, () => readPresent(target));
    if (!force && present && firstLine(present) !== firstLine(text))
      throw invalid(
        `${path}: expected no file or one that this command wrote, got another; --force replaces it`,
      );
    // In the same folder: only within a file system a rename takes the place of a file at once.
    const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
    places.push({ path, target, temporary, text });
  }
  try {
    for (const { path, target, temporary, text } of places)
      await whenPossible(path, async () => {
        await mkdir(dirname(target), { recursive: true });
        await writeFile(temporary, text);
      });
    for (const { path, target, temporary } of places)
      await whenPossible(path, () => rename(temporary, target));
  } finally {
    // Where nothing could be written, nothing can be removed.
    for (const { temporary } of places) await rm(temporary, { force: true }).catch(() => {});
  }
}

interface Place {
  /** As it was asked for. */
  readonly path: string;
  /** The file itself, behind links. */
  readonly target: string;
  readonly temporary: string;
  readonly text: string;
}

/** Where a path leads; a link may lead to what is not there yet. */
async function followLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
  let target: string;
  try {
    target = await readlink(path);
  } catch {
    return path;
  }
  return followLinks(resolve(await realpath(dirname(path)), target));
}

async function readPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Does something with files; says which path it was for when the system refuses. */
async function whenPossible<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    const found = reasons[code] ?? code;
    throw invalid(`${path}: expected a path where a file can be written, got ${found}`, error);
  }
}

const reasons: Readonly<Record<string, string>> = {
  EISDIR: "a folder",
  ENOTDIR: "one in a file",
  EEXIST: "one in a file",
  ELOOP: "a link that leads to itself",
};

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

function invalid(message: string, cause?: unknown): Error {
  return iibinErrors.create(
    "KING_IIBIN_OPTION_INVALID",
    message,
    { option: "out" },
    ...(cause === undefined ? [] : [{ cause }]),
  );
}

const firstLine = (text: string) => text.slice(0, Math.max(text.indexOf("\n"), 0));
