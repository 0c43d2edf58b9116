import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readReadme, runExample } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { isOurs, listPackages, root } from "../tools/workspace.ts";

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const pages = globSync(["*.md", "docs/*.md", "packages/*/README.md"], { cwd: root }).sort();

describe.each(pages)("%s", (page) => {
  const text = readFileSync(join(root, page), "utf8");

  test("names scripts that exist", () => {
    const named = [...text.matchAll(/\bnpm run ([a-z:]+)/g)].map(([, name]) => name as string);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  test("links to files that exist", () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(
      ([, path]) => path as string,
    );
    const missing = links.filter((path) => !existsSync(join(root, dirname(page), path)));
    expect(missing).toEqual([]);
  });
});

describe("README.md", async () => {
  const { examples, text } = await readReadme(root);

  test("has an example that runs and ends by itself", async () => {
    const [example] = examples;
    expect(example).toBeDefined();
    await runExample(example as string, root);
  });

  test("names in its tables every package that is published, and no other", () => {
    const rows = text.split("\n").filter((line) => line.startsWith("|"));
    const named = rows.flatMap((row) => row.match(/@king-runtime\/[a-z]+|\bking-runtime\b/g) ?? []);
    const published = listPackages().map(({ manifest }) => manifest.name);
    expect([...new Set(named.filter(isOurs))].sort()).toEqual(published.sort());
  });
});
