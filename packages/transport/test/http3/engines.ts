import type { QuicEngine } from "@king-runtime/core";
import { openCurrentSpaceEngine, openMatrixEngine, quicErrors } from "@king-runtime/quic";
import { notRun, type SkippableTest } from "@king-runtime/testkit";

const openers = { currentspace: openCurrentSpaceEngine, matrix: openMatrixEngine };

export type EngineName = keyof typeof openers;

export const engineNames = Object.keys(openers) as EngineName[];

/** The engine, or the running test is skipped where it cannot be loaded. */
export async function needEngine(test: SkippableTest, name: EngineName): Promise<QuicEngine> {
  try {
    return await openers[name]();
  } catch (error) {
    if (!quicErrors.is(error, "KING_QUIC_ENGINE_MISSING")) throw error;
    return notRun(test, error.message, "run it on Linux x64 with glibc, or macOS arm64");
  }
}
