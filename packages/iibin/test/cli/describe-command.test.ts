import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { temporaryFolder } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { runCommand } from "./run-command.ts";

const index = pathToFileURL(join(import.meta.dirname, "../../src/index.ts")).href;

async function files(texts: Readonly<Record<string, string>>) {
  const folder = await temporaryFolder("iibin-describe");
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(join(folder.join(path), ".."), { recursive: true });
    await writeFile(folder.join(path), text);
  }
  return folder;
}

const kingModule = `
  import { defineEnum, defineSchema, Registry } from "${index}";
  export const Level = defineEnum("Level", { LOW: 0, HIGH: 1 });
  const Inner = defineSchema("Inner", {}, { profile: "king" });
  export const User = defineSchema("User", {
    id: { tag: 1, type: "uint64", required: true },
    big: { tag: 2, type: "uint64", default: 7n },
    raw: { tag: 3, type: "bytes", default: Uint8Array.of(1, 2) },
    level: { tag: 4, type: Level, default: "HIGH" },
    sizes: { tag: 5, type: "int32", repeated: true, packed: true },
    a: { tag: 6, type: Inner, oneof: "choice" },
    nan: { tag: 7, type: "double", default: NaN },
  }, { profile: "king" });
  export const more = new Registry([defineSchema("More", {})]);
  export const list = [User, Level];
  export const limit = 3, other = { kind: "schema", type: "object" }, nothing = null;
`;

test("prints a table of each definition", async () => {
  await using folder = await files({ "user.mjs": kingModule });
  expect((await runCommand(folder.path, "describe", ["user.mjs"])).stdout).toBe(
    `schema User (profile king)
  tag  field  type            presence
  1    id     uint64          required
  2    big    uint64          explicit  default "7"
  3    raw    bytes           explicit  default "AQI="
  4    level  Level           explicit  default 1
  5    sizes  repeated int32  explicit  packed
  6    a      Inner           explicit  oneof choice
  7    nan    double          explicit  default "NaN"

schema More (profile protobuf)
  tag  field  type  presence

schema Inner (profile king)
  tag  field  type  presence

enum Level
  number  member
  0       LOW
  1       HIGH
`,
  );
});

test("prints one definition, as JSON too", async () => {
  await using folder = await files({ "user.mjs": kingModule });
  expect((await runCommand(folder.path, "describe", ["user.mjs", "Level"])).stdout).toBe(
    "enum Level\n  number  member\n  0       LOW\n  1       HIGH\n",
  );
  const one = await runCommand(folder.path, "describe", ["user.mjs", "User"], { json: true });
  expect(JSON.parse(one.stdout)).toMatchObject({
    name: "User",
    profile: "king",
    fields: [
      { name: "id", presence: "required" },
      { default: "7" },
      { default: "AQI=" },
      { default: 1 },
      { packed: true },
      { oneof: "choice" },
      { default: "NaN" },
    ],
  });
  const all = await runCommand(folder.path, "describe", ["user.mjs"], { json: true });
  expect((JSON.parse(all.stdout) as { name: string }[]).map(({ name }) => name)).toEqual([
    "User",
    "More",
    "Inner",
    "Level",
  ]);
  await expect(runCommand(folder.path, "describe", ["user.mjs", "Nope"])).rejects.toThrow(
    "user.mjs: expected one of Inner, Level, More, User, got Nope",
  );
});

test("reads TypeScript", async () => {
  await using folder = await files({
    "a.ts": `import { defineSchema } from "${index}";
      export const A: unknown = defineSchema("A", {});`,
  });
  expect((await runCommand(folder.path, "describe", ["a.ts", "A"])).stdout).toContain("schema A");
});

describe("imports of .proto files", () => {
  test("are looked for in the file's folder and those above it", async () => {
    await using folder = await files({
      "proto/shop/v1/order.proto": `syntax = "proto3"; package shop.v1;
        import "shop/v1/line.proto"; import "near.proto"; import "google/protobuf/empty.proto";
        message Order { Line line = 1; Near near = 2; google.protobuf.Empty none = 3; }`,
      "proto/shop/v1/line.proto": `syntax = "proto3"; package shop.v1;
        import "common/money.proto"; message Line { common.Money price = 1; }`,
      "proto/common/money.proto": 'syntax = "proto3"; package common; message Money {}',
      "proto/shop/v1/near.proto": 'syntax = "proto3"; package shop.v1; message Near {}',
    });
    const { stdout } = await runCommand(folder.path, "describe", ["proto/shop/v1/order.proto"]);
    expect(stdout.match(/^schema \S+/gm)).toEqual([
      "schema google.protobuf.Empty",
      "schema shop.v1.Order",
      "schema shop.v1.Line",
      "schema shop.v1.Near",
      "schema common.Money",
    ]);
  });

  test("that are nowhere are refused where they are written", async () => {
    await using folder = await files({
      "a.proto": 'syntax = "proto3";\nimport "gone-8f1c.proto";',
    });
    await expect(runCommand(folder.path, "describe", ["a.proto"])).rejects.toThrow(
      'a.proto:2:8: expected a file that was given, got import "gone-8f1c.proto"',
    );
  });
});

test.each([
  ["gone.proto", "gone.proto: expected a file, got none"],
  ["folder.proto", "folder.proto: expected a file that can be read, got EISDIR"],
  ["gone.js", "gone.js: expected a file, got none"],
  ["data.json", "data.json: expected a .proto file or a module (.js, .mjs"],
  ["empty.mjs", "empty.mjs: expected exports that are schemas, enums or registries, got none"],
  ["throws.mjs", "throws.mjs: expected a module that can be imported, got: no steam"],
  ["twice.mjs", "expected definitions of different names, got two called A"],
])("refuses %s", async (file, says) => {
  await using folder = await files({
    "data.json": "{}",
    "folder.proto/a": "",
    "empty.mjs": "export const x = 1;",
    "throws.mjs": 'throw new Error("no steam");',
    "twice.mjs": `import { defineSchema } from "${index}";
      export const A = defineSchema("A", {}), B = defineSchema("A", {});`,
  });
  await expect(runCommand(folder.path, "describe", [file])).rejects.toThrow(says);
});

test("prints what is reserved", async () => {
  const text = 'syntax = "proto3"; message A { reserved 5, 7 to max; reserved "b"; }';
  await using folder = await files({ "a.proto": text });
  const { stdout } = await runCommand(folder.path, "describe", ["a.proto"]);
  expect(stdout).toContain('\n  reserved 5, 7 to max, "b"\n');
});
