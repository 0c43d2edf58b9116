import { readFileSync } from "node:fs";
import { defineConfig } from "tsup";
import { pureDeclarations } from "./tools/pure-declarations.ts";

interface Manifest {
  exports: Record<string, string | { "king-source": string }>;
  bin?: Record<string, string>;
}

// Every "king-source" entry of package.json's exports, and every command, is one entry point:
// listed once, there.
const manifest: Manifest = JSON.parse(readFileSync("package.json", "utf8"));
const entry = [
  ...Object.values(manifest.exports).flatMap((target) =>
    typeof target === "string" ? [] : [target["king-source"]],
  ),
  ...Object.values(manifest.bin ?? {}).map((built) =>
    built.replace("./dist/", "./src/").replace(/\.js$/, ".ts"),
  ),
];

export default defineConfig({
  entry,
  format: "esm",
  target: "node24",
  platform: "node",
  // Some modules, node:sqlite among them, exist under their full name alone.
  removeNodeProtocol: false,
  esbuildPlugins: [pureDeclarations],
  dts: true,
  sourcemap: true,
  clean: true,
  silent: true,
});
