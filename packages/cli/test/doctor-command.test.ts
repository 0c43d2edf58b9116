import { cp } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixtureApp, kettle } from "./fixture-app.ts";
import { king } from "./king-command.ts";

async function findings(path: string, env: Record<string, string> = {}) {
  const { code, stdout } = await king(path, ["doctor", "--json"], env);
  const report: {
    healthy: boolean;
    findings: { status: string; subject: string; message: string }[];
  } = JSON.parse(stdout);
  const of = (subject: string) => report.findings.find((each) => each.subject === subject);
  return { code, healthy: report.healthy, of };
}

test("finds a sound installation healthy and names the versions", async () => {
  await using app = await fixtureApp({ kettle, cup: undefined });
  const { code, healthy, of } = await findings(app.path);
  expect({ code, healthy }).toEqual({ code: 0, healthy: true });
  expect(of("node")).toMatchObject({ status: "ok", message: process.version });
  expect(of("@king-runtime/kettle")).toMatchObject({ status: "ok", message: "1.2.3" });
  expect(of("@king-runtime/cup")).toMatchObject({ status: "ok", message: "1.2.3" });
  expect(of("configuration")).toMatchObject({ status: "ok" });

  const plain = await king(app.path, ["doctor"]);
  expect(plain.stdout).toMatch(/^ok {7}@king-runtime\/kettle: 1\.2\.3$/m);
});

test("exits with 1 for a plane that is a dependency but not installed", async () => {
  await using app = await fixtureApp({ kettle });
  const dependencies = { "@king-runtime/kettle": "^1.0.0", "@king-runtime/spoon": "^1.0.0" };
  await app.write("package.json", JSON.stringify({ name: "app", dependencies }));
  const { code, healthy, of } = await findings(app.path);
  expect({ code, healthy }).toEqual({ code: 1, healthy: false });
  expect(of("@king-runtime/spoon")).toMatchObject({
    status: "problem",
    message: "is a dependency, but not installed",
  });
});

test("looks for planes in no folders but the application's and those above it", async () => {
  await using app = await fixtureApp({});
  const dependencies = { "@king-runtime/spoon": "^1.0.0" };
  await app.write("inner/package.json", JSON.stringify({ name: "inner", dependencies }));
  const spoon = '{ "name": "@king-runtime/spoon", "version": "1.0.0" }';
  // The shims of package managers name such folders.
  await app.write("elsewhere/@king-runtime/spoon/package.json", spoon);
  const inner = join(app.path, "inner");
  const missing = await findings(inner, { NODE_PATH: join(app.path, "elsewhere") });
  expect({ code: missing.code, of: missing.of("@king-runtime/spoon") }).toMatchObject({
    code: 1,
    of: { status: "problem", message: "is a dependency, but not installed" },
  });

  await app.write("node_modules/@king-runtime/spoon/package.json", spoon);
  const above = await findings(inner);
  expect(above.of("@king-runtime/spoon")).toMatchObject({ status: "ok", message: "1.0.0" });
});

test.each([
  { content: '{ "name": ', says: /: expected JSON, got / },
  { content: "null", says: /: expected a JSON object$/ },
  { content: "[]", says: /: expected a JSON object$/ },
])("names a package.json that is $content", async ({ content, says }) => {
  await using app = await fixtureApp({ kettle });
  const planeManifest = join("node_modules", "@king-runtime", "kettle", "package.json");
  await app.write(planeManifest, content);
  const { code, of } = await findings(app.path);
  const message = of("@king-runtime/kettle")?.message;
  expect(code).toBe(1);
  expect(message).toContain(join(app.path, planeManifest));
  expect(message).toMatch(says);

  await app.write("package.json", content);
  const broken = await king(app.path, ["doctor"]);
  expect(broken.code).toBe(1);
  expect(broken.stderr).toContain(`king: ${join(app.path, "package.json")}: expected`);
});

test("exits with 1 for a plane that cannot be loaded", async () => {
  await using app = await fixtureApp({ kettle: 'throw new Error("no steam");' });
  const { code, of } = await findings(app.path);
  expect(code).toBe(1);
  expect(of("@king-runtime/kettle")).toEqual({
    status: "problem",
    subject: "@king-runtime/kettle",
    message: "no steam",
  });
});

test("exits with 1 for an operator's file with a mistake, and says what was expected", async () => {
  await using app = await fixtureApp({ kettle });
  await app.write("king.config.json", '{ "kettle": { "maxWaterBytes": "much" } }');
  const { code, of } = await findings(app.path);
  expect(code).toBe(1);
  expect(of("configuration")).toMatchObject({
    status: "problem",
    message: expect.stringContaining("kettle.maxWaterBytes: expected an integer"),
  });
});

test("exits with 1 for a variable that means nothing", async () => {
  await using app = await fixtureApp({ kettle });
  const { code, of } = await findings(app.path, { KING_KETTLE_MAX_WATER_BITES: "5" });
  expect(code).toBe(1);
  expect(of("configuration")?.message).toContain("KING_KETTLE_MAX_WATER_BYTES");
});

test("warns of several copies of core", async () => {
  await using app = await fixtureApp({ kettle });
  const copy = join(app.path, "node_modules/@king-runtime/kettle/node_modules/@king-runtime/core");
  await cp(join(import.meta.dirname, "../../core/package.json"), join(copy, "package.json"));
  const { of } = await findings(app.path);
  expect(of("@king-runtime/core")).toMatchObject({
    status: "warning",
    message: expect.stringMatching(/^2 copies: .*npm dedupe/),
  });
});

test("names optional software with the command that installs it", async () => {
  await using app = await fixtureApp({ kettle });
  const manifest = {
    name: "@king-runtime/kettle",
    version: "1.2.3",
    peerDependencies: { stove: "^2.0.0", tap: "^3.0.0" },
    peerDependenciesMeta: { stove: { optional: true }, tap: { optional: true } },
  };
  await app.write("node_modules/@king-runtime/kettle/package.json", JSON.stringify(manifest));
  await app.write("node_modules/tap/package.json", '{ "name": "tap", "version": "3.1.0" }');
  const { code, of } = await findings(app.path);
  expect(code).toBe(0);
  expect(of("stove")?.message).toBe(
    'optional for @king-runtime/kettle, not installed: npm install "stove@^2.0.0"',
  );
  expect(of("tap")?.message).toBe("3.1.0, optional for @king-runtime/kettle (^3.0.0)");
});

test("looks at the planes it came with when the application has none", async () => {
  await using app = await fixtureApp({});
  const { of } = await findings(app.path);
  expect(of("@king-runtime/transport")?.message).toMatch(/^\d+\.\d+\.\d+/);
});
