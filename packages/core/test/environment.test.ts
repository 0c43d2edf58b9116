import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { configErrors, defineConfig, environmentLayer, environmentName } from "../src/index.ts";
import { environmentFrom, readOperatorFile } from "../src/node.ts";
import { door } from "./sections.ts";

const sections = [door];

test("a variable is named after its section and key", () => {
  expect(environmentName("tls", "minVersion")).toBe("KING_TLS_MIN_VERSION");
  expect(environmentName("http", "maxBodyBytes")).toBe("KING_HTTP_MAX_BODY_BYTES");
});

test.each([
  ["KING_DOOR_ENABLED", "false", "enabled", false],
  ["KING_DOOR_ENABLED", "1", "enabled", true],
  ["KING_DOOR_WIDTH", "100", "width", 100],
  ["KING_DOOR_MAX_PARCEL_BYTES", "Infinity", "maxParcelBytes", Number.POSITIVE_INFINITY],
  ["KING_DOOR_COLOUR", "green", "colour", "green"],
  ["KING_DOOR_VISITORS", "ann, bob", "visitors", ["ann", "bob"]],
  ["KING_DOOR_VISITORS", "", "visitors", []],
] as const)("%s=%s is read as its key's type", (variable, text, key, value) => {
  const config = defineConfig({
    sections,
    environment: environmentLayer({ variables: { [variable]: text } }),
  });
  expect(config.section(door)[key]).toEqual(value);
});

test.each([
  ["KING_DOOR_ENABLED", "yes"],
  ["KING_DOOR_WIDTH", "1e2"],
  ["KING_DOOR_WIDTH", ""],
  ["KING_DOOR_WIDTH", "99999999999999999999"],
  ["KING_DOOR", "1"],
  ["KING_", "1"],
])("%s=%s is refused", (variable, text) => {
  expect(() =>
    defineConfig({ sections, environment: environmentLayer({ variables: { [variable]: text } }) }),
  ).toThrow(`${variable}: `);
});

test("a secret's file that cannot be read joins all else that is wrong, and shows nothing", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "code");
  await writeFile(path, "47\n11");
  const issuesOf = (variables: Record<string, string>) => {
    try {
      defineConfig({ sections, environment: environmentFrom(variables) });
    } catch (error) {
      if (configErrors.is(error, "KING_CONFIG_INVALID")) return error.details.issues;
    }
    throw new Error("expected KING_CONFIG_INVALID");
  };
  const missing = join(folder.path, "none");
  expect(issuesOf({ KING_DOOR_CODE_FILE: missing, KING_DOOR_WIDTH: "1" })).toEqual([
    {
      key: "KING_DOOR_CODE_FILE",
      message: "KING_DOOR_CODE_FILE: expected a readable file, got ENOENT",
    },
    {
      key: "KING_DOOR_WIDTH",
      message: "KING_DOOR_WIDTH: expected an integer from 60 to 200 (cm), got 1",
    },
  ]);
  expect(issuesOf({ KING_DOOR_CODE_FILE: path })[0]?.message).toBe(
    "KING_DOOR_CODE_FILE: expected a string without control characters, got a value that is not shown",
  );
});

test("an unset variable, and one that is not King's, is left alone", () => {
  const variables = { KING_DOOR_WIDTH: undefined, KINGDOM: "x", HOME: "/" };
  const environment = environmentLayer({ variables });
  expect(defineConfig({ sections, environment }).get("door.width")).toBe(80);
});

test("a secret comes from a file, without the newline at its end", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "code");
  await writeFile(path, "4711\n");
  const environment = environmentFrom({ KING_DOOR_CODE_FILE: path });
  expect(defineConfig({ sections, environment }).section(door).code).toBe("4711");
});

test("a secret's file is refused when it is missing, too large, doubled, or cannot be read", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "code");
  await writeFile(path, "x".repeat(70_000));
  const define = (variables: Record<string, string>) => () =>
    defineConfig({ sections, environment: environmentFrom(variables) });
  expect(define({ KING_DOOR_CODE_FILE: join(folder.path, "none") })).toThrow(
    "KING_DOOR_CODE_FILE: expected a readable file",
  );
  expect(define({ KING_DOOR_CODE_FILE: path })).toThrow("expected a readable file, got EFBIG");
  expect(define({ KING_DOOR_CODE: "1", KING_DOOR_CODE_FILE: path })).toThrow("got both");
  expect(define({ KING_DOOR_NAME_FILE: path })).toThrow("no such setting");
  expect(() =>
    defineConfig({
      sections,
      environment: environmentLayer({ variables: { KING_DOOR_CODE_FILE: path } }),
    }),
  ).toThrow("environmentFrom()");
});

test("the operator's file is read, and refused when it is not a JSON object of at most 1 MiB", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "king.config.json");
  expect(readOperatorFile(path, { optional: true })).toEqual({});
  expect(() => readOperatorFile(path)).toThrow("expected a readable file");
  await writeFile(path, '{"$schema": "x", "door": {"width": 70}}');
  expect(defineConfig({ sections, operator: readOperatorFile(path) }).get("door.width")).toBe(70);
  await writeFile(path, "[]");
  expect(() => readOperatorFile(path)).toThrow("expected a JSON object");
  await writeFile(path, "{");
  expect(() => readOperatorFile(path)).toThrow("expected JSON");
  await writeFile(path, " ".repeat(1_048_577));
  expect(() => readOperatorFile(path)).toThrow("expected at most 1048576 bytes");
});
