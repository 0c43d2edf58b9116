import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { CliPlane, Section } from "@king-runtime/core";
import { listPackages } from "../workspace.ts";

/** The config sections of one plane. */
export interface PlaneSections {
  /** The package's name. */
  package: string;
  sections: readonly Section[];
}

/** The sections that each published plane declares in its `./cli` entry, from sources. */
export async function planeSections(): Promise<PlaneSections[]> {
  const found: PlaneSections[] = [];
  for (const { folder, manifest } of listPackages()) {
    const entry = manifest.exports?.["./cli"];
    if (entry === undefined || typeof entry === "string") continue;
    const path = join(folder, entry["king-source"]);
    const { plane }: { plane: CliPlane } = await import(pathToFileURL(path).href);
    if (plane.sections.length > 0) {
      found.push({ package: manifest.name, sections: plane.sections });
    }
  }
  return found;
}
