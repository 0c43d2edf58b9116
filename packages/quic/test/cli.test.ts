import { expect, test } from "vitest";
import { plane } from "../src/cli.ts";
import { quicSection } from "../src/index.ts";

test("king quic engines tells what each engine can do, or how to get it", async () => {
  const [command] = plane.commands;
  let told = "";
  const stdout = {
    write(text: string) {
      told += text;
    },
  };
  const { signal } = new AbortController();
  const context = { args: {}, options: {}, stdout, stderr: stdout, cwd: "/", env: {}, signal };
  expect(await command?.run(context)).toBe(0);
  expect(told).toMatch(/^currentspace: (datagrams, .*|expected .*npm install .*)$/m);
  expect(told).toMatch(/^matrix: (datagrams, .*|expected .*npm install .*)$/m);
  expect(plane.sections).toEqual([quicSection]);
});
