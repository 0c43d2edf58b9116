import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** A program that is neither ours nor on npm. */
export interface Software {
  /** Names and absolute paths to look for, best first. */
  readonly commands: readonly string[];
  /** The Debian package that brings it. */
  readonly debianPackage: string;
  /** How to get it elsewhere. */
  readonly otherwise: string;
}

/** Programs that tests talk to, by the name tests use. */
export const software = {
  chromium: {
    commands: [
      "chromium",
      "chromium-browser",
      "google-chrome",
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
      "/Applications/Chromium.app/Contents/MacOS/Chromium",
    ],
    debianPackage: "chromium",
    otherwise: "install Chromium or Google Chrome",
  },
  caddy: {
    commands: ["caddy"],
    debianPackage: "caddy",
    otherwise: "install Caddy 2",
  },
  curl: {
    commands: ["curl"],
    debianPackage: "curl",
    otherwise: "install curl with HTTP/2",
  },
  h2load: {
    commands: ["h2load"],
    debianPackage: "nghttp2-client",
    otherwise: "install the clients of nghttp2",
  },
  gtlsclient: {
    commands: ["gtlsclient"],
    debianPackage: "ngtcp2-client",
    otherwise: "build the examples of ngtcp2 with GnuTLS",
  },
  gtlsserver: {
    commands: ["gtlsserver", "/usr/sbin/gtlsserver"],
    debianPackage: "ngtcp2-server",
    otherwise: "build the examples of ngtcp2 with GnuTLS",
  },
  nghttp: {
    commands: ["nghttp"],
    debianPackage: "nghttp2-client",
    otherwise: "install the clients of nghttp2",
  },
  nginx: {
    commands: ["nginx", "/usr/sbin/nginx"],
    debianPackage: "nginx",
    otherwise: "install nginx",
  },
  python: {
    commands: ["python3"],
    debianPackage: "python3",
    otherwise: "install Python 3",
  },
} as const satisfies Record<string, Software>;

export type SoftwareName = keyof typeof software;

/** Absolute path of an installed program; `undefined` when there is none. */
export function findSoftware(name: SoftwareName): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter(Boolean);
  for (const command of software[name].commands) {
    const candidates = command.startsWith("/")
      ? [command]
      : folders.map((folder) => join(folder, command));
    const found = candidates.find(isExecutable);
    if (found) return found;
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The part of a running test that {@link requireSoftware} uses; vitest hands it to each test. */
export interface SkippableTest {
  readonly task: { readonly name: string };
  skip(note?: string): never;
}

/**
 * Path of a program the running test needs. Where it is missing the test is skipped, with a line
 * on standard error saying what was not run and how to get it; under `KING_REQUIRE_ALL=1` it fails.
 */
export function requireSoftware(name: SoftwareName, test: SkippableTest): string {
  const found = findSoftware(name);
  if (found !== undefined) return found;
  return notRun(test, `${name} is not installed`, howToGet(name));
}

/**
 * Skips the running test because the machine lacks something, with a line on standard error saying
 * what was not run and how to get it; under `KING_REQUIRE_ALL=1` the test fails instead.
 */
export function notRun(test: SkippableTest, reason: string, remedy: string): never {
  const line = `not run: ${test.task.name} (${reason}; ${remedy})`;
  if (process.env["KING_REQUIRE_ALL"] === "1") throw new Error(line);
  process.stderr.write(`${line}\n`);
  return test.skip(line);
}

/** One clause that tells how to get a program. */
export function howToGet(name: SoftwareName): string {
  const { debianPackage, otherwise } = software[name];
  return process.platform === "linux"
    ? `on Debian: apt-get install ${debianPackage}, or KING_INSTALL=1 as root`
    : otherwise;
}
