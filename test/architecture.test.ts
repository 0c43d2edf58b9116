import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  type ExportTarget,
  isOurs,
  listPackages,
  listWorkspaces,
  root,
  type Workspace,
} from "../tools/workspace.ts";
import { importsOf, reachableImports } from "./source-imports.ts";

/** Which packages of ours each published package may import. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  transport: ["core"],
  iibin: ["core"],
  objectstore: ["core"],
  quic: ["core"],
  realtime: ["core", "transport"],
  cli: ["core"],
  "king-runtime": ["core", "iibin", "transport", "quic", "objectstore", "realtime", "cli"],
};

const nameOf = (folderName: string) =>
  folderName === "king-runtime" ? folderName : `@king-runtime/${folderName}`;

/** The package of a specifier: `@king-runtime/core` for `@king-runtime/core/node`. */
const packageOf = (specifier: string) =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

const packages = listPackages();
const trackedFiles = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" })
  .split("\0")
  .filter(Boolean);

test("the table names every published package", () => {
  expect(packages.map(({ name }) => name).sort()).toEqual(Object.keys(mayImport).sort());
});

describe.each(packages)("$name", ({ name, folder, manifest }) => {
  const allowed = (mayImport[name] ?? []).map(nameOf);

  test("depends on no package of ours but those of the table", () => {
    const { dependencies, peerDependencies, optionalDependencies } = manifest;
    const declared = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies });
    expect(declared.filter(isOurs).filter((each) => !allowed.includes(each))).toEqual([]);
  });

  test("imports no package of ours but those of the table", () => {
    const wrong = importsOf(folder)
      .filter(({ specifier }) => isOurs(packageOf(specifier)))
      .filter(({ specifier }) => ![...allowed, manifest.name].includes(packageOf(specifier)));
    expect(wrong).toEqual([]);
  });

  test("names siblings by workspace:^, so that they upgrade apart", () => {
    const ranges = Object.entries(manifest.dependencies ?? {}).filter(([each]) => isOurs(each));
    expect(ranges.filter(([, range]) => range !== "workspace:^")).toEqual([]);
  });

  test("imports siblings by their exports and itself by relative paths that end in .ts", () => {
    const wrong = importsOf(folder).filter(({ specifier }) =>
      specifier.startsWith(".")
        ? !specifier.endsWith(".ts")
        : packageOf(specifier) === manifest.name,
    );
    expect(wrong).toEqual([]);
  });

  test("exports source, types and build of each entry, in this order, and its manifest", () => {
    const { "./package.json": own, ...entries } = manifest.exports ?? {};
    expect(own).toBe("./package.json");
    for (const target of Object.values(entries) as ExportTarget[]) {
      expect(Object.keys(target)).toEqual(["king-source", "types", "default"]);
      const built = target["king-source"].replace(/^\.\/src\/(.*)\.ts$/, "./dist/$1");
      expect(target).toEqual({
        "king-source": target["king-source"],
        types: `${built}.d.ts`,
        default: `${built}.js`,
      });
    }
  });

  test("is an ECMAScript module without side effects for Node 24 and later", () => {
    expect(manifest).toMatchObject({
      type: "module",
      sideEffects: false,
      engines: { node: ">=24" },
      license: "MIT",
      publishConfig: { access: "public" },
    });
  });

  test("says what it is under its own name, and under which licence it stands", () => {
    const text = (file: string) => readFileSync(join(folder, file), "utf8");
    expect(text("README.md").split("\n")[0]).toBe(`# ${manifest.name}`);
    expect(text("LICENSE")).toBe(readFileSync(join(root, "LICENSE"), "utf8"));
  });

  test("has no default exports", () => {
    const files = globSync("src/**/*.ts", { cwd: folder });
    const text = (file: string) => readFileSync(join(folder, file), "utf8");
    expect(files.filter((file) => /^export default\b/m.test(text(file)))).toEqual([]);
  });
});

describe("core", () => {
  const core = packages.find(({ name }) => name === "core") as Workspace;

  test.each(["index.ts", "errors.ts"])("%s reaches no module of Node", (entry) => {
    const found = reachableImports(join(core.folder, "src", entry));
    expect(found.filter(({ specifier }) => specifier.startsWith("node:"))).toEqual([]);
  });

  test("the node entry does reach one, so that the check above can fail", () => {
    const found = reachableImports(join(core.folder, "src/node.ts"));
    expect(found.some(({ specifier }) => specifier.startsWith("node:"))).toBe(true);
  });
});

describe("private workspaces", () => {
  const privateNames = listWorkspaces()
    .filter(({ manifest }) => manifest.private === true)
    .map(({ manifest }) => manifest.name);

  test("are imported by no published source", () => {
    const wrong = packages.flatMap(({ folder }) =>
      importsOf(folder).filter(({ specifier }) => privateNames.includes(packageOf(specifier))),
    );
    expect(wrong).toEqual([]);
  });

  test("are no dependency of a published package at run time", () => {
    const wrong = packages.filter(({ manifest: { dependencies = {}, peerDependencies = {} } }) =>
      privateNames.some((each) => each in dependencies || each in peerDependencies),
    );
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });
});

describe("files", () => {
  test("are named for what is in them", () => {
    const grabBags = /^(utils?|misc|types|helpers?|common|shared)\.[cm]?[jt]sx?$/;
    expect(trackedFiles.filter((file) => grabBags.test(basename(file)))).toEqual([]);
    expect(trackedFiles.filter((file) => /\/(utils?|misc|types|helpers?)\//.test(file))).toEqual(
      [],
    );
  });

  test("name no machine's folders and no package registry", () => {
    const registry = execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8" });
    // A path begins there: `${folder}/root/` is not the home folder of root.
    const path = (folder: string) => new RegExp(`(?<![\\w}.])${literally(folder)}/`);
    const { host } = new URL(registry.trim());
    // A home of "/tmp" says nothing of a machine.
    const folders = [root, homedir()].filter(
      (folder) => folder.split("/").length > 2 || folder === "/root",
    );
    const forbidden = [...folders.map(path), new RegExp(literally(host))];
    const wrong = trackedFiles
      .filter((file) => !file.endsWith(".png"))
      .flatMap((file) => {
        const text = readIfPresent(join(root, file));
        return forbidden.filter((each) => each.test(text)).map((each) => `${file}: ${each}`);
      });
    expect(wrong).toEqual([]);
  });
});

/** A pattern that matches `text` and nothing else. */
function literally(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&");
}

/** A tracked file's text; empty for one that is deleted and not yet committed as such. */
function readIfPresent(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
