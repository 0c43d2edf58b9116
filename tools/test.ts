/**
 * What `npm test` runs: every stage, even when one failed; what failed is shown in full, and the
 * very last line of standard output is the sum over all stages.
 *
 * `KING_REQUIRE_ALL=1` makes a skipped check a failure, `KING_INSTALL=1` installs missing system
 * software as root, `KING_NODE=24` runs tests on the oldest supported Node, `KING_FUZZ_RUNS` sets
 * the runs of each fuzz test.
 */
import { availableParallelism } from "node:os";
import { interruptCommands } from "./command.ts";
import { runStages, type StageResult, type Totals } from "./stage.ts";
import { buildStage } from "./stages/build.ts";
import { docsStage } from "./stages/docs.ts";
import { formatStage } from "./stages/format.ts";
import { installStage } from "./stages/install.ts";
import { manifestsStage } from "./stages/manifests.ts";
import { softwareStage } from "./stages/software.ts";
import { typeCheckStage } from "./stages/type-check.ts";
import { vitestStage } from "./stages/vitest.ts";

const requireAll = process.env["KING_REQUIRE_ALL"] === "1";

const stages = [
  softwareStage,
  formatStage,
  buildStage,
  typeCheckStage,
  docsStage,
  vitestStage,
  manifestsStage,
  installStage,
];

// Commands run in process groups of their own, which an interrupt from the terminal does not reach.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interruptCommands);

const started = performance.now();
const only = process.argv.slice(2);
const unknown = only.filter((name) => !stages.some((stage) => stage.name === name));
if (unknown.length > 0) {
  const names = stages.map(({ name }) => name).join(", ");
  throw new Error(`expected some of ${names}, got ${unknown.join(", ")}`);
}
const results = await runStages(
  only.length === 0 ? stages : stages.filter(({ name }) => only.includes(name)),
  { cores: Math.min(availableParallelism(), 4), onResult: print },
);
const totals = sum(results);
if (requireAll && totals.skipped > 0) {
  console.log(`\nKING_REQUIRE_ALL=1: ${totals.skipped} skipped, each counts as a failure`);
  totals.failed += totals.skipped;
  totals.skipped = 0;
}
console.log(`\n${((performance.now() - started) / 1000).toFixed(1)} s`);
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 ? 1 : 0;

function print(result: StageResult): void {
  const counts = [
    `${result.passed} passed`,
    ...(result.failed > 0 ? [`${result.failed} failed`] : []),
    ...(result.skipped > 0 ? [`${result.skipped} skipped`] : []),
  ].join(", ");
  const verdict = result.failed > 0 ? "FAILED" : "ok";
  console.log(
    `${verdict.padEnd(7)}${result.name.padEnd(11)}${result.seconds.toFixed(1).padStart(6)} s   ${counts}`,
  );
  for (const note of result.notes) console.log(`       ${note}`);
  for (const failure of result.failures) {
    console.log(`\n--- ${result.name}: ${failure.trimEnd()}\n`);
  }
}

function sum(all: readonly StageResult[]): Totals {
  const total: Totals = { passed: 0, failed: 0, skipped: 0 };
  for (const each of all) {
    total.passed += each.passed;
    total.failed += each.failed;
    total.skipped += each.skipped;
  }
  return total;
}
