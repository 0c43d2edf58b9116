import { deepEqual, equal, notEqual } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { copyFile, cp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runStep } from "../command.ts";
import type { Registry } from "../registry.ts";
import { listPackages, type Manifest, root } from "../workspace.ts";
import { type App, installedOfOurs, runInApp } from "./app.ts";

/**
 * A patch of core reaches an application without a new release of transport: in a clone,
 * changesets raises the version, lerna publishes what the registry lacks, and npm updates `app`,
 * which had transport installed.
 */
export async function checkUpgrade(registry: Registry, app: App, folder: string): Promise<void> {
  const before = versionsOf(root);
  await cloneInto(folder);
  const env = {
    ...registry.env,
    GIT_AUTHOR_NAME: "upgrade",
    GIT_AUTHOR_EMAIL: "upgrade@localhost",
    GIT_COMMITTER_NAME: "upgrade",
    GIT_COMMITTER_EMAIL: "upgrade@localhost",
    GIT_CONFIG_NOSYSTEM: "1",
    CI: "1",
  };
  const step = (command: string, ...args: string[]) => runStep(command, args, { cwd: folder, env });

  await step("git", "init", "--quiet", "--initial-branch=main");
  await commitAll(step, "Start");
  await writeFile(
    join(folder, ".changeset/upgrade.md"),
    '---\n"@king-runtime/core": patch\n---\n\nMend something.\n',
  );
  await step("changeset", "version");
  const after = versionsOf(folder);
  deepEqual(
    Object.keys(after).filter((name) => after[name] !== before[name]),
    ["@king-runtime/core"],
    "packages whose version a patch of core raises",
  );
  await commitAll(step, "Release");

  await step("lerna", "publish", "from-package", "--yes", "--registry", `${registry.url}/`);
  await step("npm", "--prefix", app.folder, "update");

  const installed = installedOfOurs(app);
  const core = after["@king-runtime/core"];
  notEqual(core, before["@king-runtime/core"]);
  deepEqual(
    installed,
    [`@king-runtime/core@${core}`, `@king-runtime/transport@${before["@king-runtime/transport"]}`],
    "installed after npm update",
  );
  for (const name of Object.keys(before)) {
    const { stdout } = await step("npm", "view", name, "versions", "--json");
    const published: string | string[] = JSON.parse(stdout);
    equal([published].flat().length, name === "@king-runtime/core" ? 2 : 1, `releases of ${name}`);
  }
  await runInApp(app, process.execPath, ["smoke.ts"]);
}

/** Copies the repository as it is now, with what was built, and with the tools that are installed. */
async function cloneInto(folder: string): Promise<void> {
  const { stdout } = await runStep(
    "git",
    ["ls-files", "--cached", "--others", "--exclude-standard", "-z"],
    { cwd: root, env: process.env },
  );
  for (const path of stdout.split("\0").filter(Boolean)) {
    await mkdir(join(folder, dirname(path)), { recursive: true });
    // A file may be listed and yet be deleted.
    await copyFile(join(root, path), join(folder, path)).catch(ignoreMissing);
  }
  for (const { folder: source } of listPackages()) {
    const target = join(folder, source.slice(root.length + 1), "dist");
    await cp(join(source, "dist"), target, { recursive: true });
  }
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  // Changes that wait for the next release are not part of this one.
  for (const name of readdirSync(join(folder, ".changeset"))) {
    if (name.endsWith(".md") && name !== "README.md") await rm(join(folder, ".changeset", name));
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

async function commitAll(
  step: (command: string, ...args: string[]) => Promise<unknown>,
  message: string,
): Promise<void> {
  await step("git", "add", "--all");
  await step("git", "commit", "--quiet", "--no-gpg-sign", "--message", message);
}

function versionsOf(repository: string): Record<string, string> {
  return Object.fromEntries(
    listPackages().map(({ folder }) => {
      const path = join(repository, folder.slice(root.length + 1), "package.json");
      const { name, version }: Manifest = JSON.parse(readFileSync(path, "utf8"));
      return [name, version];
    }),
  );
}
