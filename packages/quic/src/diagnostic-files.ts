import { mkdir, stat } from "node:fs/promises";
import { optionError } from "@king-runtime/core";

const writableByOthers = 0o022;
const forOthers = 0o077;

/**
 * Makes the folder for logs where there is none, for this user alone: engines give its files the modes that come by
 * themselves.
 *
 * @throws {KingError} KING_OPTION_INVALID where it cannot be had, or others could put their files into it.
 */
export async function prepareQlogFolder(folder: string): Promise<void> {
  const expected = "a folder into which nobody else can write";
  await prepare("qlogFolder", folder, writableByOthers, expected);
}

/**
 * Makes the folder for secrets where there is none, for this user alone.
 *
 * @throws {KingError} KING_OPTION_INVALID where it cannot be had, or others could look into it.
 */
export async function prepareKeylogFolder(folder: string): Promise<void> {
  await prepare("keylogFolder", folder, forOthers, "a folder into which nobody else can look");
}

async function prepare(
  option: string,
  folder: string,
  forbidden: number,
  expected: string,
): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw optionError(option, `expected a folder that can be made, got ${why}`);
  }
  const { mode } = await stat(folder);
  // Windows has no such modes, and tells of ones that it does not mean.
  if (process.platform !== "win32" && (mode & forbidden) !== 0) {
    throw optionError(option, `expected ${expected}, got mode ${(mode & 0o777).toString(8)}`);
  }
}
