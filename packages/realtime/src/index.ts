export type { ClientConnection } from "./client/client-connection.ts";
export type {
  ClientLimits,
  ClientMessageHandler,
  ConnectWebSocketOptions,
} from "./client/connect-options.ts";
export { connectWebSocket } from "./client/connect-web-socket.ts";
export type { UpgradingSession } from "./client/upgrading-session.ts";
export { type RealtimeSettings, realtimeSection } from "./config.ts";
export type { Connection, MessageHandler, OpenHandler } from "./connection.ts";
export type {
  CloseDiagnostic,
  ErrorDiagnostic,
  OpenDiagnostic,
  RefuseDiagnostic,
  SlowDiagnostic,
} from "./diagnostics.ts";
export { realtimeErrors } from "./errors.ts";
export type { Message } from "./message.ts";
export { isOriginAllowed, type OriginRequest } from "./origin.ts";
export {
  type CreateRealtimeOptions,
  createRealtime,
  type HandleOptions,
  type PublishOptions,
  type Realtime,
  type RealtimeClosed,
  type RealtimeStats,
} from "./realtime.ts";
export type { ConnectionClosed, WebSocketConnection } from "./web-socket-connection.ts";
