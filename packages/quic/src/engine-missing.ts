import { quicErrors } from "./errors.ts";

/** The error for an engine that cannot be loaded. */
export function engineMissing(name: string, cause: unknown) {
  const message = `expected ${name} (npm install ${name}), which is not installed or has no build for ${process.platform} ${process.arch}`;
  return quicErrors.create("KING_QUIC_ENGINE_MISSING", message, { package: name }, { cause });
}
