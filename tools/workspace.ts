import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** The repository's root folder. */
export const root = resolve(import.meta.dirname, "..");

/** One target of an `exports` entry of ours. */
export interface ExportTarget {
  "king-source": string;
  types: string;
  default: string;
}

/** The part of a package.json that the tools read. */
export interface Manifest {
  name: string;
  version: string;
  private?: boolean;
  sideEffects?: boolean;
  engines?: Record<string, string>;
  exports?: Record<string, string | ExportTarget>;
  bin?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** One workspace of the monorepo. */
export interface Workspace {
  /** The last part of its folder's name: `transport`. */
  name: string;
  /** Absolute path of its folder. */
  folder: string;
  manifest: Manifest;
}

/** Every workspace below the root, published or not, in the order of their folders. */
export function listWorkspaces(): Workspace[] {
  return globSync(["packages/*/package.json", "bench/package.json", "examples/*/package.json"], {
    cwd: root,
  })
    .sort()
    .map((path) => {
      const folder = join(root, path, "..");
      const manifest: Manifest = JSON.parse(readFileSync(join(root, path), "utf8"));
      return { name: folder.slice(folder.lastIndexOf("/") + 1), folder, manifest };
    });
}

/** The workspaces that are published. */
export function listPackages(): Workspace[] {
  return listWorkspaces().filter(({ manifest }) => manifest.private !== true);
}

/** Whether a package name is one of ours. */
export function isOurs(name: string): boolean {
  return name === "king-runtime" || name.startsWith("@king-runtime/");
}

/** The packages of ours that `name` brings along when it is installed alone, itself included. */
export function closureOf(name: string, packages = listPackages()): string[] {
  const found = new Set<string>();
  const visit = (each: string): void => {
    if (found.has(each)) return;
    found.add(each);
    const workspace = packages.find(({ manifest }) => manifest.name === each);
    if (workspace === undefined) throw new Error(`${each} is not a published package`);
    Object.keys(workspace.manifest.dependencies ?? {})
      .filter(isOurs)
      .forEach(visit);
  };
  visit(name);
  return [...found].sort();
}
