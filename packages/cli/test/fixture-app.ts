import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { temporaryFolder } from "@king-runtime/testkit";

/** An application in a folder of its own, with planes that exist for the test. */
export interface FixtureApp extends AsyncDisposable {
  readonly path: string;
  /** Adds a file, with the folders it needs. */
  write(path: string, content: string): Promise<void>;
}

/** One plane by the source of its `./cli` entry; `undefined` when it has none. */
export type FixturePlanes = Readonly<Record<string, string | undefined>>;

const core = join(import.meta.dirname, "../../core");

/** Makes an application that depends on `planes`, each installed, and on core from its sources. */
export async function fixtureApp(planes: FixturePlanes): Promise<FixtureApp> {
  const folder = await temporaryFolder();
  const write = async (path: string, content: string) => {
    await mkdir(dirname(join(folder.path, path)), { recursive: true });
    await writeFile(join(folder.path, path), content);
  };
  const dependencies = Object.keys(planes).map((name) => [`@king-runtime/${name}`, "^1.0.0"]);
  await write(
    "package.json",
    JSON.stringify({ name: "app", dependencies: Object.fromEntries(dependencies) }),
  );
  await mkdir(join(folder.path, "node_modules/@king-runtime"), { recursive: true });
  await symlink(core, join(folder.path, "node_modules/@king-runtime/core"));
  for (const [name, source] of Object.entries(planes)) {
    const at = `node_modules/@king-runtime/${name}`;
    const exports = source === undefined ? {} : { "./cli": "./cli.js" };
    await write(
      `${at}/package.json`,
      JSON.stringify({ name: `@king-runtime/${name}`, version: "1.2.3", type: "module", exports }),
    );
    if (source !== undefined) await write(`${at}/cli.js`, source);
  }
  return { path: folder.path, write, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** A plane with two settings and two commands. */
export const kettle = `
import { booleanKey, bytesKey, defineSection, stringKey } from "@king-runtime/core";
export const plane = {
  name: "kettle",
  sections: [
    defineSection("kettle", {
      maxWaterBytes: bytesKey({ default: 1000, max: 5000, doc: "Largest filling.", unlimited: true }),
      verifyLid: booleanKey({ default: true, doc: "Whether the lid must be shut.", security: true }),
      password: stringKey({ default: undefined, doc: "Opens the lid.", secret: true }),
    }),
  ],
  commands: [
    {
      name: "boil",
      summary: "heat the water",
      arguments: [{ name: "water", summary: "which water", required: true }],
      options: [
        { name: "keep-warm", summary: "do not cool down" },
        { name: "degrees", value: "number", summary: "how hot", default: "100" },
      ],
      async run({ args, options, stdout, cwd }) {
        stdout.write(JSON.stringify({ args, options, cwd }) + "\\n");
        return 7;
      },
    },
    { name: "fail", summary: "throw", async run() { throw new Error("the lid is open"); } },
  ],
};
`;
