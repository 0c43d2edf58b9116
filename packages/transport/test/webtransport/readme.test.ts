import { dirname } from "node:path";
import { readReadme, runExample } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { resolveWebTransportLimits } from "../../src/webtransport/limits.ts";
import { needEngine } from "../http3/engines.ts";
import { certificates } from "../http3/http3-harness.ts";

const folder = dirname(dirname(import.meta.dirname));
const { text, examples } = await readReadme(folder);
const [, section = ""] = text.split("\n## WebTransport\n");

test("the example of WebTransport runs and prints what it says", async (context) => {
  await needEngine(context, "matrix");
  const { ca, leaf } = await certificates();
  const given = `const [cert, key, ca] = ${JSON.stringify([leaf.cert, leaf.key, ca])};\n`;
  const example = examples.find((each) => each.includes("acceptWebTransport")) ?? "";
  expect(await runExample(given + example, folder)).toBe("hello\n");
});

test("the table has every option, and its default", () => {
  const rows = [...section.matchAll(/^\| `(\w+)` \| ([\d,]+) \|/gm)].map(([, name, value]) => [
    name,
    value,
  ]);
  const defaults = Object.entries(resolveWebTransportLimits({}));
  expect(rows.slice(0, defaults.length)).toEqual(
    defaults.map(([name, value]) => [name, value.toLocaleString("en-US")]),
  );
});
