import { readFile } from "node:fs/promises";

/** The part of esbuild's plugin contract that is used here; tsup brings an esbuild of its own. */
interface PluginHost {
  onLoad(
    options: { filter: RegExp },
    load: (file: { path: string }) => Promise<{ contents: string; loader: "ts" }>,
  ): void;
}

const declarations = /^(?:export )?const \w+(?:: [^=]+)? = (?=(?:defineErrors|defineSection)\b)/gm;
const frozenLiterals = /^(?:export )?const \w+(?:: [^=]+)? = (?=Object\.freeze\(\{)/gm;
const members =
  /^ *\w+: (?=(?:errorCode|(?:boolean|integer|bytes|duration|string|enum|list)Key)\b)/gm;

/**
 * Marks the tables that modules declare at their top level as free of side effects, so that bundlers
 * leave out the tables of what is not used. The functions' own annotation does not reach the calls
 * of other modules in every bundler.
 */
export const pureDeclarations = {
  name: "pure-declarations",
  setup(host: PluginHost): void {
    host.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
      let contents = await readFile(path, "utf8");
      for (const pattern of [declarations, frozenLiterals, members]) {
        contents = contents.replace(pattern, "$&/* @__PURE__ */ ");
      }
      return { contents, loader: "ts" };
    });
  },
};
