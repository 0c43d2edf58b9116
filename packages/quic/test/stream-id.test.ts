import { describe, expect, test } from "vitest";
import { StreamIds, streamIdFacts } from "../src/stream-id.ts";

describe("stream ids (RFC 9000, section 2.1)", () => {
  test.each([
    [0, "client", false],
    [1, "server", false],
    [2, "client", true],
    [3, "server", true],
    [4 * 2 ** 40 + 3, "server", true],
  ] as const)("%i is of the %s, unidirectional: %s", (id, openedBy, unidirectional) => {
    expect(streamIdFacts(id)).toEqual({ openedBy, unidirectional });
  });

  test("are counted for each direction on its own", () => {
    for (const role of ["client", "server"] as const) {
      const ids = new StreamIds(role);
      const taken = [ids.take("both"), ids.take("both"), ids.take("send"), ids.take("send")];
      expect(taken).toEqual(role === "client" ? [0, 4, 2, 6] : [1, 5, 3, 7]);
      expect(taken.every((id) => streamIdFacts(id).openedBy === role)).toBe(true);
      expect([ids.peek("both"), ids.peek("both")]).toEqual([
        8 + (taken[0] ?? 0),
        8 + (taken[0] ?? 0),
      ]);
    }
  });
});
