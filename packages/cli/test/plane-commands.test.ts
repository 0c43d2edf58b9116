import { expect, test } from "vitest";
import { fixtureApp, kettle } from "./fixture-app.ts";
import { king } from "./king-command.ts";

test("adds the commands of an installed plane under the plane's name", async () => {
  await using app = await fixtureApp({ kettle });
  const help = await king(app.path, ["--help"]);
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout).toMatch(/^ {2}kettle +Commands of kettle$/m);

  const planeHelp = await king(app.path, ["kettle", "--help"]);
  expect(planeHelp.stdout).toMatch(/boil \[options\] <water> +heat the water/);
});

test("hands a command its arguments, options and folder, and exits with its code", async () => {
  await using app = await fixtureApp({ kettle });
  const plain = await king(app.path, ["kettle", "boil", "rain"]);
  expect(plain.code).toBe(7);
  expect(JSON.parse(plain.stdout)).toEqual({
    args: { water: "rain" },
    options: { "keep-warm": false, degrees: "100" },
    cwd: app.path,
  });
  const hot = await king(app.path, ["kettle", "boil", "tap", "--keep-warm", "--degrees", "60"]);
  expect(JSON.parse(hot.stdout)).toMatchObject({
    args: { water: "tap" },
    options: { "keep-warm": true, degrees: "60" },
  });
});

test("prints what a command throws, without a stack, and exits with 1", async () => {
  await using app = await fixtureApp({ kettle });
  expect(await king(app.path, ["kettle", "fail"])).toMatchObject({
    code: 1,
    stdout: "",
    stderr: "king: the lid is open\n",
  });
});

test.each([
  { args: ["nope"], says: "unknown command 'nope'" },
  { args: ["kettle", "boil"], says: "missing required argument 'water'" },
  { args: ["kettle", "boil", "rain", "--cold"], says: "unknown option '--cold'" },
])("refuses $args: $says", async ({ args, says }) => {
  await using app = await fixtureApp({ kettle });
  const refused = await king(app.path, args);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(says);
});

test.each([
  { what: "throws while it loads", source: 'throw new Error("no steam");', says: "no steam" },
  {
    what: "exports nothing of use",
    source: "export const x = 1;",
    says: 'expected an export "plane"',
  },
  { what: "does not parse", source: "export const plane = {", says: "Unexpected end of input" },
  {
    what: "describes a command without a name",
    source: "export const plane = { name: 'broken', sections: [], commands: [{}] };",
    says: "",
  },
  {
    what: "takes the name of a command that exists",
    source:
      "export const plane = { name: 'doctor', sections: [], commands: [{ name: 'x', summary: '' }] };",
    says: "doctor",
  },
])("names a plane that $what and goes on with the others", async ({ source, says }) => {
  await using app = await fixtureApp({ broken: source, kettle });
  const result = await king(app.path, ["kettle", "boil", "rain"]);
  expect(result.code).toBe(7);
  expect(result.stderr).toMatch(/^king: @king-runtime\/broken: /);
  expect(result.stderr).toContain(says);
});

test("finds the planes that the umbrella brings", async () => {
  await using app = await fixtureApp({ kettle });
  await app.write(
    "package.json",
    '{ "name": "app", "dependencies": { "king-runtime": "^1.0.0" } }',
  );
  await app.write(
    "node_modules/king-runtime/package.json",
    '{ "name": "king-runtime", "dependencies": { "@king-runtime/kettle": "^1.0.0" } }',
  );
  expect((await king(app.path, ["kettle", "boil", "rain"])).code).toBe(7);
});

test("works from a folder inside the application", async () => {
  await using app = await fixtureApp({ kettle });
  await app.write("src/deep/file.txt", "");
  const result = await king(`${app.path}/src/deep`, ["kettle", "boil", "rain"]);
  expect(result.code).toBe(7);
});

test("prints its version", async () => {
  await using app = await fixtureApp({});
  expect((await king(app.path, ["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
