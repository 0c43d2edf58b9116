import { dirname } from "node:path";
import { readReadme, runExample } from "@king-runtime/testkit";
import { httpErrors, httpSection, requestSection } from "@king-runtime/transport";
import { expect, test } from "vitest";

const folder = dirname(import.meta.dirname);
const readme = await readReadme(folder);

test("the example runs and prints what it says", async () => {
  expect(await runExample(readme.examples[0] ?? "", folder)).toBe(
    "200 h1 hello\n{ path: '/fetch' }\n",
  );
});

test("the tables list every option and every error", () => {
  expect(readme.tables).toEqual([
    Object.keys(httpSection.keys),
    Object.keys(requestSection.keys),
    Object.keys(httpErrors.codes),
  ]);
});

test("the defaults in the tables are those of the sections", () => {
  for (const section of [httpSection, requestSection]) {
    for (const [name, key] of Object.entries(section.keys)) {
      if (typeof key.default !== "number") continue;
      expect(readme.text).toContain(`| \`${name}\` | ${key.default.toLocaleString("en-US")} |`);
    }
  }
});
