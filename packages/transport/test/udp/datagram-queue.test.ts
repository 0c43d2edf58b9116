import fc from "fast-check";
import { expect, test } from "vitest";
import { DatagramQueue } from "../../src/udp/datagram-queue.ts";

test("gives the newest that fit, in order, and counts the others, whatever comes when", () => {
  const steps = fc.array(fc.oneof(fc.constant("shift"), fc.integer({ min: 0, max: 9 })), {
    maxLength: 400,
  });
  fc.assert(
    fc.property(steps, (all) => {
      const budget = { limitBytes: 100, usedBytes: 0 };
      const queue = new DatagramQueue(80, budget);
      const model: Uint8Array[] = [];
      let dropped = 0;
      const used = () => model.reduce((sum, { length }) => sum + length, 0);
      for (const step of all) {
        if (step === "shift") {
          expect(queue.shift()).toBe(model.shift());
        } else {
          const datagram = new Uint8Array(step as number);
          queue.push(datagram);
          while (model.length >= 80 || used() + datagram.length > 100) {
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
