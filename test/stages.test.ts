import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { runStages, type Stage, type StageResult } from "../tools/stage.ts";

/** Runs stages on two cores and gives the results by name. */
async function run(stages: readonly Stage[]): Promise<Record<string, StageResult>> {
  const results = await runStages(stages, { cores: 2, onResult: () => {} });
  return Object.fromEntries(results.map((result) => [result.name, result]));
}

test("runs every stage when one failed, also those that come after it", async () => {
  const results = await run([
    {
      name: "broken",
      async run() {
        throw new Error("no steam", { cause: new Error("no water") });
      },
    },
    { name: "later", after: ["broken"], run: (report) => report.check("works", () => {}) },
  ]);
  expect(results["broken"]).toMatchObject({
    passed: 0,
    failed: 1,
    failures: ["no steam\ncaused by: no water"],
  });
  expect(results["later"]).toMatchObject({ passed: 1, failed: 0 });
});

test("counts each check, goes on after one that fails, and keeps what it said", async () => {
  const { mixed } = await run([
    {
      name: "mixed",
      async run(report) {
        await report.check("first", () => Promise.reject(new Error("cold")));
        await report.check("second", () => {});
        report.skip("third", "no stove here");
        report.count({ passed: 10, failed: 1, skipped: 2 });
      },
    },
  ]);
  expect(mixed).toMatchObject({
    passed: 11,
    failed: 2,
    skipped: 3,
    failures: ["first\ncold"],
    notes: ["not run: third: no stove here"],
  });
});

test("runs stages side by side up to the number of cores, and a greedy one alone", async () => {
  let running = 0;
  const seen: Record<string, number> = {};
  const stage = (name: string, cores = 1): Stage => ({
    name,
    cores,
    async run() {
      running += 1;
      seen[name] = running;
      await nextTurn();
      running -= 1;
    },
  });
  await run([stage("a"), stage("b"), stage("greedy", Number.POSITIVE_INFINITY), stage("c")]);
  expect(seen).toEqual({ a: 1, b: 2, c: 2, greedy: 1 });
});

test("refuses stages that wait for each other", async () => {
  const stages: Stage[] = [
    { name: "hen", after: ["egg"], run: async () => {} },
    { name: "egg", after: ["hen"], run: async () => {} },
  ];
  await expect(run(stages)).rejects.toThrow("stages wait for each other");
});
