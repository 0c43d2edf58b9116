import { seededRandom } from "@king-runtime/core";
import { describe, expect, test } from "vitest";
import { EarlyBudget } from "../src/matrix/early-budget.ts";
import { offeredKeyName } from "../src/matrix/offered-ticket.ts";

const types = { initial: 0, "0-rtt": 1, handshake: 2, retry: 3 };

/** A packet with a long header of version 1; what it carries is of no meaning. */
function packet(type: keyof typeof types, payloadBytes: number): Buffer {
  const token = type === "initial" ? [0] : [];
  const length = [0x40 | (payloadBytes >> 8), payloadBytes & 0xff];
  const ids = [4, 1, 2, 3, 4, 0];
  const head = [0xc0 | (types[type] << 4), 0, 0, 0, 1, ...ids, ...token, ...length];
  return Buffer.concat([Buffer.from(head), Buffer.alloc(payloadBytes, types[type])]);
}

const short = Buffer.from([0x40, 1, 2, 3]);

describe("the budget of early data", () => {
  test("counts packets of early data alone, and drops all from the first that is too many", () => {
    const early = packet("0-rtt", 100);
    const budget = new EarlyBudget(3 * early.length - 1);
    const others = Buffer.concat([packet("initial", 500), packet("handshake", 300), short]);
    expect(budget.admit(others)).toBe(others);
    expect(budget.admit(early)).toBe(early);
    expect(budget.admit(early)).toBe(early);
    expect(budget.admit(early)).toHaveLength(0);
    expect(budget.admit(packet("0-rtt", 10))).toHaveLength(0);
    expect(budget.admit(others)).toBe(others);
  });

  test("takes them out from between others of the same datagram", () => {
    const [initial, early, handshake] = [
      packet("initial", 200),
      packet("0-rtt", 100),
      packet("handshake", 50),
    ];
    const budget = new EarlyBudget(early.length);
    const datagram = Buffer.concat([initial, early, early, handshake, short]);
    expect(budget.admit(datagram)).toEqual(Buffer.concat([initial, early, handshake, short]));
  });

  test("and the search for a ticket take anything that comes as it is", () => {
    const seed = Date.now() % 1_000_000;
    const random = seededRandom(seed);
    const kinds = Object.keys(types) as (keyof typeof types)[];
    for (let round = 0; round < 2_000; round++) {
      const kind = kinds[Math.floor(random.next() * 4)] as keyof typeof types;
      const datagram = Buffer.concat([packet(kind, Math.floor(random.next() * 900)), short]);
      for (let flips = random.next() * 8; flips > 0; flips--) {
        datagram[Math.floor(random.next() * Math.min(24, datagram.length))] = random.next() * 256;
      }
      const cut = datagram.subarray(0, Math.ceil(random.next() * datagram.length));
      const admitted = new EarlyBudget(1_048_576).admit(cut);
      expect(admitted, `seed ${seed}, round ${round}`).toBe(cut);
      expect(offeredKeyName(cut), `seed ${seed}, round ${round}`).toBeUndefined();
    }
  });
});
