import { readFileSync, statSync } from "node:fs";
import type { OperatorLayer } from "../config/config.ts";
import { configErrors } from "../config/errors.ts";

const largestBytes = 1_048_576;

/**
 * Reads the operator's file, such as `king.config.json`, for `defineConfig`, which validates it.
 *
 * @returns an empty layer when there is no file and `optional` is set.
 * @throws {KingError} KING_CONFIG_INVALID when it cannot be read, is larger than 1 MiB, or is not a
 * JSON object.
 */
export function readOperatorFile(path: string, options?: { optional?: boolean }): OperatorLayer {
  const fail = (message: string, cause?: unknown) =>
    configErrors.create(
      "KING_CONFIG_INVALID",
      `${path}: ${message}`,
      { issues: [{ key: path, message }] },
      cause === undefined ? {} : { cause },
    );
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > largestBytes) throw fail(`expected at most ${largestBytes} bytes, got ${size}`);
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (configErrors.is(cause)) throw cause;
    if (options?.optional && (cause as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw fail("expected a readable file", cause);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw fail(`expected JSON, got ${(cause as Error).message}`, cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fail("expected a JSON object");
  }
  return value as OperatorLayer;
}
