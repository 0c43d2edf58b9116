import { describe, expect, test } from "vitest";
import { fixtureApp, kettle } from "./fixture-app.ts";
import { king } from "./king-command.ts";

describe("king config check", () => {
  test("accepts an application without an operator's file", async () => {
    await using app = await fixtureApp({ kettle });
    expect(await king(app.path, ["config", "check"])).toMatchObject({
      code: 0,
      stdout: "valid: 0 settings set by the operator or the environment\n",
    });
  });

  test("reads king.config.json and the environment", async () => {
    await using app = await fixtureApp({ kettle });
    await app.write("king.config.json", '{ "kettle": { "maxWaterBytes": 2000 } }');
    const checked = await king(app.path, ["config", "check"], { KING_KETTLE_VERIFY_LID: "true" });
    expect(checked).toMatchObject({ code: 0, stdout: expect.stringMatching(/^valid: 2 settings/) });
  });

  test("names every mistake and exits with 1", async () => {
    await using app = await fixtureApp({ kettle });
    await app.write("my.json", '{ "kettle": { "maxWaterBytes": 9999, "lid": 1 }, "pot": {} }');
    const { code, stderr } = await king(app.path, ["config", "check", "--file", "my.json"]);
    expect(code).toBe(1);
    expect(stderr).toContain("kettle.maxWaterBytes: expected an integer from 0 to 5000");
    expect(stderr).toContain("kettle.lid: no such setting");
    expect(stderr).toContain("pot: no such section");
  });

  test.each([
    { file: "absent.json", content: undefined, says: "expected a readable file" },
    { file: "half.json", content: "{", says: "expected JSON" },
    { file: "list.json", content: "[]", says: "expected a JSON object" },
  ])("refuses $file: $says", async ({ file, content, says }) => {
    await using app = await fixtureApp({ kettle });
    if (content !== undefined) await app.write(file, content);
    const { code, stderr } = await king(app.path, ["config", "check", "--file", file]);
    expect(code).toBe(1);
    expect(stderr).toContain(says);
  });
});

describe("king config explain", () => {
  test("says what one setting is and where it comes from", async () => {
    await using app = await fixtureApp({ kettle });
    await app.write("king.config.json", '{ "kettle": { "maxWaterBytes": "Infinity" } }');
    const { code, stdout } = await king(app.path, ["config", "explain", "kettle.maxWaterBytes"]);
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        "kettle.maxWaterBytes",
        "  Largest filling.",
        '  value        "Infinity"',
        "  from         operator",
        "  default      1000",
        "  expected     an integer from 0 to 5000, or Infinity (bytes)",
        "  locked       no",
        "  environment  KING_KETTLE_MAX_WATER_BYTES",
        "",
      ].join("\n"),
    );
  });

  test("lists every setting, with what is locked", async () => {
    await using app = await fixtureApp({ kettle });
    const { stdout } = await king(app.path, ["config", "explain"]);
    expect(stdout).toMatch(/^kettle\.maxWaterBytes +1000 bytes +default$/m);
    expect(stdout).toMatch(/^kettle\.verifyLid +true +default +locked$/m);
  });

  test("never shows a secret", async () => {
    await using app = await fixtureApp({ kettle });
    const env = { KING_KETTLE_PASSWORD: "swordfish" };
    for (const args of [[], ["--json"], ["kettle.password"]]) {
      const { code, stdout, stderr } = await king(app.path, ["config", "explain", ...args], env);
      expect(code).toBe(0);
      expect(stdout).toContain("[redacted]");
      expect(stdout + stderr).not.toContain("swordfish");
    }
  });

  test("prints JSON in which Infinity is a word", async () => {
    await using app = await fixtureApp({ kettle });
    const env = { KING_KETTLE_MAX_WATER_BYTES: "Infinity" };
    const { stdout } = await king(app.path, ["config", "explain", "--json"], env);
    expect(JSON.parse(stdout)[0]).toMatchObject({
      key: "kettle.maxWaterBytes",
      value: "Infinity",
      from: "environment",
    });
  });

  test("refuses a setting that is not there and gives the nearest", async () => {
    await using app = await fixtureApp({ kettle });
    const { code, stderr } = await king(app.path, ["config", "explain", "kettle.maxWater"]);
    expect(code).toBe(1);
    expect(stderr).toContain("did you mean kettle.maxWaterBytes?");
  });
});

test("king config schema prints the schema of every installed section", async () => {
  await using app = await fixtureApp({ kettle });
  const { code, stdout } = await king(app.path, ["config", "schema"]);
  expect(code).toBe(0);
  const { properties } = JSON.parse(stdout);
  expect(Object.keys(properties)).toContain("kettle");
  expect(properties.kettle.properties.maxWaterBytes).toMatchObject({ default: 1000 });
});
