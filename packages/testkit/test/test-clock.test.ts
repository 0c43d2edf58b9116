import { sleep } from "@king-runtime/core";
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
