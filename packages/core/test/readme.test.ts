import { dirname } from "node:path";
import { configErrors, streamErrors, systemErrors } from "@king-runtime/core";
import { readReadme, runExample } from "@king-runtime/testkit";
import { expect, test } from "vitest";

const folder = dirname(import.meta.dirname);
const readme = await readReadme(folder);

test("the example runs", async () => {
  expect(await runExample(readme.examples[0] ?? "", folder)).toBe(
    "2 overrides\non\n{ open: true, leases: 1 }\noff\ntrue\n",
  );
});

test("the table lists every error", () => {
  const codes = [configErrors, streamErrors, systemErrors].flatMap((table) =>
    Object.keys(table.codes),
  );
  expect(readme.tables[1]).toEqual(codes);
});
