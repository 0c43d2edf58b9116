import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { CliPlane } from "@king-runtime/core";
import {
  enclosingPackage,
  findPackage,
  hasEntry,
  type InstalledPackage,
} from "./installed-package.ts";

/** Where {@link findPlanes} looks. */
export interface FindPlanesOptions {
  /** Folder of the application, or one inside it. */
  cwd: string;
}

/** A plane that the application, or the command's own installation, has, or the application itself. */
export interface InstalledPlane {
  /** The package's name: `@king-runtime/transport`; the folder of an application without one. */
  readonly name: string;
  readonly version?: string;
  /** Absolute path of the package's folder. */
  readonly folder?: string;
  /** What its `./cli` entry exports; absent when it has none, which an application need not have. */
  readonly plane?: CliPlane;
  /** Why it cannot be used, in a sentence. */
  readonly problem?: string;
}

const umbrella = "king-runtime";
const scope = "@king-runtime/";
const notPlanes: readonly string[] = [umbrella, "@king-runtime/core", "@king-runtime/cli"];

/**
 * Finds the planes that the application around `cwd` depends on, by itself or through the umbrella;
 * where it depends on none, those of the umbrella that this command came with. An application with a
 * `./cli` entry of its own counts as one more. Loads what they tell the command; one that cannot be
 * loaded is reported, never thrown.
 *
 * @throws Error when a package.json of the application, or of the umbrella, cannot be read.
 */
export async function findPlanes(options: FindPlanesOptions): Promise<InstalledPlane[]> {
  const declared = new Map<string, string>();
  const app = enclosingPackage(options.cwd);
  if (app !== undefined) collect(app, declared, true);
  if (declared.size === 0) {
    // Outside any application: the umbrella this command was installed with.
    const beside = findPackage(umbrella, import.meta.dirname);
    if (beside !== undefined) collect(beside, declared, false);
  }
  const loaded = [...declared].map(([name, from]) => loadPlane(name, from));
  if (app !== undefined && hasEntry(app.manifest, "./cli")) loaded.push(loadEntry(app));
  return (await Promise.all(loaded))
    .filter((each) => each !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Adds the planes that `from` depends on, each with the folder it is resolved from. */
function collect(from: InstalledPackage, into: Map<string, string>, withDev: boolean): void {
  const { dependencies, devDependencies, optionalDependencies } = from.manifest;
  const all = { ...dependencies, ...optionalDependencies, ...(withDev ? devDependencies : {}) };
  for (const name of Object.keys(all)) {
    if (name === umbrella) {
      const found = findPackage(name, from.folder);
      if (found !== undefined) collect(found, into, false);
    } else if (name.startsWith(scope) && !notPlanes.includes(name) && !into.has(name)) {
      into.set(name, from.folder);
    }
  }
}

/** `undefined` for a private workspace of a monorepo, which is an application's own. */
async function loadPlane(name: string, from: string): Promise<InstalledPlane | undefined> {
  try {
    const found = findPackage(name, from);
    if (found === undefined) return { name, problem: "is a dependency, but not installed" };
    return found.manifest.private === true ? undefined : await loadEntry(found);
  } catch (error) {
    return { name, problem: messageOf(error) };
  }
}

/** Loads the `./cli` entry of a package, if it has one. */
async function loadEntry(found: InstalledPackage): Promise<InstalledPlane> {
  const { folder, manifest } = found;
  const { name = folder, version } = manifest;
  const installed = { name, folder, ...(version === undefined ? {} : { version }) };
  if (!hasEntry(manifest, "./cli")) return installed;
  try {
    return { ...installed, plane: await importPlane(found) };
  } catch (error) {
    return { ...installed, problem: messageOf(error) };
  }
}

async function importPlane({ folder, manifest }: InstalledPackage): Promise<CliPlane> {
  const own = join(folder, "package.json");
  // A package gets at its own entries by its name, as everyone else does.
  if (manifest.name === undefined) throw new Error(`${own}: expected a "name" beside "exports"`);
  const specifier = `${manifest.name}/cli`;
  const path = createRequire(own).resolve(specifier);
  const { plane }: { plane?: CliPlane } = await import(pathToFileURL(path).href);
  if (
    typeof plane?.name !== "string" ||
    !Array.isArray(plane.sections) ||
    !Array.isArray(plane.commands)
  ) {
    throw new Error(`${specifier}: expected an export "plane" with name, sections and commands`);
  }
  return plane;
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
