import { join } from "node:path";
import { runProcess } from "@king-runtime/testkit";

const main = join(import.meta.dirname, "../src/main.ts");

/** Runs the real command from its sources, as a process of its own. */
export function king(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  return runProcess({
    command: process.execPath,
    args: ["--conditions=king-source", main, ...args],
    cwd,
    env,
  });
}
