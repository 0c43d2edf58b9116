import { describe, expect, test } from "vitest";
import {
  claimedRatio,
  controlSpread,
  median,
  medianIntervalRank,
  meetsGoal,
  summarize,
} from "../src/harness/statistics.ts";

describe("median", () => {
  test("is the middle value, whatever the order", () => {
    expect(median([9, 1, 5])).toBe(5);
  });
  test("is the mean of the middle two of an even number", () => {
    expect(median([4, 1, 3, 100])).toBe(3.5);
  });
  test("orders by value, not by spelling, and leaves its argument alone", () => {
    const values = [10, 9, 100];
    expect(median(values)).toBe(10);
    expect(values).toEqual([10, 9, 100]);
  });
  test("of nothing is refused", () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe("the A/A spread", () => {
  test("takes the second and second-last of eight rounds", () => {
    expect(medianIntervalRank(8)).toBe(1);
    expect(controlSpread([1, 1, 1, 1, 1, 1.02, 1.03, 9])).toBeCloseTo(0.03);
    expect(controlSpread([0.1, 0.95, 1, 1, 1, 1, 1.01, 1.01])).toBeCloseTo(0.05);
  });
  test("sees a control that is off on every round", () => {
    expect(controlSpread(Array(8).fill(1.2))).toBeCloseTo(0.2);
  });
  test("trims more of longer runs, as the interval of a median does", () => {
    // Exact binomial coverage: ranks 5 of 20 (95.9 %) and 10 of 30 (95.7 %), counted from 0.
    expect(medianIntervalRank(20)).toBe(5);
    expect(medianIntervalRank(12)).toBe(2);
  });
  test("is without bound when there are fewer than eight rounds", () => {
    expect(controlSpread([1, 1, 1, 1, 1, 1, 1])).toBe(Infinity);
  });
});

describe("a claim", () => {
  test("is 1 when the ratio lies nearer to 1 than equal things do", () => {
    expect(claimedRatio(1.02, 0.03)).toBe(1);
    expect(claimedRatio(0.98, 0.03)).toBe(1);
    expect(claimedRatio(1.04, 0.03)).toBe(1.04);
    expect(claimedRatio(0.9, 0.03)).toBe(0.9);
  });
  test("meets its goal at the limit, and a strict one only below it", () => {
    expect(meetsGoal(1.1, "<= 1.10")).toBe(true);
    expect(meetsGoal(1.101, "<= 1.10")).toBe(false);
    expect(meetsGoal(0.9, "< 0.9")).toBe(false);
    expect(meetsGoal(0.89, "< 0.9")).toBe(true);
  });
  test("with a goal that cannot be read is refused", () => {
    expect(() => meetsGoal(1, "about 1")).toThrow(/about 1/);
  });
});

describe("the summary of a row", () => {
  const rounds = (ours: number, control: number) =>
    Array.from({ length: 8 }, (_, round) => {
      // The machine is twice as slow in odd rounds: paired ratios do not see that.
      const pace = round % 2 === 0 ? 1 : 2;
      return { ours: ours * pace, peer: 10 * pace, control: control * pace };
    });

  test("divides round by round, so that a machine's own swings cancel out", () => {
    const result = summarize(rounds(12, 10), "<= 1.10");
    expect(result).toMatchObject({ ratio: 1.2, controlRatio: 1, spread: 0, holds: false });
    expect(result.ours).toBe(18);
  });
  test("calls a difference below the A/A spread a tie", () => {
    expect(summarize(rounds(10.4, 10.5)).tie).toBe(true);
    expect(summarize(rounds(9.6, 10.5)).tie).toBe(true);
    expect(summarize(rounds(10.6, 10.5)).tie).toBe(false);
  });

  test("holds a goal against the ratio as measured, a tie or not", () => {
    expect(summarize(rounds(10.4, 10.5), "<= 1.00")).toMatchObject({ tie: true, holds: false });
    expect(summarize(rounds(9.6, 10.5), "<= 0.97")).toMatchObject({ tie: true, holds: true });
  });
  test("claims nothing from few rounds, and has no verdict without a goal", () => {
    expect(summarize(rounds(1, 10).slice(0, 7), "<= 1.10")).not.toHaveProperty("holds");
    expect(summarize(rounds(1, 10))).not.toHaveProperty("holds");
  });
});
