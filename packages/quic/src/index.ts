export { type ConnectQuicOptions, connectQuic } from "./connect-quic.ts";
export { openCurrentSpaceEngine } from "./current-space/engine.ts";
export { quicErrors } from "./errors.ts";
export { type QuicEngineOptions, type QuicLimits, quicSection } from "./limits.ts";
export { type ListenQuicOptions, listenQuic } from "./listen-quic.ts";
export { openMatrixEngine } from "./matrix/engine.ts";
export { type OpenQuicEngineOptions, openQuicEngine } from "./open-quic-engine.ts";
