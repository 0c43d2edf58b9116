export { type AcceptWebTransportOptions, acceptWebTransport } from "./accept-web-transport.ts";
export {
  type ConnectWebTransportOptions,
  connectWebTransport,
  type WebTransportTarget,
} from "./connect-web-transport.ts";
export { webTransportEngine } from "./engine.ts";
export type { WebTransportLimitOptions } from "./limits.ts";
export type { WebTransportSession } from "./web-transport-session.ts";
