import { requireSoftware } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { createCodec } from "../src/index.ts";
import { bundle } from "./browser/bundle.ts";
import { defineSchemas } from "./browser/definitions.ts";
import { exercise } from "./browser/exercise.ts";
import { badBytes, badTextsOfPrograms } from "./browser/messages.ts";
import { visit } from "./browser/visit.ts";

// A browser of another test run may be busy on the same cores.
const timeout = 60_000;

const policy = "default-src 'none'; script-src 'self'; connect-src 'self'";

const schemas = defineSchemas();
const expected = exercise({
  Small: createCodec(schemas.Small),
  Medium: createCodec(schemas.Medium),
  Wide: createCodec(schemas.Wide),
});

const builtPage = `import { Small, Medium, Wide } from "built";
import { report } from "./report.ts";
void report(() => ({ Small, Medium, Wide }));`;

const runTimePage = new URL("./browser/run-time-page.ts", import.meta.url);

test.each([
  ["Small", 8_000],
  ["Medium", 11_000],
] as const)(
  "a built module of %s, with all it needs to encode and decode, is at most %i bytes min+gzip from sources",
  async (name, budgetBytes) => {
    const { code, gzipBytes, imports } = await bundle(
      `import { ${name} } from "built";
      console.log(${name}.decode(${name}.encode({})));`,
      [schemas[name]],
    );
    expect(gzipBytes).toBeLessThanOrEqual(budgetBytes);
    expect(imports).toEqual([]);
    expect(code).not.toContain("node:");
  },
);

test("defining a schema, encoding and decoding at run time is at most 22,500 bytes min+gzip from sources", async () => {
  const { code, gzipBytes, imports } = await bundle(
    `import { decode, defineSchema, encode } from "@king-runtime/iibin";
    const Small = defineSchema("Small", { id: { tag: 1, type: "uint32" } });
    console.log(decode(Small, encode(Small, { id: 1 })));`,
  );
  expect(gzipBytes).toBeLessThanOrEqual(22_500);
  expect(imports).toEqual([]);
  expect(code).not.toContain("node:");
});

test("what the pages have to do is done in Node", () => {
  expect(expected.roundTrips).toHaveLength(12);
  expect(expected.refusals.map((text) => text.split(" ")[0])).toEqual([
    ...badBytes.map(() => "KING_IIBIN_WIRE_INVALID"),
    ...badTextsOfPrograms.map(() => "KING_IIBIN_VALUE_INVALID"),
  ]);
});

test("a built module needs no code generation on a page that forbids it", {
  timeout,
}, async (context) => {
  const executablePath = requireSoftware("chromium", context);
  const { code } = await bundle(builtPage, Object.values(schemas));
  const report = await visit(code, { executablePath, policy });
  expect(report).toEqual({
    ...expected,
    refusedFunction: expect.stringContaining("EvalError"),
    generated: 0,
    nodeGlobals: [],
    violations: [],
  });
});

test("schemas of run time fall back to closures on a page that forbids code generation", {
  timeout,
}, async (context) => {
  const executablePath = requireSoftware("chromium", context);
  const { code } = await bundle(runTimePage);
  const report = await visit(code, { executablePath, policy });
  expect(report).toEqual({
    ...expected,
    refusedFunction: expect.stringContaining("EvalError"),
    generated: 0,
    nodeGlobals: [],
    // It is tried once, not for each schema.
    violations: ["eval"],
  });
});

test("schemas of run time use generated functions on a page that allows them", {
  timeout,
}, async (context) => {
  const executablePath = requireSoftware("chromium", context);
  const { code } = await bundle(runTimePage);
  const report = await visit(code, { executablePath });
  expect(report).toEqual({
    ...expected,
    refusedFunction: "",
    // One to see whether it may, and an encoder and a decoder for each schema.
    generated: 1 + 2 * 3,
    nodeGlobals: [],
    violations: [],
  });
});
