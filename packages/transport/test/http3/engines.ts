import type { QuicEngine, StreamCapability } from "@king-runtime/core";
import { openCurrentSpaceEngine, openMatrixEngine, quicErrors } from "@king-runtime/quic";
import { notRun, type SkippableTest } from "@king-runtime/testkit";
import { memoryEngine } from "./memory-engine.ts";

const openers = { currentspace: openCurrentSpaceEngine, matrix: openMatrixEngine };

export type EngineName = keyof typeof openers;

export const engineNames = Object.keys(openers) as EngineName[];

const inMemory: readonly StreamCapability[] = [
  "half-close",
  "reset-code",
  "stop-reading",
  "receive-backpressure",
  "multiplexing",
  "unidirectional",
];

/** What the streams of each engine can do. */
export const capabilitiesOf: Record<EngineName | "memory", readonly StreamCapability[]> = {
  memory: inMemory,
  matrix: inMemory,
  currentspace: ["half-close", "reset-code", "multiplexing", "unidirectional"],
};

/** The engine, or one in memory. */
export const openEngine = async (name: EngineName | "memory"): Promise<QuicEngine> =>
  name === "memory" ? memoryEngine() : openers[name]();

/** The engine, or the running test is skipped where it cannot be loaded. */
export async function needEngine(
  test: SkippableTest,
  name: EngineName | "memory",
): Promise<QuicEngine> {
  try {
    return await openEngine(name);
  } catch (error) {
    if (!quicErrors.is(error, "KING_QUIC_ENGINE_MISSING")) throw error;
    return notRun(test, error.message, "run it on Linux x64 with glibc, or macOS arm64");
  }
}
