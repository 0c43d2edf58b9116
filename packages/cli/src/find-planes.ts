import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { CliPlane } from "@king-runtime/core";
import { enclosingPackage, findPackage, type InstalledPackage } from "./installed-package.ts";

/** Where {@link findPlanes} looks. */
export interface FindPlanesOptions {
  /** Folder of the application, or one inside it. */
  cwd: string;
}

/** A plane that the application, or the command's own installation, has. */
export interface InstalledPlane {
  /** The package's name: `@king-runtime/transport`. */
  readonly name: string;
  readonly version?: string;
  /** Absolute path of the package's folder. */
  readonly folder?: string;
  /** What its `./cli` entry exports; absent when it has none. */
  readonly plane?: CliPlane;
  /** Why it cannot be used, in a sentence. */
  readonly problem?: string;
}

const umbrella = "king-runtime";
const scope = "@king-runtime/";
const notPlanes: readonly string[] = [umbrella, "@king-runtime/core", "@king-runtime/cli"];

/**
 * Finds the planes that the application around `cwd` depends on, by itself or through the umbrella;
 * where it depends on none, those of the umbrella that this command came with. Loads what they tell
 * the command; one that cannot be loaded is reported, never thrown.
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
    const { manifest, folder } = found;
    if (manifest.private === true) return undefined;
    const installed = { name, version: manifest.version, folder };
    if (manifest.exports === undefined || !("./cli" in manifest.exports)) return installed;
    try {
      return { ...installed, plane: await importPlane(`${name}/cli`, from) };
    } catch (error) {
      return { ...installed, problem: messageOf(error) };
    }
  } catch (error) {
    return { name, problem: messageOf(error) };
  }
}

async function importPlane(specifier: string, from: string): Promise<CliPlane> {
  const path = createRequire(join(from, "package.json")).resolve(specifier);
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
