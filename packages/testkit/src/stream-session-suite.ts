import type { StreamCapability } from "@king-runtime/core";
import { describe, expect, test } from "vitest";
import {
  type StreamSessionClause,
  type StreamSessionHarness,
  streamSessionClauses,
} from "./stream-session-clauses.ts";

/** What {@link testStreamSession} runs. */
export interface StreamSessionSubject {
  readonly name: string;
  /** Exactly what the session declares; clauses about others are replaced by how the lack shows. */
  readonly capabilities: readonly StreamCapability[];
  /** A fresh session, open, on which no stream has been opened. */
  open(): Promise<StreamSessionHarness>;
}

/** The clauses that hold for a session of these capabilities. */
function streamSessionClausesFor(
  capabilities: readonly StreamCapability[],
): readonly StreamSessionClause[] {
  return streamSessionClauses.filter(
    ({ needs, lacks }) =>
      (needs === undefined || capabilities.includes(needs)) &&
      (lacks === undefined || !capabilities.includes(lacks)),
  );
}

/** Holds a session to the contract of core's `StreamSession`. */
export function testStreamSession({ name, capabilities, open }: StreamSessionSubject): void {
  describe(`${name}: stream session contract`, () => {
    test(`declares ${capabilities.join(", ") || "no capabilities"}`, async () => {
      await using harness = await open();
      expect([...harness.session.capabilities].sort()).toEqual([...capabilities].sort());
    });
    for (const clause of streamSessionClausesFor(capabilities)) {
      test(clause.title, async () => {
        await using harness = await open();
        await clause.run(harness);
      });
    }
  });
}
