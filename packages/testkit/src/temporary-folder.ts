import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that goes away with everything in it when disposed. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
  /** A path inside; nothing is made. */
  join(...segments: string[]): string;
}

/** Makes an empty folder under the system's temporary one. */
export async function temporaryFolder(name = "king"): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), `${name}-`));
  return {
    path,
    join: (...segments) => join(path, ...segments),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}
