export { type Clock, sleep, systemClock, type Timer, type TimerOptions } from "./clock.ts";
export type { Closable, Closed, CloseOptions, LifeState } from "./closable.ts";
export type {
  Component,
  ComponentStats,
  DrainContext,
  Health,
  StartContext,
} from "./component.ts";
export type { Endpoint, TlsFacts } from "./endpoint.ts";
export {
  defineErrors,
  type ErrorCategory,
  type ErrorCode,
  type ErrorDetails,
  type ErrorTable,
  errorCode,
  KingError,
  type KingErrorInit,
} from "./errors.ts";
export type {
  Exchange,
  ExchangeHandler,
  FetchHandler,
  ResponseBody,
  Upgrade,
} from "./exchange.ts";
export { emptyHeaders, type HeaderFields, type HeaderView, headerView } from "./header-view.ts";
export type { Listener, ListenerClosed, ListenerStats } from "./listener.ts";
export type {
  BlobInfo,
  BlobPage,
  BlobSource,
  BlobStore,
  ByteRange,
  GetBlobOptions,
  ListBlobsOptions,
  OpenBlob,
  PutBlobOptions,
} from "./ports/blob-store.ts";
export { type Random, seededRandom, systemRandom } from "./random.ts";
export type {
  InformationalResponse,
  ReadBodyOptions,
  ReceivedResponse,
} from "./received-response.ts";
export type {
  OpenStreamOptions,
  Session,
  SessionClosed,
  SessionEvent,
  SessionStats,
  StreamSession,
} from "./session.ts";
export type { Stream, StreamCapability, StreamClosed } from "./stream.ts";
