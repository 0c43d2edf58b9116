import { readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** The part of a package.json that the command reads. */
export interface InstalledManifest {
  readonly name?: string;
  readonly version?: string;
  readonly private?: boolean;
  /** Entries by their paths, or what stands for one entry alone. */
  readonly exports?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** A package in some `node_modules`. */
export interface InstalledPackage {
  /** Absolute path of its folder, with links resolved. */
  readonly folder: string;
  readonly manifest: InstalledManifest;
}

/**
 * The package `name` as an `import` in `folder` would get it; `undefined` when it is not there.
 * An import looks in the `node_modules` of that folder and those above it, and nowhere else.
 */
export function findPackage(name: string, folder: string): InstalledPackage | undefined {
  for (let each = folder; ; each = dirname(each)) {
    // Looked for by path, not resolved: a vendor's exports need not list its package.json.
    const found =
      basename(each) === "node_modules" ? undefined : readPackage(join(each, "node_modules", name));
    if (found !== undefined) return found;
    if (dirname(each) === each) return undefined;
  }
}

/** Whether a package has the entry `path`, such as `"./cli"`. */
export function hasEntry({ exports }: InstalledManifest, path: string): boolean {
  return typeof exports === "object" && exports !== null && path in exports;
}

/** The package whose folder holds `folder`, or a folder above it. */
export function enclosingPackage(folder: string): InstalledPackage | undefined {
  for (let each = folder; ; each = dirname(each)) {
    const found = readPackage(each);
    if (found !== undefined) return found;
    if (dirname(each) === each) return undefined;
  }
}

function readPackage(folder: string): InstalledPackage | undefined {
  const path = join(folder, "package.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new Error(`${path}: expected a readable file, got ${code}`, { cause });
  }
  let manifest: unknown;
  try {
    manifest = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path}: expected JSON, got ${(cause as Error).message}`, { cause });
  }
  if (typeof manifest !== "object" || manifest === null || Array.isArray(manifest)) {
    throw new Error(`${path}: expected a JSON object`);
  }
  return { folder: realpathSync(folder), manifest };
}
