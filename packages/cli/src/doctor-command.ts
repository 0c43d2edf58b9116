import process from "node:process";
import type { CliCommand, CliContext } from "@king-runtime/core";
import type { InstalledPlane } from "./find-planes.ts";
import { enclosingPackage, findPackage, type InstalledPackage } from "./installed-package.ts";
import { loadPlaneConfig } from "./plane-config.ts";

/** One line of the doctor. */
interface Finding {
  /** A `warning` works, but deserves a look; a `problem` makes the exit code 1. */
  readonly status: "ok" | "warning" | "problem";
  readonly subject: string;
  readonly message: string;
}

/** `king doctor`: whether this application's installation can work. */
export function doctorCommand(planes: readonly InstalledPlane[]): CliCommand {
  return {
    name: "doctor",
    summary: "look for problems of this installation",
    options: [{ name: "json", summary: "print JSON" }],
    async run(context) {
      const findings = [
        nodeFinding(),
        ...planeFindings(planes),
        coreFinding(planes, context.cwd),
        ...optionalFindings(planes),
        configFinding(planes, context),
      ];
      const healthy = findings.every(({ status }) => status !== "problem");
      if (context.options["json"]) {
        context.stdout.write(`${JSON.stringify({ healthy, findings }, null, 2)}\n`);
      } else {
        for (const { status, subject, message } of findings) {
          context.stdout.write(`${status.padEnd(7)}  ${subject}: ${message}\n`);
        }
      }
      return healthy ? 0 : 1;
    },
  };
}

const oldestMajor = 24;
const unknownVersion = "unknown version";
const versionOf = ({ manifest }: InstalledPackage) => manifest.version ?? unknownVersion;

function nodeFinding(): Finding {
  const { version, versions } = process;
  return Number.parseInt(versions.node, 10) >= oldestMajor
    ? { status: "ok", subject: "node", message: version }
    : {
        status: "problem",
        subject: "node",
        message: `expected ${oldestMajor} or later, got ${version}`,
      };
}

function planeFindings(planes: readonly InstalledPlane[]): Finding[] {
  if (planes.length === 0) {
    const message = "none among the dependencies of this application";
    return [{ status: "warning", subject: "planes", message }];
  }
  return planes.map(({ name, version, problem }) =>
    problem === undefined
      ? { status: "ok", subject: name, message: version ?? unknownVersion }
      : { status: "problem", subject: name, message: problem },
  );
}

/** Planes work across copies of core; several waste memory and usually mean a stale lockfile. */
function coreFinding(planes: readonly InstalledPlane[], cwd: string): Finding {
  const name = "@king-runtime/core";
  const users = [
    enclosingPackage(cwd)?.folder,
    import.meta.dirname,
    ...planes.map(({ folder }) => folder),
  ];
  const copies = new Map<string, string>();
  for (const folder of users) {
    const found = folder === undefined ? undefined : findPackage(name, folder);
    if (found !== undefined) copies.set(found.folder, versionOf(found));
  }
  const versions = [...copies.values()].sort();
  if (versions.length <= 1) {
    return { status: "ok", subject: name, message: versions[0] ?? unknownVersion };
  }
  const message = `${versions.length} copies: ${versions.join(", ")}; npm dedupe may leave one`;
  return { status: "warning", subject: name, message };
}

/** What planes can use but do not bring: their optional peers. */
function optionalFindings(planes: readonly InstalledPlane[]): Finding[] {
  return planes.flatMap(({ name, folder }) => {
    const manifest = folder === undefined ? undefined : enclosingPackage(folder)?.manifest;
    return Object.keys(manifest?.peerDependenciesMeta ?? {}).map((peer): Finding => {
      const found = findPackage(peer, folder as string);
      const range = manifest?.peerDependencies?.[peer] ?? "";
      const message =
        found === undefined
          ? `optional for ${name}, not installed: npm install "${peer}@${range}"`
          : `${versionOf(found)}, optional for ${name} (${range})`;
      return { status: "ok", subject: peer, message };
    });
  });
}

function configFinding(planes: readonly InstalledPlane[], context: CliContext): Finding {
  try {
    const set = loadPlaneConfig(planes, context)
      .explain()
      .filter(({ from }) => from !== "default");
    const message = `valid, ${set.length} settings set by the operator or the environment`;
    return { status: "ok", subject: "configuration", message };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { status: "problem", subject: "configuration", message };
  }
}
