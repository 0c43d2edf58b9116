import { describe, test } from "vitest";
import { type SessionHarness, sessionClauses } from "./session-clauses.ts";

/**
 * Holds a session to the contract of core's `Session`.
 *
 * @param open a fresh session with nothing under way.
 */
export function testSession(name: string, open: () => Promise<SessionHarness>): void {
  describe(`${name}: session contract`, () => {
    for (const clause of sessionClauses) {
      test(clause.title, async () => {
        await using harness = await open();
        await clause.run(harness);
      });
    }
  });
}
