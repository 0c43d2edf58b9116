import { dirname } from "node:path";
import { readReadme, runExample } from "@king-runtime/testkit";
import { httpErrors, httpSection, requestSection } from "@king-runtime/transport";
import { expect, test } from "vitest";

const folder = dirname(import.meta.dirname);
const readme = await readReadme(folder);

test.each([
  ["of the server and the client", "200 h1 hello\n{ path: '/fetch' }\n"],
  ["of routes", "{ id: '7' }\n"],
  ["of Express and Fastify", ""],
  ["of middleware", ""],
])("the example %s runs and prints what it says", async (name, printed) => {
  const position = ["server", "routes", "Express", "middleware"].findIndex((each) =>
    name.includes(each),
  );
  expect(await runExample(readme.examples[position] ?? "", folder)).toBe(printed);
});

/** The first column of the table that follows a heading. */
function tableAfter(heading: string): readonly string[] {
  const [, after = ""] = readme.text.split(`\n${heading}\n`);
  const [table = ""] = /(?:^\|.*\n)+/m.exec(after) ?? [];
  const rows = table.trimEnd().split("\n").slice(2);
  return rows.flatMap((row) => (row.split("|")[1] ?? "").trim().replaceAll("`", "").split(", "));
}

test("the tables list every option and every error", () => {
  expect(tableAfter("### Options of `listenHttp`")).toEqual(Object.keys(httpSection.keys));
  expect(tableAfter("### Options of `request`")).toEqual(Object.keys(requestSection.keys));
  expect(tableAfter("## Errors")).toEqual(Object.keys(httpErrors.codes));
  expect(tableAfter("### TLS")).toEqual([
    "cert",
    "key",
    "passphrase",
    "serverNames",
    "clientCertificates",
    "clientCa",
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
