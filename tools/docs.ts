/**
 * `npm run docs` writes the generated pages of docs/; with `--check` it writes nothing, and fails
 * when a page does not say what the sources say.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { generatedPages } from "./docs/generated-pages.ts";
import { root } from "./workspace.ts";

const check = process.argv.includes("--check");

for (const [path, text] of Object.entries(await generatedPages())) {
  const file = join(root, path);
  const present = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (present === text) continue;
  if (check) {
    console.error(`${path} is not what the sources say: npm run docs`);
    process.exitCode = 1;
  } else {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    console.log(`wrote ${path}`);
  }
}
