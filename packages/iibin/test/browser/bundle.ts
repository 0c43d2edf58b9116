import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { emitModule } from "../../src/emit/emit-module.ts";
import type { AnySchema } from "../../src/schema.ts";

/** A program for a page, as one script. */
export interface Bundle {
  readonly code: string;
  /** After compression. */
  readonly gzipBytes: number;
  /** What it imports at run time; nothing, when all came along. */
  readonly imports: readonly string[];
}

/**
 * Bundles and minifies a program: a file, or text that is as if it lay in this folder. It may import
 * `built`, the module that `king iibin build` writes for `schemas`.
 */
export async function bundle(
  program: string | URL,
  schemas: readonly AnySchema[] = [],
): Promise<Bundle> {
  const folder = import.meta.dirname;
  const result = await build({
    ...(typeof program === "string"
      ? { stdin: { contents: program, resolveDir: folder, sourcefile: "page.ts", loader: "ts" } }
      : { entryPoints: [fileURLToPath(program)] }),
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2023",
    conditions: ["king-source"],
    metafile: true,
    write: false,
    logLevel: "silent",
    plugins: [
      {
        name: "built",
        setup({ onLoad, onResolve }) {
          onResolve({ filter: /^built$/ }, () => ({
            path: join(folder, "built.js"),
            namespace: "b",
          }));
          onLoad({ filter: /./, namespace: "b" }, () => ({
            contents: emitModule(schemas).code,
            resolveDir: folder,
          }));
        },
      },
    ],
  });
  const code = result.outputFiles[0]?.text ?? "";
  const imports = Object.values(result.metafile.outputs).flatMap((output) =>
    output.imports.map(({ path }) => path),
  );
  return { code, gzipBytes: gzipSync(code, { level: 9 }).byteLength, imports };
}
