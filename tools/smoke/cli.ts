// Uses the installed king command in an application without planes.
import { deepEqual, equal, match } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { findPlanes } from "@king-runtime/cli";

const command = join(import.meta.dirname, "node_modules/@king-runtime/cli/dist/main.js");
const king = (...args: string[]) =>
  spawnSync(process.execPath, [command, ...args], { encoding: "utf8" });

const doctor = king("doctor", "--json");
equal(doctor.status, 0, doctor.stdout + doctor.stderr);
const {
  healthy,
  findings,
}: { healthy: boolean; findings: { subject: string; message: string }[] } = JSON.parse(
  doctor.stdout,
);
equal(healthy, true);
equal(findings.find(({ subject }) => subject === "node")?.message, process.version);

const schema = king("config", "schema");
equal(schema.status, 0, schema.stderr);
equal(JSON.parse(schema.stdout).type, "object");

match(king("--version").stdout, /^\d+\.\d+\.\d+\n$/);
match(spawnSync("node_modules/.bin/king", ["--help"], { encoding: "utf8" }).stdout, /doctor/);
deepEqual(await findPlanes({ cwd: import.meta.dirname }), []);
