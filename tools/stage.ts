import { performance } from "node:perf_hooks";

/** How many checks of a kind there were. */
export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** What a stage reports to while it runs. */
export interface StageReport {
  /** Runs one check: counted as passed, or as failed with the thrown message when it throws. */
  check(name: string, run: () => unknown): Promise<void>;
  /** Counts one check that could not be run, with the line that says how to get what it lacks. */
  skip(name: string, reason: string): void;
  /** Adds the counts of a tool that counts by itself. */
  count(totals: Totals): void;
  /** A line shown even when all went well. */
  note(line: string): void;
  /** Text shown when the stage failed. */
  failure(text: string): void;
}

/** One step of `npm test`. */
export interface Stage {
  name: string;
  /** Stages that must have ended before, well or not: every stage runs. */
  after?: readonly string[];
  /** How many cores it keeps busy. @default 1 */
  cores?: number;
  run(report: StageReport): Promise<void>;
}

/** How one stage ended. */
export interface StageResult extends Totals {
  name: string;
  seconds: number;
  notes: string[];
  failures: string[];
}

/** What {@link runStages} may use. */
export interface RunStagesOptions {
  cores: number;
  onResult(result: StageResult): void;
}

/** Runs every stage, as many at a time as there are cores for, and reports each when it ends. */
export async function runStages(
  stages: readonly Stage[],
  options: RunStagesOptions,
): Promise<StageResult[]> {
  const waiting = [...stages];
  const running = new Map<Stage, Promise<void>>();
  const results: StageResult[] = [];
  const coresOf = (stage: Stage): number => Math.min(stage.cores ?? 1, options.cores);

  while (waiting.length > 0 || running.size > 0) {
    const busy = [...running.keys()].reduce((sum, stage) => sum + coresOf(stage), 0);
    const next = waiting.find(
      (stage) =>
        busy + coresOf(stage) <= options.cores &&
        (stage.after ?? []).every((name) => isOver(name, waiting, running)),
    );
    if (next === undefined) {
      if (running.size === 0) throw new Error("stages wait for each other");
      await Promise.race(running.values());
      continue;
    }
    waiting.splice(waiting.indexOf(next), 1);
    running.set(
      next,
      runStage(next).then((result) => {
        running.delete(next);
        results.push(result);
        options.onResult(result);
      }),
    );
  }
  return results;
}

function isOver(
  name: string,
  waiting: readonly Stage[],
  running: ReadonlyMap<Stage, unknown>,
): boolean {
  return ![...waiting, ...running.keys()].some((stage) => stage.name === name);
}

async function runStage(stage: Stage): Promise<StageResult> {
  const started = performance.now();
  const result: StageResult = {
    name: stage.name,
    seconds: 0,
    passed: 0,
    failed: 0,
    skipped: 0,
    notes: [],
    failures: [],
  };
  const report: StageReport = {
    async check(name, run) {
      try {
        await run();
        result.passed += 1;
      } catch (error) {
        result.failed += 1;
        result.failures.push(`${name}\n${describe(error)}`);
      }
    },
    skip(name, reason) {
      result.skipped += 1;
      result.notes.push(`not run: ${name}: ${reason}`);
    },
    count(totals) {
      result.passed += totals.passed;
      result.failed += totals.failed;
      result.skipped += totals.skipped;
    },
    note: (line) => result.notes.push(line),
    failure: (text) => result.failures.push(text),
  };
  try {
    await stage.run(report);
  } catch (error) {
    result.failed += 1;
    result.failures.push(describe(error));
  }
  result.seconds = (performance.now() - started) / 1000;
  return result;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by: ${describe(error.cause)}`;
  return `${error.message}${cause}`;
}
