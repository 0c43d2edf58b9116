import { readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The part of a package.json that the command reads. */
export interface InstalledManifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, unknown>>;
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

/** The package `name` as a module in `folder` would get it; `undefined` when it is not there. */
export function findPackage(name: string, folder: string): InstalledPackage | undefined {
  // Looked for by path, not resolved: a vendor's exports need not list its package.json.
  const candidates = createRequire(join(folder, "package.json")).resolve.paths(name) ?? [];
  for (const candidate of candidates) {
    const found = readPackage(join(candidate, name));
    if (found !== undefined) return found;
  }
  return undefined;
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
  let text: string;
  try {
    text = readFileSync(join(folder, "package.json"), "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
  return { folder: realpathSync(folder), manifest: JSON.parse(text) };
}
