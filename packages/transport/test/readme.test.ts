import { dirname } from "node:path";
import { readReadme, runExample } from "@king-runtime/testkit";
import {
  httpErrors,
  httpSection,
  netErrors,
  poolSection,
  requestSection,
} from "@king-runtime/transport";
import { expect, test } from "vitest";

const folder = dirname(import.meta.dirname);
const readme = await readReadme(folder);

test.each([
  ["of the server and the client", "200 h1 hello\n{ path: '/fetch' }\n"],
  ["of routes", "{ id: '7' }\n"],
  ["of Express and Fastify", ""],
  ["of middleware", ""],
  ["of the client's pool and session", "[ 'GET 0', 'PUT 5' ] 2\nh2 103 POST 3\n"],
  ["of TCP and UDP", "HELLO\n"],
  ["of the admin API", "200\n200\n200 503\n"],
])("the example %s runs and prints what it says", async (name, printed) => {
  const order = ["the server", "routes", "Express", "middleware", "pool", "TCP", "admin"];
  const position = order.findIndex((each) => name.includes(each));
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
  expect(tableAfter("### Options of `createHttpClient`")).toEqual(Object.keys(poolSection.keys));
  expect(tableAfter("## Errors")).toEqual(Object.keys(httpErrors.codes));
  expect(tableAfter("### Errors of connections, TCP and UDP")).toEqual(
    Object.keys(netErrors.codes),
  );
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
  for (const section of [httpSection, requestSection, poolSection]) {
    for (const [name, key] of Object.entries(section.keys)) {
      if (typeof key.default !== "number" || key.default === Number.POSITIVE_INFINITY) continue;
      expect(readme.text).toContain(`| \`${name}\` | ${key.default.toLocaleString("en-US")} |`);
    }
  }
});
