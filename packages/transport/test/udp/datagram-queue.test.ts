import fc from "fast-check";
import { expect, test } from "vitest";
import { DatagramQueue, datagramCost } from "../../src/udp/datagram-queue.ts";

test("gives the newest that fit, in order, and counts the others, whatever comes when", () => {
  const steps = fc.array(fc.oneof(fc.constant("shift"), fc.integer({ min: 0, max: 9 })), {
    maxLength: 400,
  });
  fc.assert(
    fc.property(steps, (all) => {
      const budget = { limitBytes: 20 * datagramCost, usedBytes: 0 };
      const queue = new DatagramQueue(15, budget);
      const model: Uint8Array[] = [];
      let dropped = 0;
      const used = () => model.reduce((sum, { length }) => sum + length + datagramCost, 0);
      for (const step of all) {
        if (step === "shift") {
          expect(queue.shift()).toBe(model.shift());
        } else {
          const datagram = new Uint8Array((step as number) * 60);
          queue.push(datagram);
          while (
            model.length >= 15 ||
            used() + datagram.length + datagramCost > budget.limitBytes
          ) {
            model.shift();
            dropped++;
          }
          model.push(datagram);
        }
        expect([queue.length, queue.dropped]).toEqual([model.length, dropped]);
        expect(budget.usedBytes).toBe(used());
      }
      queue.clear();
      expect([queue.length, budget.usedBytes]).toEqual([0, 0]);
    }),
    { numRuns: Number(process.env["KING_FUZZ_RUNS"] ?? 200) },
  );
});

test("gives a reader that waits its datagram, whatever others hold", () => {
  const budget = { limitBytes: 1_000, usedBytes: 1_000 };
  const queue = new DatagramQueue(8, budget);
  queue.push(new Uint8Array(1));
  expect([queue.length, queue.dropped]).toEqual([0, 1]);
  const datagram = new Uint8Array(1);
  queue.push(datagram, true);
  // Another that comes before it is taken has it give way: it never becomes a second.
  queue.push(datagram, true);
  expect([queue.length, queue.dropped]).toEqual([1, 2]);
  expect(queue.shift()).toBe(datagram);
  expect(budget.usedBytes).toBe(1_000);
});
