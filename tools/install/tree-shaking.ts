import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { StageReport } from "../stage.ts";
import { listPackages } from "../workspace.ts";
import type { App } from "./app.ts";

/** What `import { defineConfig } from "king-runtime"` may weigh, minified and compressed. */
const configBudgetBytes = 3_000;

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
    const bytes = gzipSync(code, { level: 9 }).byteLength;
    report.note(`defineConfig from king-runtime: ${bytes} bytes min+gzip`);
    if (bytes > configBudgetBytes) {
      throw new Error(`expected at most ${configBudgetBytes} bytes min+gzip, got ${bytes}`);
    }
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
