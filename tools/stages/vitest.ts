import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { runCommand } from "../command.ts";
import type { Stage } from "../stage.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { chosenNode, testSwitches, toolEnvironment } from "../tool-environment.ts";
import { root } from "../workspace.ts";

/** What the json reporter writes, as far as it is read here. */
interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    status: string;
    /** Why the file could not be loaded. */
    message: string;
    assertionResults: {
      title: string;
      fullName: string;
      status: string;
      failureMessages: string[];
    }[];
  }[];
}

/** Unit, contract, fuzz and integration tests of every workspace. */
export const vitestStage: Stage = {
  name: "tests",
  after: ["software"],
  // Tests measure memory and deadlines: nothing else runs beside them.
  cores: Number.POSITIVE_INFINITY,
  async run(report) {
    await using folder = await temporaryFolder("king-vitest-");
    const file = join(folder.path, "report.json");
    const result = await runCommand(
      chosenNode(),
      [
        join(root, "node_modules/vitest/vitest.mjs"),
        "run",
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${file}`,
      ],
      { cwd: root, env: toolEnvironment(testSwitches()), timeoutMs: 1_800_000 },
    );
    const notRun = skipLines(result.output);
    for (const line of notRun) report.note(line);
    if (!existsSync(file)) throw new Error(`vitest ended without a report\n${result.output}`);
    const counted: VitestReport = JSON.parse(await readFile(file, "utf8"));
    // A file that could not be loaded has no tests to count.
    const brokenFiles = counted.testResults.filter(
      ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
    ).length;
    const failed = counted.numFailedTests + brokenFiles;
    report.count({
      passed: counted.numPassedTests,
      // Vitest also fails for errors outside any test.
      failed: failed === 0 && result.exitCode !== 0 ? 1 : failed,
      skipped: counted.numPendingTests + counted.numTodoTests,
    });
    // Before the long report, of which a reader may be shown only the beginning.
    for (const line of failureLines(counted)) report.note(line);
    if (result.exitCode !== 0) report.failure(`vitest\n${withoutPassed(result.output)}`);
    await report.check("every skipped test says what it lacks", () => {
      const silent = counted.testResults
        .flatMap(({ assertionResults }) => assertionResults)
        .filter(({ status }) => status !== "passed" && status !== "failed")
        .filter(({ title }) => !notRun.some((line) => line.includes(title)))
        .map(({ fullName }) => fullName);
      if (silent.length > 0) throw new Error(`skipped in silence:\n${silent.join("\n")}`);
    });
  },
};

/** A line for every failed test and for every file that could not be loaded. */
function failureLines(counted: VitestReport): string[] {
  return counted.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(root, name);
    if (status === "failed" && assertionResults.length === 0) {
      return [`failed: ${file}: ${firstLines(message)}`];
    }
    return assertionResults
      .filter((each) => each.status === "failed")
      .map(
        ({ fullName, failureMessages }) =>
          `failed: ${file}: ${fullName}: ${firstLines(failureMessages.join("\n"))}`,
      );
  });
}

function firstLines(text: string): string {
  return text.split("\n").slice(0, 3).join(" | ").slice(0, 400);
}

function withoutPassed(output: string): string {
  return output
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("✓"))
    .join("\n");
}

/** The lines by which tests say what they did not run, and how to get what they lacked. */
function skipLines(output: string): string[] {
  const lines = output.split("\n").map((line) => line.trim());
  return [...new Set(lines.filter((line) => line.startsWith("not run: ")))];
}
