import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runProcess } from "./processes.ts";

/** A package's README, for tests that hold it to the truth. */
export interface Readme {
  readonly text: string;
  /** Its TypeScript examples in order. */
  readonly examples: readonly string[];
  /** First cells of the rows of each table, without back-ticks; one array for each table. */
  readonly tables: readonly (readonly string[])[];
}

/** Reads the README of the package at `folder`. */
export async function readReadme(folder: string): Promise<Readme> {
  const text = await readFile(join(folder, "README.md"), "utf8");
  const examples = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);
  const tables = [...text.matchAll(/(?:^\|.*\n)+/gm)].map(([table]) =>
    table
      .trimEnd()
      .split("\n")
      .slice(2)
      .map((row) => (row.split("|")[1] ?? "").trim().replaceAll("`", "")),
  );
  return { text, examples, tables };
}

/**
 * Runs an example as its own program, in the package at `folder`, from the sources.
 *
 * @returns what it wrote to standard output.
 * @throws Error with what it wrote to standard error, when it fails or does not end by itself.
 */
export async function runExample(code: string, folder: string): Promise<string> {
  const result = await runProcess({
    command: process.execPath,
    args: ["--conditions=king-source", "--input-type=module-typescript", "--eval", code],
    cwd: folder,
  });
  if (result.code !== 0) throw new Error(`the example failed: ${result.stderr}`);
  return result.stdout;
}
