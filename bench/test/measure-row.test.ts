import { expect, test } from "vitest";
import { measureRow } from "../src/harness/measure-row.ts";
import { reportRows } from "../src/harness/report.ts";
import { summarize } from "../src/harness/statistics.ts";
import { plane } from "./example-plane.ts";

const file = { url: new URL("example-plane.ts", import.meta.url), plane };

test("four times the work is measured as more than twice the processor time", async () => {
  const rounds = await measureRow(file, 0, 3, () => {});
  expect(rounds).toHaveLength(3);
  const result = summarize(rounds);
  expect(result.ratio).toBeGreaterThan(2);
  const row = plane.rows[0];
  if (!row) throw new Error("unreachable");
  expect(reportRows(row, result)).toMatchObject([
    { name: "four times the work", unit: "µs CPU/op", peerName: "once", control: false },
    { name: "A/A control of four times the work", control: true },
  ]);
}, 30_000);

test("a server is loaded from another process and its own use is counted", async () => {
  const [round] = await measureRow(file, 1, 1, () => {});
  for (const used of Object.values(round ?? {})) {
    expect(used).toBeGreaterThan(1);
    expect(used).toBeLessThan(20_000);
  }
}, 30_000);

test("a server that answers wrongly fails the run", async () => {
  await expect(measureRow(file, 2, 1, () => {})).rejects.toThrow(/expected 5 body bytes, got 4/);
}, 30_000);
