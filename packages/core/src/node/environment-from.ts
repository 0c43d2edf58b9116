import { readFileSync, statSync } from "node:fs";
import { type EnvironmentLayer, environmentLayer } from "../config/environment.ts";

const largestSecretBytes = 65_536;

/**
 * Makes the `environment` of `defineConfig` from variables such as `process.env`, able to read the
 * files that `KING_..._FILE` names; a file of more than 65,536 bytes is refused.
 */
export function environmentFrom(
  variables: Readonly<Record<string, string | undefined>>,
): EnvironmentLayer {
  return environmentLayer({
    variables,
    readFile(path) {
      const { size } = statSync(path);
      if (size > largestSecretBytes) {
        const message = `expected at most ${largestSecretBytes} bytes, got ${size}`;
        throw Object.assign(new Error(message), { code: "EFBIG" });
      }
      return readFileSync(path, "utf8");
    },
  });
}
