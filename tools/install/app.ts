import { globSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runStep } from "../command.ts";
import type { Registry } from "../registry.ts";
import type { Manifest } from "../workspace.ts";

/** A clean folder into which packages were installed as a user would. */
export interface App {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Makes an application with nothing in it but `dependencies`, and installs those with npm. */
export async function installApp(
  registry: Registry,
  folder: string,
  dependencies: readonly string[],
): Promise<App> {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ name: "app", version: "1.0.0", private: true, type: "module" }),
  );
  const app = { folder, env: registry.env };
  await runStep("npm", ["install", "--no-progress", ...dependencies], {
    cwd: folder,
    env: app.env,
  });
  return app;
}

/** The packages of ours in an application, wherever npm put them: `name@version`, sorted. */
export function installedOfOurs(app: App): string[] {
  return globSync(
    ["node_modules/**/@king-runtime/*/package.json", "node_modules/**/king-runtime/package.json"],
    { cwd: app.folder },
  )
    .map((path): Manifest => JSON.parse(readFileSync(join(app.folder, path), "utf8")))
    .map(({ name, version }) => `${name}@${version}`)
    .sort();
}

/** Runs a program inside the application; throws with its output when it does not exit with 0. */
export async function runInApp(app: App, node: string, args: readonly string[]): Promise<string> {
  const { stdout } = await runStep(node, args, {
    cwd: app.folder,
    env: app.env,
    timeoutMs: 60_000,
  });
  return stdout;
}
