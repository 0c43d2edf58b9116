import { join, resolve } from "node:path";
import { type CliContext, type Config, defineConfig, type Section } from "@king-runtime/core";
import { environmentFrom, readOperatorFile } from "@king-runtime/core/node";
import type { InstalledPlane } from "./find-planes.ts";

/** The operator's file when the command names no other. */
export const defaultConfigFile = "king.config.json";

/** Every section of the installed planes, once: a plane may list one that it shares with another. */
export function sectionsOf(planes: readonly InstalledPlane[]): readonly Section[] {
  const all = planes.flatMap(({ plane }) => plane?.sections ?? []);
  return [...new Map(all.map((section) => [section.name, section])).values()];
}

/**
 * The configuration an application with all these planes would start with: the operator's file and
 * the environment over the defaults. A file that was not asked for by name may be absent.
 *
 * @throws {KingError} KING_CONFIG_INVALID when anything in it is wrong.
 */
export function loadPlaneConfig(
  planes: readonly InstalledPlane[],
  { cwd, env }: Pick<CliContext, "cwd" | "env">,
  file?: string,
): Config {
  const path = file === undefined ? join(cwd, defaultConfigFile) : resolve(cwd, file);
  return defineConfig({
    sections: sectionsOf(planes),
    operator: readOperatorFile(path, { optional: file === undefined }),
    environment: environmentFrom(env),
  });
}
