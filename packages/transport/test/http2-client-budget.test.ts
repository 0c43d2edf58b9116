import { expect, test } from "vitest";
import { ClientBudget } from "../src/http2/client-budget.ts";

/** Whether a client that does this every second is ended within a minute. */
function ended(perSecond: { read: number; useful?: number; written?: number }): boolean {
  const budget = new ClientBudget();
  const { read, useful = 0, written = 0 } = perSecond;
  for (let second = 1; second <= 60; second++) {
    budget.useful(useful);
    if (budget.tick(1_000, read * second, written * second)) return true;
  }
  return false;
}

test.each([
  ["65,000 PING a second", { read: 65_000 * 17, written: 65_000 * 17 }],
  ["WINDOW_UPDATE at 1 MB a second", { read: 1_000_000 }],
  ["DATA of a byte each, at 1 MB a second", { read: 1_000_000, useful: 100_000 }],
])("ends a client that sends %s", (_, traffic) => {
  expect(ended(traffic)).toBe(true);
});

test.each([
  ["nothing", { read: 0 }],
  ["1,000 PING a second", { read: 17_000, written: 17_000 }],
  ["an upload at 1 GB a second", { read: 1_000_600_000, useful: 1_000_000_000 }],
  ["updates for a download at 1 GB a second", { read: 1_600_000, written: 1_000_000_000 }],
  ["200,000 messages of 4 bytes a second", { read: 200_000 * 13, useful: 800_000 }],
])("leaves one alone that sends %s", (_, traffic) => {
  expect(ended(traffic)).toBe(false);
});

test("counts broken streams, and forgets them with time", () => {
  const budget = new ClientBudget();
  for (let i = 0; i < 500; i++) expect(budget.broken()).toBe(false);
  expect(budget.broken()).toBe(true);
  budget.tick(1_000, 0, 0);
  for (let i = 0; i < 49; i++) expect(budget.broken()).toBe(false);
  budget.tick(20_000, 0, 0);
  expect(budget.broken()).toBe(false);
});
