import { mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
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
  await mkdir(folder.join("shop.d.ts"));
  await expect(
    runCommand(folder.path, "build", ["shop.proto"], { out: "shop.js", force: true }),
  ).rejects.toThrow();
  expect((await readdir(folder.path)).sort()).toEqual(["shop.d.ts", "shop.proto"]);
});

test("fills an empty file, as a person or a program reserved it", async () => {
  await using folder = await shop();
  await writeFile(folder.join("shop.js"), "");
  await runCommand(folder.path, "build", ["shop.proto"], { out: "shop.js" });
  expect(await readFile(folder.join("shop.js"), "utf8")).toContain("shop_Order");
});

test("writes where a link leads, to a file that is there or not yet, and leaves the link", async () => {
  await using folder = await shop();
  await mkdir(folder.join("real"));
  await symlink(join("real", "there.js"), folder.join("shop.js"));
  await symlink("again.ts", folder.join("shop.d.ts"));
  await symlink(join("real", "types.ts"), folder.join("again.ts"));
  for (const force of [false, true]) {
    await runCommand(folder.path, "build", ["shop.proto"], { out: "shop.js", force });
    expect(await readlink(folder.join("shop.js"))).toBe(join("real", "there.js"));
    expect(await readlink(folder.join("shop.d.ts"))).toBe("again.ts");
    expect((await readdir(folder.join("real"))).sort()).toEqual(["there.js", "types.ts"]);
    expect(await readFile(folder.join("real", "there.js"), "utf8")).toContain("shop_Order");
  }
});

test("follows links within a folder that is one", async () => {
  await using folder = await shop();
  await mkdir(folder.join("far/away"), { recursive: true });
  await symlink(join("far", "away"), folder.join("gen"));
  await symlink(join("..", "shop.js"), folder.join("far/away/shop.js"));
  await runCommand(folder.path, "build", ["shop.proto"], { out: "gen/shop.js" });
  expect((await readdir(folder.join("far"))).sort()).toEqual(["away", "shop.js"]);
  expect(await readlink(folder.join("gen/shop.js"))).toBe(join("..", "shop.js"));
});

test.each<[string, out: string, make: (path: string) => Promise<unknown>, says: string]>([
  ["a folder", "shop.js", (path) => mkdir(path), "got a folder"],
  ["a path in a file", "file/shop.js", async (path) => writeFile(dirname(path), "x"), "in a file"],
  [
    "a path far in a file",
    "file/gen/shop.js",
    async (path) => writeFile(dirname(dirname(path)), "x"),
    "in a file",
  ],
  ["a link to itself", "shop.js", (path) => symlink("shop.js", path), "a link that leads to"],
  ["a link to a folder", "shop.js", (path) => symlink(".", path), "got a folder"],
])("refuses %s, forced or not", async (_, out, make, says) => {
  await using folder = await shop();
  await make(folder.join(out));
  const before = await readdir(folder.path, { recursive: true });
  for (const force of [false, true])
    await expect(
      runCommand(folder.path, "build", ["shop.proto"], { out, force }),
    ).rejects.toMatchObject({
      code: "KING_IIBIN_OPTION_INVALID",
      message: expect.stringContaining(says),
      details: { option: "out" },
    });
  expect(await readdir(folder.path, { recursive: true })).toEqual(before);
});

test.each([
  [{}, "--out: expected a path that ends in .js or .mjs, got none"],
  [{ out: "shop.ts" }, "--out: expected a path that ends in .js or .mjs, got shop.ts"],
])("refuses %j", async (options, says) => {
  await using folder = await shop();
  await expect(runCommand(folder.path, "build", ["shop.proto"], options)).rejects.toThrow(says);
});
