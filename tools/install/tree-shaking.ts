import { globSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { StageReport } from "../stage.ts";
import { listPackages } from "../workspace.ts";
import { type App, runInApp } from "./app.ts";

/** What `import { defineConfig } from "king-runtime"` may weigh, minified and compressed. */
const configBudgetBytes = 3_000;

/**
 * What a schema of five fields may weigh as installed, with all it needs to encode and decode. What it
 * weighs from sources is for the package's own tests.
 */
const schemaBudgetBytes = { built: 8_000, atRunTime: 22_000 };

/** Strings that survive minification and show that a vendor's code came along. */
const vendorCanaries: Readonly<Record<string, string>> = {
  undici: "UND_ERR_",
  ws: "permessage-deflate",
};

/** Proves what bundlers leave out, and that each proof would notice if they did not. */
export async function checkTreeShaking(app: App, report: StageReport): Promise<void> {
  await report.check(`king-runtime: defineConfig alone in ${configBudgetBytes} bytes`, async () => {
    const code = await bundle(
      app,
      'import { defineConfig } from "king-runtime"; console.log(defineConfig);',
    );
    checkSize("defineConfig from king-runtime", code, configBudgetBytes, report);
    const found = Object.entries(allCanaries()).filter(([, canary]) => code.includes(canary));
    if (found.length > 0) {
      throw new Error(`came along: ${found.map(([name, it]) => `${name} (${it})`).join(", ")}`);
    }
  });

  await report.check("king-runtime: the canaries of whole planes are found", async () => {
    const planes = Object.keys(planeCanaries());
    const imports = planes.map((name) => `import * as ${name} from "king-runtime/${name}";`);
    const code = await bundle(app, `${imports.join("\n")} console.log(${planes.join(", ")});`);
    const missed = Object.entries(allCanaries()).filter(([, canary]) => !code.includes(canary));
    if (missed.length > 0) {
      throw new Error(`not found: ${missed.map(([name, it]) => `${name} (${it})`).join(", ")}`);
    }
  });

  await report.check(`iibin: a built schema in ${schemaBudgetBytes.built} bytes`, async () => {
    await writeFile(
      join(app.folder, "small.proto"),
      `syntax = "proto3";
      message Small { uint32 id = 1; int64 ts = 2; double value = 3; string name = 4; bool ok = 5; }`,
    );
    const king = join("node_modules", "@king-runtime", "cli", "dist", "main.js");
    const build = ["iibin", "build", "small.proto", "--out", "small.js", "--force"];
    await runInApp(app, process.execPath, [king, ...build]);
    const code = await bundle(
      app,
      'import { Small } from "./small.js"; console.log(Small.decode(Small.encode({ id: 1 })));',
      "browser",
    );
    checkSize("a built schema", code, schemaBudgetBytes.built, report);
  });

  await report.check(`iibin: a schema in ${schemaBudgetBytes.atRunTime} bytes`, async () => {
    const code = await bundle(
      app,
      `import { decode, defineSchema, encode } from "king-runtime/iibin";
      const Small = defineSchema("Small", { id: { tag: 1, type: "uint32" } });
      console.log(decode(Small, encode(Small, { id: 1 })));`,
      "browser",
    );
    checkSize("a schema defined at run time", code, schemaBudgetBytes.atRunTime, report);
  });

  await report.check("core: the root bundles for a browser", async () => {
    const code = await bundle(
      app,
      'import * as core from "@king-runtime/core"; console.log(core);',
      "browser",
    );
    if (/["'`]node:/.test(code)) throw new Error("a node: import was left in the bundle");
  });

  await report.check("core: a node: import would have been noticed", async () => {
    const refused = await bundle(
      app,
      'import * as node from "@king-runtime/core/node"; console.log(node);',
      "browser",
    ).then(
      () => false,
      () => true,
    );
    if (!refused) throw new Error("@king-runtime/core/node bundled for a browser");
  });
}

function checkSize(what: string, code: string, budgetBytes: number, report: StageReport): void {
  const bytes = gzipSync(code, { level: 9 }).byteLength;
  report.note(`${what}: ${bytes} bytes min+gzip`);
  if (bytes > budgetBytes) {
    throw new Error(`expected at most ${budgetBytes} bytes min+gzip, got ${bytes}`);
  }
}

function allCanaries(): Record<string, string> {
  return { ...planeCanaries(), ...vendorCanaries };
}

/** For each plane one error code that is found in its build and in that of no package below it. */
function planeCanaries(): Record<string, string> {
  const codes = new Map(
    listPackages()
      .filter(({ name }) => name !== "king-runtime" && name !== "cli")
      .map(({ name, folder }) => {
        const code = globSync("dist/*.js", { cwd: folder })
          .map((file) => readFileSync(join(folder, file), "utf8"))
          .join("");
        return [name, new Set(code.match(/\bKING_[A-Z0-9]+_[A-Z0-9_]+\b/g))];
      }),
  );
  const core = codes.get("core") ?? new Set();
  codes.delete("core");
  return Object.fromEntries(
    [...codes].map(([name, own]) => {
      const canary = [...own].find((code) => !core.has(code));
      if (canary === undefined) throw new Error(`${name} has no error code of its own`);
      return [name, canary];
    }),
  );
}

async function bundle(
  app: App,
  contents: string,
  platform: "node" | "browser" = "node",
): Promise<string> {
  const result = await build({
    stdin: { contents, resolveDir: app.folder },
    bundle: true,
    minify: true,
    format: "esm",
    platform,
    target: "es2023",
    write: false,
    logLevel: "silent",
  });
  return result.outputFiles[0]?.text ?? "";
}
