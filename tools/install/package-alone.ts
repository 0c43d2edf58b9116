import { deepEqual } from "node:assert/strict";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Registry } from "../registry.ts";
import type { StageReport } from "../stage.ts";
import { oldestNode } from "../tool-environment.ts";
import { closureOf, listPackages, root, type Workspace } from "../workspace.ts";
import { type App, installApp, installedOfOurs, runInApp } from "./app.ts";

/**
 * Installs one package alone: what it brings along is what it declares, every entry can be
 * imported, and a small program does real work with it on each supported Node.
 */
export async function checkPackageAlone(
  workspace: Workspace,
  registry: Registry,
  folder: string,
  report: StageReport,
): Promise<void> {
  const { name, manifest } = workspace;
  let app: App | undefined;
  await report.check(`install ${manifest.name} alone`, async () => {
    app = await installApp(registry, folder, [manifest.name]);
    deepEqual(installedOfOurs(app), expectedOfOurs(manifest.name), "packages of ours installed");
  });
  if (app === undefined) return;
  const installed = app;
  await writeFile(join(folder, "entries.js"), entriesProgram(workspace));

  for (const [label, node] of supportedNodes()) {
    if (node === undefined) {
      report.skip(`${name} on ${label}`, "npm carries no Node 24 for this platform");
      continue;
    }
    await report.check(`import every entry of ${manifest.name} on ${label}`, () =>
      runInApp(installed, node, ["entries.js"]),
    );
    await report.check(`tools/smoke/${name}.ts on ${label}`, async () => {
      await copyFile(join(root, "tools/smoke", `${name}.ts`), join(folder, "smoke.ts"));
      await runInApp(installed, node, ["smoke.ts"]);
    });
  }
}

function supportedNodes(): [label: string, node: string | undefined][] {
  const pinned: [string, string] = ["the pinned Node", process.execPath];
  const oldest: [string, string | undefined] = ["Node 24", oldestNode()];
  return process.env["KING_NODE"] === "24" ? [oldest] : [pinned, oldest];
}

function expectedOfOurs(name: string): string[] {
  const packages = listPackages();
  return closureOf(name, packages).map((each) => {
    const version = packages.find(({ manifest }) => manifest.name === each)?.manifest.version;
    return `${each}@${version}`;
  });
}

/** A program that imports every entry, and fails for one that exports nothing. */
function entriesProgram({ manifest }: Workspace): string {
  const specifiers = Object.entries(manifest.exports ?? {})
    .filter(([, target]) => typeof target !== "string")
    .map(([path]) => manifest.name + path.slice(1));
  return [
    `for (const specifier of ${JSON.stringify(specifiers)}) {`,
    "  const names = Object.keys(await import(specifier));",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the program's own template
    "  if (names.length === 0) throw new Error(`${specifier} exports nothing`);",
    "}",
    "",
  ].join("\n");
}
