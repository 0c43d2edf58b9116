import { describe, test } from "vitest";
import { type StreamHarness, streamClauses } from "./stream-clauses.ts";

/**
 * Holds a stream to the contract of core's `Stream`. Clauses about a capability that the stream
 * does not declare are left out; the plane tests how it refuses or bounds what it lacks.
 *
 * @param open a fresh stream, open both ways, on which nothing has been sent.
 */
export function testStream(name: string, open: () => Promise<StreamHarness>): void {
  describe(`${name}: stream contract`, () => {
    for (const clause of streamClauses) {
      test(clause.title, async () => {
        await using harness = await open();
        if (clause.needs !== undefined && !harness.stream.capabilities.has(clause.needs)) return;
        await clause.run(harness);
      });
    }
  });
}
