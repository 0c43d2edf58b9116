import { hash } from "node:crypto";
import type { FolderEntry } from "./file-system.ts";
import { headerBytesFor } from "./object-header.ts";

/**
 * Where objects lie. The folders follow the segments of the keys, so that a page of a listing reads
 * only the folders it crosses, and needs no index in memory or on disk that could disagree with the
 * files. Names are encoded so that any file system keeps keys apart: `a-z 0-9 - _ .` stand for
 * themselves, every other byte is `%` and two lower-case digits; no two names differ in case only.
 * A suffix tells what a name is, so that the objects `a` and `a/b` live side by side:
 *
 * - `.o` an object;
 * - `.d` the folder of a segment;
 * - `.c` a folder for what follows the first 80 bytes of a segment: names stay below 255 characters;
 * - `.x` a folder for every longer key that shares its first 192 bytes. The objects in it are named
 *   by the SHA-256 of their keys, and paths stay short enough for every system (macOS takes 1,024
 *   characters).
 *
 * All keys below one folder are neighbours in byte order, with none from outside between them.
 */
export type EntryKind = "object" | "segment" | "continuation" | "overflow";

/** A segment's bytes in one name. */
const pieceBytes = 80;
/** Bytes of a key that are spelled out as names. */
const spelledBytes = 192;

const suffixes = { object: ".o", segment: ".d", continuation: ".c", overflow: ".x" } as const;
const kinds = new Map<string, EntryKind>(
  Object.entries(suffixes).map(([kind, suffix]) => [suffix, kind as EntryKind]),
);

/** Where the object of a key lies, below the folder of all objects. */
export interface ObjectLocation {
  /** Names of the folders, outermost first. */
  readonly folders: readonly string[];
  readonly name: string;
  /** Length of the header in front of the object's body. */
  readonly headerBytes: number;
}

/** @param key as bytes, see `checkKey`. */
export function locateObject(key: string): ObjectLocation {
  const folders: string[] = [];
  if (key.length > spelledBytes) {
    const rest = spell(key.slice(0, spelledBytes), folders);
    folders.push(encodeName(rest) + suffixes.overflow);
    const name = hash("sha256", Buffer.from(key, "latin1")) + suffixes.object;
    return { folders, name, headerBytes: headerBytesFor(key.length) };
  }
  const name = encodeName(spell(key, folders)) + suffixes.object;
  return { folders, name, headerBytes: headerBytesFor(key.length) };
}

/** A folder, and what every key below it begins with. */
export interface FolderLocation {
  readonly folders: readonly string[];
  readonly base: string;
  readonly overflow: boolean;
}

/** The innermost folder that holds every key beginning with `prefix` (as bytes). */
export function locatePrefix(prefix: string): FolderLocation {
  const folders: string[] = [];
  if (prefix.length > spelledBytes) {
    const base = prefix.slice(0, spelledBytes);
    folders.push(encodeName(spell(base, folders)) + suffixes.overflow);
    return { folders, base, overflow: true };
  }
  const rest = spell(prefix, folders);
  return { folders, base: prefix.slice(0, prefix.length - rest.length), overflow: false };
}

/** Adds the folders of `key`, and returns what is left for the last name. */
function spell(key: string, folders: string[]): string {
  const segments = key.split("/");
  let rest = "";
  for (const [index, segment] of segments.entries()) {
    rest = segment;
    while (rest.length >= pieceBytes) {
      folders.push(encodeName(rest.slice(0, pieceBytes)) + suffixes.continuation);
      rest = rest.slice(pieceBytes);
    }
    if (index < segments.length - 1) folders.push(encodeName(rest) + suffixes.segment);
  }
  return rest;
}

/** An entry of a folder, read back from its name. */
export interface Entry {
  readonly name: string;
  readonly kind: EntryKind;
  /** What it adds to the folder's base: the rest of one key, or what all keys below begin with. */
  readonly bytes: string;
}

/** `undefined` for what no key leads to: it is not ours. */
export function decodeEntry({ name, kind: found }: FolderEntry): Entry | undefined {
  const kind = kinds.get(name.slice(-2));
  if (kind === undefined || found !== (kind === "object" ? "file" : "folder")) return undefined;
  const spelled = name.slice(0, -2);
  if (!/^(?:[a-z0-9._-]|%[0-9a-f]{2})*$/.test(spelled)) return undefined;
  const bytes = spelled.includes("%")
    ? spelled.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : spelled;
  // An escape that spells a plain character leads nowhere.
  if (bytes !== spelled && encodeName(bytes) !== spelled) return undefined;
  return { name, kind, bytes: kind === "segment" ? `${bytes}/` : bytes };
}

function encodeName(bytes: string): string {
  return bytes.replace(
    /[^a-z0-9._-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
