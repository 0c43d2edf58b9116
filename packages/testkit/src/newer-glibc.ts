import { existsSync } from "node:fs";
import { join } from "node:path";

/**
 * The C and C++ libraries of a newer Debian, unpacked beside those of the machine for programs built
 * for newer systems; nothing is installed, and nothing else runs with them.
 */
export const newerGlibc = {
  /** What such programs need at least. */
  neededVersion: [2, 38],
  /** The release of Debian the libraries are of. */
  suite: "trixie",
  debianPackages: ["libc6", "libstdc++6", "libgcc-s1"],
  /** Where they lie once they were fetched. */
  folder: join(import.meta.dirname, "../../../node_modules/.cache/king-glibc"),
  /** How to get them. */
  remedy: "on Debian: KING_INSTALL=1 npm test as root unpacks a newer C library into node_modules",
} as const;

/** The words that start a program. */
export interface ProgramCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/**
 * How to start a program that needs a newer glibc: as it is where the machine's is new enough or it
 * has no glibc, otherwise with {@link newerGlibc}; `undefined` when that is not there.
 */
export function commandForNewerGlibc(program: string): ProgramCommand | undefined {
  if (process.platform !== "linux" || isNewEnough(machineGlibc()))
    return { command: program, args: [] };
  const folder = join(newerGlibc.folder, "usr/lib/x86_64-linux-gnu");
  const loader = join(folder, "ld-linux-x86-64.so.2");
  if (process.arch !== "x64" || !existsSync(loader)) return undefined;
  return { command: loader, args: ["--library-path", folder, program] };
}

/** Version of the glibc that Node runs with; empty for systems with another C library. */
function machineGlibc(): string {
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  // It would look up the names of all peers.
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime ?? "";
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [neededMajor, neededMinor] = newerGlibc.neededVersion;
  return major > neededMajor || (major === neededMajor && minor >= neededMinor);
}
