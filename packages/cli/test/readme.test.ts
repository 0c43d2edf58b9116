import { dirname } from "node:path";
import { readReadme, runExample } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { fixtureApp } from "./fixture-app.ts";
import { king } from "./king-command.ts";

const folder = dirname(import.meta.dirname);
const readme = await readReadme(folder);

test("the example is a plane", async () => {
  const [example = ""] = readme.examples;
  const boil = `await plane.commands[0]?.run({ args: { water: "rain" }, stdout: process.stdout } as never);`;
  expect(await runExample(`${example}\n${boil}`, folder)).toBe("boiled rain\n");
});

test("the table lists every command that is built in", async () => {
  // With a plane that has no commands, those of the umbrella are not looked for.
  await using app = await fixtureApp({ cup: undefined });
  const help = async (...args: string[]) => {
    const { stdout } = await king(app.path, [...args, "--help"]);
    return [...stdout.matchAll(/^ {2}([a-z]+) .*/gm)]
      .map(([, name]) => ["king", ...args, name].join(" "))
      .filter((name) => !name.endsWith(" help"));
  };
  const all = [...(await help()), ...(await help("config"))].filter((it) => it !== "king config");
  const listed = [...readme.text.matchAll(/^\| `(king [a-z]+(?: [a-z]+)?)/gm)].map(
    ([, name]) => name,
  );
  expect(listed).toEqual(all);
});
