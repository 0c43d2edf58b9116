import { testClock } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { seededRandom, sleep, systemClock, systemRandom } from "../src/index.ts";

test("sleep ends at its time on the clock given", async () => {
  const clock = testClock();
  let over = false;
  const slept = sleep(clock, 100).then(() => {
    over = true;
  });
  await clock.advanceAsync(99);
  expect(over).toBe(false);
  await clock.advanceAsync(1);
  await slept;
});

test("sleep rejects with the signal's reason, and leaves no timer", async () => {
  const clock = testClock();
  const giveUp = new AbortController();
  const slept = sleep(clock, 100, giveUp.signal);
  giveUp.abort("enough");
  await expect(slept).rejects.toBe("enough");
  await expect(sleep(clock, 100, giveUp.signal)).rejects.toBe("enough");
  expect(clock.pendingTimers).toBe(0);
});

test("the system's clock fires, repeats and cancels", async () => {
  const before = systemClock.monotonic();
  await new Promise<void>((resolve) => systemClock.after(2, resolve));
  expect(systemClock.monotonic()).toBeGreaterThan(before);
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
  let times = 0;
  await new Promise<void>((resolve) => {
    const timer = systemClock.every(1, () => {
      if (++times < 3) return;
      timer[Symbol.dispose]();
      resolve();
    });
  });
  systemClock.after(1e12, () => expect.unreachable(), { keepAlive: false }).cancel();
});

test("a seed gives the same numbers and bytes each time, spread over their range", () => {
  const [a, b] = [seededRandom(42), seededRandom(42)];
  const numbers = Array.from({ length: 1_000 }, () => a.next());
  expect(numbers).toEqual(Array.from({ length: 1_000 }, () => b.next()));
  expect(numbers.every((n) => n >= 0 && n < 1)).toBe(true);
  const mean = numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
  expect(mean).toBeGreaterThan(0.45);
  expect(mean).toBeLessThan(0.55);
  expect(a.bytes(8)).toEqual(b.bytes(8));
  expect(seededRandom(1).bytes(8)).not.toEqual(seededRandom(2).bytes(8));
});

test("the system's randomness gives as many bytes as asked, also beyond one call's limit", () => {
  const bytes = systemRandom.bytes(100_000);
  expect(bytes.length).toBe(100_000);
  expect(bytes.subarray(65_536).some((byte) => byte !== 0)).toBe(true);
  expect(systemRandom.next()).toBeLessThan(1);
});
