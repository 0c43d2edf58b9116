import { dirname } from "node:path";
import { objectstoreErrors, objectstoreSection } from "@king-runtime/objectstore";
import { readReadme, runExample } from "@king-runtime/testkit";
import { expect, test } from "vitest";

const folder = dirname(import.meta.dirname);
const readme = await readReadme(folder);

test("the example runs and prints what the text says", async () => {
  expect(await runExample(readme.examples[0] ?? "", folder)).toBe(
    "11 \"7eb59a33\nking\n[ 'inbox/demo.txt' ] undefined\ntrue undefined\n",
  );
});

test("the tables list every option and every error", () => {
  expect(readme.tables[0]).toEqual(Object.keys(objectstoreSection.keys));
  expect(readme.tables[1]).toEqual(Object.keys(objectstoreErrors.codes));
});

test("the defaults in the table are those of the section", () => {
  for (const [name, key] of Object.entries(objectstoreSection.keys)) {
    const cell = new RegExp(`^\\| \`${name}\` \\| ([^|]*) \\|`, "m").exec(readme.text)?.[1];
    const shown = Number.isFinite(key.default) ? key.default.toLocaleString("en-US") : "Infinity";
    expect(cell, name).toBe(shown);
  }
});
