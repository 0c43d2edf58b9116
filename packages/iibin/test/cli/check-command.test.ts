import { writeFile } from "node:fs/promises";
import { temporaryFolder } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { runCommand } from "./run-command.ts";

const head = 'syntax = "proto3";';

async function twoVersions(old: string, next: string) {
  const folder = await temporaryFolder("iibin-check");
  await writeFile(folder.join("old.proto"), head + old);
  await writeFile(folder.join("new.proto"), head + next);
  return folder;
}

test("prints each break and warning, and exits with 1 for a break", async () => {
  await using folder = await twoVersions(
    "message User { int32 age = 1; string name = 2; }",
    "message User { string age = 1; }",
  );
  expect(await runCommand(folder.path, "check", ["old.proto", "new.proto"])).toEqual({
    code: 1,
    stdout: `break    wire-type-changed  User.age (tag 1) was int32 and is string: it lies otherwise on the wire
warning  field-removed      User.name (tag 2) is gone: never use the tag 2 for another field
1 break, 1 warning
`,
    stderr: "",
  });
});

test("exits with 0 when there is no break, warnings or not", async () => {
  await using folder = await twoVersions(
    "message User { int32 age = 1; }",
    "message User { int64 age = 1; } message New {}",
  );
  const warned = await runCommand(folder.path, "check", ["old.proto", "new.proto"]);
  expect(warned.code).toBe(0);
  expect(warned.stdout).toMatch(/^warning {2}range-changed .*\n0 breaks, 1 warning\n$/);
  expect(await runCommand(folder.path, "check", ["old.proto", "old.proto"])).toEqual({
    code: 0,
    stdout: "0 breaks, 0 warnings\n",
    stderr: "",
  });
});

test("prints JSON", async () => {
  await using folder = await twoVersions("message User {}", "");
  const { code, stdout } = await runCommand(folder.path, "check", ["old.proto", "new.proto"], {
    json: true,
  });
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    compatible: false,
    breaks: [{ rule: "definition-removed", schema: "User", message: "the schema User is gone" }],
    warnings: [],
  });
});

test("says where a file is wrong", async () => {
  await using folder = await twoVersions("message User {}", "\nmessage User { int32 }");
  await expect(runCommand(folder.path, "check", ["old.proto", "new.proto"])).rejects.toThrow(
    'new.proto:2:22: expected the name of a field, got "}"',
  );
});
