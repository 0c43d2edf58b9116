import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { temporaryFolder } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { emitModule } from "../../src/emit/emit-module.ts";
import { importProto } from "../../src/proto/import-proto.ts";
import { runCommand } from "./run-command.ts";

const source = `syntax = "proto3"; package shop;
  enum State { OPEN = 0; } message Order { uint64 id = 1; State state = 2; }`;

async function shop() {
  const folder = await temporaryFolder("iibin-build");
  await writeFile(folder.join("shop.proto"), source);
  return folder;
}

test("writes a module and its types, and says so", async () => {
  await using folder = await shop();
  const registry = importProto(source);
  const expected = emitModule([...registry.enums(), ...registry.schemas()]);
  expect(await runCommand(folder.path, "build", ["shop.proto"], { out: "gen/shop.js" })).toEqual({
    code: 0,
    stdout: "wrote gen/shop.js and gen/shop.d.ts: schemas 1, enums 1\n",
    stderr: "",
  });
  expect(await readFile(folder.join("gen/shop.js"), "utf8")).toBe(expected.code);
  expect(await readFile(folder.join("gen/shop.d.ts"), "utf8")).toBe(expected.types);
  expect((await readdir(folder.join("gen"))).sort()).toEqual(["shop.d.ts", "shop.js"]);
});

test("names the types of .mjs as TypeScript looks for them", async () => {
  await using folder = await shop();
  await runCommand(folder.path, "build", ["shop.proto"], { out: "shop.mjs" });
  expect(await readdir(folder.path)).toContain("shop.d.mts");
});

test("renames what is called like something the module imports", async () => {
  await using folder = await shop();
  await writeFile(
    folder.join("shop.proto"),
    'syntax = "proto3"; message readKey { int32 a = 1; } message Codec {}',
  );
  await runCommand(folder.path, "build", ["shop.proto"], { out: "shop.js" });
  const code = await readFile(folder.join("shop.js"), "utf8");
  expect(code).toMatch(/^import .*\breadKey\b/m);
  expect(code.match(/^export const \w+/gm)).toEqual([
    "export const readKey_",
    "export const Codec_",
  ]);
});

test("replaces what it wrote", async () => {
  await using folder = await shop();
  await runCommand(folder.path, "build", ["shop.proto"], { out: "shop.js" });
  await writeFile(folder.join("shop.proto"), 'syntax = "proto3"; message Other {}');
  await runCommand(folder.path, "build", ["shop.proto"], { out: "shop.js" });
  expect(await readFile(folder.join("shop.js"), "utf8")).toContain("Other");
});

test.each(["shop.js", "shop.d.ts"])(
  "leaves a %s of someone else alone, unless forced",
  async (name) => {
    await using folder = await shop();
    await writeFile(folder.join(name), "// mine\n");
    await expect(
      runCommand(folder.path, "build", ["shop.proto"], { out: "shop.js" }),
    ).rejects.toThrow(
      `${folder.join(name)}: expected no file or one that this command wrote, got another; --force replaces it`,
    );
    expect((await readdir(folder.path)).sort()).toEqual([name, "shop.proto"].sort());
    expect(await readFile(folder.join(name), "utf8")).toBe("// mine\n");

    await runCommand(folder.path, "build", ["shop.proto"], { out: "shop.js", force: true });
    expect(await readFile(folder.join(name), "utf8")).not.toContain("mine");
  },
);

test("leaves nothing half-written when a file cannot take its place", async () => {
  await using folder = await shop();
  await mkdir(folder.join("shop.js"));
  await expect(
    runCommand(folder.path, "build", ["shop.proto"], { out: "shop.js", force: true }),
  ).rejects.toThrow();
  expect((await readdir(folder.path)).sort()).toEqual(["shop.js", "shop.proto"]);
});

test.each([
  [{}, "--out: expected a path that ends in .js or .mjs, got none"],
  [{ out: "shop.ts" }, "--out: expected a path that ends in .js or .mjs, got shop.ts"],
])("refuses %j", async (options, says) => {
  await using folder = await shop();
  await expect(runCommand(folder.path, "build", ["shop.proto"], options)).rejects.toThrow(says);
});
