import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { defineConfig } from "vitest/config";

// Packages import each other's TypeScript sources, so tests never run against a stale build.
const conditions = ["king-source", "node", "module-sync"];
const project = (name: string, root: string) => ({
  extends: true as const,
  test: { name, root, include: ["test/**/*.test.ts"] },
});

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    // A busy machine is no fault of a test's; what must come in time says so by a deadline of its own.
    // Long fuzz runs (KING_FUZZ_RUNS) get time in proportion.
    testTimeout: 30_000 + 20 * Number(process.env["KING_FUZZ_RUNS"] ?? 0),
    // The same for what is looked at until it has come.
    expect: { poll: { timeout: 15_000, interval: 5 } },
    // Most of the time they wait for a network, a clock or a process; one core is not to wait with them.
    maxWorkers: availableParallelism(),
    projects: [
      ...globSync(["packages/*", "examples/*", "bench"]).map((root) =>
        project(basename(root), root),
      ),
      project("repository", "."),
    ],
  },
});
