import { writeFile } from "node:fs/promises";
import { expect, test, vi } from "vitest";
import { readReadme, runExample, temporaryFolder } from "../src/index.ts";

// Processes and full sockets take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

test("finds the examples and the tables of a README", async () => {
  await using folder = await temporaryFolder();
  const lines = ["# x", "```sh", "npm", "```", "```ts", "let a: 1;", "```", "", "| a | b |"];
  await writeFile(folder.join("README.md"), [...lines, "|---|---|", "| `x` | y |", ""].join("\n"));
  expect(await readReadme(folder.path)).toMatchObject({
    examples: ["let a: 1;\n"],
    tables: [["x"]],
  });
});

test("runs an example as TypeScript in the package, and fails with what it said", async () => {
  const folder = import.meta.dirname;
  const code = `import { systemClock } from "@king-runtime/core"; const t: number = systemClock.now(); console.log(typeof t);`;
  expect(await runExample(code, folder)).toBe("number\n");
  await expect(runExample(`throw new Error("stale");`, folder)).rejects.toThrow(/stale/);
});
