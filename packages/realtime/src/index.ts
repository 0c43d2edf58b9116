export { type RealtimeSettings, realtimeSection } from "./config.ts";
export type { Connection, ConnectionClosed, MessageHandler, OpenHandler } from "./connection.ts";
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
