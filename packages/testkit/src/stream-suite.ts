import type { StreamCapability } from "@king-runtime/core";
import { describe, expect, test } from "vitest";
import { type StreamClause, type StreamHarness, streamClauses } from "./stream-clauses.ts";

/** What {@link testStream} runs. */
export interface StreamSubject {
  readonly name: string;
  /** Exactly what the stream declares; clauses about others are replaced by how the lack is bounded. */
  readonly capabilities: readonly StreamCapability[];
  /** A fresh stream, open both ways, on which nothing but what is `already` gone has been sent. */
  open(): Promise<StreamHarness>;
}

/** The clauses that hold for a stream of these capabilities. */
export function clausesFor(capabilities: readonly StreamCapability[]): readonly StreamClause[] {
  return streamClauses.filter(
    ({ needs, lacks }) =>
      (needs === undefined || capabilities.includes(needs)) &&
      (lacks === undefined || !capabilities.includes(lacks)),
  );
}

/** Holds a stream to the contract of core's `Stream`. */
export function testStream({ name, capabilities, open }: StreamSubject): void {
  describe(`${name}: stream contract`, () => {
    test(`declares ${capabilities.join(", ") || "no capabilities"}`, async () => {
      await using harness = await open();
      expect([...harness.stream.capabilities].sort()).toEqual([...capabilities].sort());
    });
    for (const clause of clausesFor(capabilities)) {
      test(clause.title, async () => {
        await using harness = await open();
        await clause.run(harness);
      });
    }
  });
}
