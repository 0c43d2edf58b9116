import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Runs `start` while the temporary folder of this process is one that nobody else can look into: the
 * engine writes the private key to `$TMPDIR`, under a name that can be guessed. `start` has read the key
 * when it returns; the folder is gone then.
 */
export function inKeyFolder<Result>(start: () => Result): Result {
  const before = process.env["TMPDIR"];
  const folder = mkdtempSync(join(tmpdir(), "king-quic-")); // mode 0700
  process.env["TMPDIR"] = folder;
  try {
    return start();
  } finally {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
    rmSync(folder, { recursive: true, force: true });
  }
}
