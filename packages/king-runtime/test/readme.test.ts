import { dirname } from "node:path";
import { readReadme, runExample } from "@king-runtime/testkit";
import { expect, test } from "vitest";

const folder = dirname(import.meta.dirname);
const readme = await readReadme(folder);

test("the example runs: it serves, and drains at the signal", async () => {
  expect(await runExample(readme.examples[0] ?? "", folder)).toBe("hello\ntrue\n");
});

test("the table lists every subpath", async () => {
  const manifest = await import("../package.json", { with: { type: "json" } });
  const subpaths = Object.keys(manifest.default.exports)
    .filter((path) => path !== "./package.json")
    .map((path) => path.replace(/^\./, "king-runtime"));
  expect(readme.tables[0]).toEqual(subpaths);
});
