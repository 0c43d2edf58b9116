import { extname, relative, resolve } from "node:path";
import type { CliCommand } from "@king-runtime/core";
import { iibinErrors } from "../errors.ts";
import { loadDefinitions } from "./load-definitions.ts";
import { writeGenerated } from "./write-generated.ts";

const typesExtension: Readonly<Record<string, string>> = { ".js": ".d.ts", ".mjs": ".d.mts" };

/** `king iibin build`: a module of codecs that needs no code generation at run time. */
export const buildCommand: CliCommand = {
  name: "build",
  summary: "write a module with a codec for each schema, and its types",
  arguments: [{ name: "file", summary: ".proto file or module", required: true }],
  options: [
    { name: "out", value: "path.js", summary: "module to write; its types go beside it" },
    { name: "force", summary: "replace files that were written by something else" },
  ],
  async run({ args, options, cwd, stdout }) {
    const { out } = options;
    const extension = typeof out === "string" ? extname(out) : "";
    const types = typesExtension[extension];
    if (typeof out !== "string" || types === undefined)
      throw iibinErrors.create(
        "KING_IIBIN_OPTION_INVALID",
        `--out: expected a path that ends in .js or .mjs, got ${typeof out === "string" ? out : "none"}`,
        { option: "out" },
      );
    const registry = await loadDefinitions(args["file"] ?? "", cwd);
    const { emitModule } = await import("../emit/emit-module.ts");
    const schemas = registry.schemas();
    const enums = registry.enums();
    const emitted = emitModule([...enums, ...schemas]);
    const code = resolve(cwd, out);
    const files = new Map([
      [code, emitted.code],
      [`${code.slice(0, -extension.length)}${types}`, emitted.types],
    ]);
    await writeGenerated(files, options["force"] === true);
    const written = [...files.keys()].map((path) => relative(cwd, path)).join(" and ");
    stdout.write(`wrote ${written}: schemas ${schemas.length}, enums ${enums.length}\n`);
    return 0;
  },
};
