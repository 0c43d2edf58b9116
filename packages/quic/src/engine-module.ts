import { quicErrors } from "./errors.ts";

/**
 * Loads what an engine is made of, on first use.
 *
 * @throws {KingError} KING_QUIC_ENGINE_MISSING.
 */
export async function engineModule<Module>(
  name: string,
  load: () => Promise<Module>,
): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    const message = `expected ${name}, which is not installed or has no build for ${process.platform} ${process.arch}`;
    throw quicErrors.create("KING_QUIC_ENGINE_MISSING", message, { package: name }, { cause });
  }
}
