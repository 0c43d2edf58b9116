import { dirname } from "node:path";
import { readReadme, runExample } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { quicErrors, quicSection } from "../src/index.ts";
import { certificates, needEngines } from "./engines.ts";

const folder = dirname(import.meta.dirname);
const readme = await readReadme(folder);

test("the example runs and prints what was echoed", async (context) => {
  await needEngines(context, "matrix");
  const { ca, leaf } = certificates;
  const given = `const { ca, cert, key } = ${JSON.stringify({ ca, ...leaf })};`;
  expect(await runExample(`${given}\n${readme.examples[0]}`, folder)).toBe("hello\n");
});

test("the tables list every limit with its default, and every error", () => {
  const [, limits, errors] = readme.tables;
  expect(limits).toEqual(Object.keys(quicSection.keys));
  expect(errors).toEqual(Object.keys(quicErrors.codes));
  for (const [name, key] of Object.entries(quicSection.keys)) {
    const told = key.default?.toLocaleString("en-US") ?? "none";
    expect(readme.text).toContain(`| \`${name}\` | ${told} |`);
  }
});
