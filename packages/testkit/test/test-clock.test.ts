import { sleep } from "@king-runtime/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { testClock } from "../src/index.ts";

test("stands still until advanced", () => {
  const clock = testClock({ startMs: 1_000 });
  expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0]);
  clock.advance(250);
  expect([clock.now(), clock.monotonic()]).toEqual([1_250, 250]);
});

test("runs timers in the order they fall due, each at its own instant", () => {
  const clock = testClock();
  const seen: [string, number][] = [];
  const note = (name: string) => () => void seen.push([name, clock.monotonic()]);
  clock.after(30, note("late"));
  clock.after(10, note("first"));
  clock.after(10, note("second"));
  clock.every(15, note("tick"));
  clock.advance(30);
  expect(seen).toEqual([
    ["first", 10],
    ["second", 10],
    ["tick", 15],
    ["late", 30],
    ["tick", 30],
  ]);
});

test("runs timers started by timers when they fall due on the way", () => {
  const clock = testClock();
  const seen: number[] = [];
  clock.after(10, () => {
    clock.after(5, () => seen.push(clock.monotonic()));
    clock.after(50, () => seen.push(clock.monotonic()));
  });
  clock.advance(20);
  expect(seen).toEqual([15]);
  expect(clock.pendingTimers).toBe(1);
  expect(clock.nextTimerMs).toBe(40);
});

test("a cancelled timer never fires, also when cancelled twice or from its own callback", () => {
  const clock = testClock();
  let fired = 0;
  const once = clock.after(10, () => fired++);
  once.cancel();
  once.cancel();
  const ticks = clock.every(10, () => {
    fired++;
    ticks.cancel();
  });
  clock.advance(100);
  expect(fired).toBe(1);
  expect(clock.pendingTimers).toBe(0);
});

test("a delay of zero waits for the next millisecond instead of looping", () => {
  const clock = testClock();
  let fired = 0;
  clock.every(0, () => fired++);
  clock.advance(0);
  expect(fired).toBe(0);
  clock.advance(3);
  expect(fired).toBe(3);
});

test("advanceAsync lets sleepers go on between timers", async () => {
  const clock = testClock();
  const seen: number[] = [];
  const walker = (async () => {
    for (let step = 0; step < 3; step++) {
      await sleep(clock, 10);
      seen.push(clock.monotonic());
    }
  })();
  await clock.advanceAsync(30);
  await walker;
  expect(seen).toEqual([10, 20, 30]);
});

test("whatever is started and cancelled, timers fire once, in order, when they are due", () => {
  const timer = fc.record({ delayMs: fc.nat(100), cancelled: fc.boolean() });
  fc.assert(
    fc.property(fc.array(timer), fc.array(fc.nat(40)), (timers, steps) => {
      const clock = testClock();
      const fired: { index: number; atMs: number }[] = [];
      for (const [index, { delayMs, cancelled }] of timers.entries()) {
        const started = clock.after(delayMs, () => fired.push({ index, atMs: clock.monotonic() }));
        if (cancelled) started.cancel();
      }
      for (const step of steps) clock.advance(step);
      const untilMs = steps.reduce((sum, step) => sum + step, 0);
      const expected = timers
        .map(({ delayMs, cancelled }, index) => ({ index, atMs: Math.max(1, delayMs), cancelled }))
        .filter(({ atMs, cancelled }) => !cancelled && atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs || a.index - b.index)
        .map(({ index, atMs }) => ({ index, atMs }));
      expect(fired).toEqual(expected);
    }),
    { numRuns: Number(process.env["KING_FUZZ_RUNS"] ?? 200) },
  );
});
