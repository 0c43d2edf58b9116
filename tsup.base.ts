import { readFileSync } from "node:fs";
import { defineConfig } from "tsup";

interface Manifest {
  exports: Record<string, string | { "king-source": string }>;
  king?: { browser?: boolean };
}

// Every "king-source" entry of package.json's exports is one entry point: listed once, there.
const manifest: Manifest = JSON.parse(readFileSync("package.json", "utf8"));
const entry = Object.values(manifest.exports).flatMap((target) =>
  typeof target === "string" ? [] : [target["king-source"]],
);

export default defineConfig({
  entry,
  format: "esm",
  target: "node24",
  platform: "node",
  dts: true,
  sourcemap: true,
  clean: true,
  silent: true,
});
