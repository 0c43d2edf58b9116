export { openCurrentSpaceEngine } from "./current-space/engine.ts";
export { quicErrors } from "./errors.ts";
export { type QuicLimitOptions, type QuicLimits, quicSection } from "./limits.ts";
export { openMatrixEngine } from "./matrix/engine.ts";
