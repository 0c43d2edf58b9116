import { join } from "node:path";
import { expect, test } from "vitest";
import { fixtureApp, kettle } from "./fixture-app.ts";
import { king } from "./king-command.ts";

/** What the application itself tells the command, beside the kettle that it depends on. */
const own = `
import { defineSection, integerKey } from "@king-runtime/core";
export const plane = {
  name: "kitchen",
  sections: [defineSection("kitchen", { seats: integerKey({ default: 4, doc: "Chairs." }) })],
  commands: [{ name: "open", summary: "let guests in", async run() { return 3; } }],
};
`;

async function kitchenApp(source: string, manifest: Readonly<Record<string, unknown>> = {}) {
  const app = await fixtureApp({ kettle });
  const said = {
    name: "kitchen-app",
    version: "0.1.0",
    private: true,
    type: "module",
    exports: { "./cli": "./src/cli.js" },
    dependencies: { "@king-runtime/kettle": "^1.0.0" },
    ...manifest,
  };
  await app.write("package.json", JSON.stringify(said));
  await app.write("src/cli.js", source);
  return app;
}

test("the application's own settings are known, beside those of its planes", async () => {
  await using app = await kitchenApp(own);
  const env = { KING_KITCHEN_SEATS: "6", KING_KETTLE_MAX_WATER_BYTES: "5" };
  expect(await king(app.path, ["config", "check"], env)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^valid: 2 settings/),
    stderr: "",
  });
  const { stdout } = await king(join(app.path, "src"), ["config", "explain"], env);
  expect(stdout).toMatch(/^kitchen\.seats +6 +environment$/m);
  expect(stdout).toMatch(/^kettle\.maxWaterBytes +5 bytes +environment$/m);
  const doctor = await king(app.path, ["doctor"], env);
  expect(doctor.code).toBe(0);
  expect(doctor.stdout).toMatch(/^ok {7}kitchen-app: 0\.1\.0$/m);
  const mistaken = await king(app.path, ["config", "check"], { KING_KITCHEN_SEATS: "many" });
  expect(mistaken).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("KING_KITCHEN_SEATS"),
  });
});

test("the application's own commands are added", async () => {
  await using app = await kitchenApp(own);
  expect((await king(app.path, ["kitchen", "open"])).code).toBe(3);
});

test.each([
  { what: "does not load", source: 'throw new Error("closed");', manifest: {}, says: "closed" },
  {
    what: "exports nothing of use",
    source: "export const x = 1;",
    manifest: {},
    says: 'kitchen-app/cli: expected an export "plane"',
  },
  {
    what: "is of an application without a name",
    source: own,
    manifest: { name: undefined },
    says: 'package.json: expected a "name"',
  },
])("an entry that $what is named, and the others go on", async ({ source, manifest, says }) => {
  await using app = await kitchenApp(source, manifest);
  const result = await king(app.path, ["kettle", "boil", "rain"]);
  expect(result.code).toBe(7);
  expect(result.stderr).toContain(says);
  expect((await king(app.path, ["doctor"])).code).toBe(1);
});

test.each([
  { exports: "./main.js" },
  { exports: null },
  { exports: {} },
  { exports: ["./main.js"] },
])("an application with $exports for exports has no settings of its own", async (manifest) => {
  await using app = await kitchenApp(own, manifest);
  expect(await king(app.path, ["config", "check"])).toMatchObject({ code: 0, stderr: "" });
  const { stdout } = await king(app.path, ["config", "explain"]);
  expect(stdout).toContain("kettle.verifyLid");
  expect(stdout).not.toContain("kitchen");
});

test("a plane whose exports are one path has no settings", async () => {
  await using app = await fixtureApp({ kettle, cup: undefined });
  const manifest = { name: "@king-runtime/cup", version: "1.2.3", exports: "./index.js" };
  await app.write("node_modules/@king-runtime/cup/package.json", JSON.stringify(manifest));
  const doctor = await king(app.path, ["doctor"]);
  expect(doctor).toMatchObject({ code: 0, stderr: "" });
});

test("a plane can be looked at from its own folder", async () => {
  const objectstore = join(import.meta.dirname, "../../objectstore");
  const { stdout, code } = await king(objectstore, ["config", "explain", "objectstore.maxBytes"]);
  expect({ code, first: stdout.split("\n")[0] }).toEqual({
    code: 0,
    first: "objectstore.maxBytes",
  });
});

test("the settings of the example are known in its folder", async () => {
  const example = join(import.meta.dirname, "../../../examples/bucket-watch");
  const env = { KING_BUCKET_WATCH_PORT: "0" };
  const checked = await king(example, ["config", "check"], env);
  expect(checked).toMatchObject({ code: 0, stdout: expect.stringMatching(/^valid: 1 settings/) });
  const { stdout } = await king(example, ["config", "explain"], env);
  expect(stdout).toMatch(/^bucketWatch\.port +0 port +environment$/m);
  expect(stdout).toContain("objectstore.maxBytes");
});
