export { BaseSession } from "./base-session.ts";
export { BaseStream } from "./base-stream.ts";
export type {
  CliArgument,
  CliCommand,
  CliContext,
  CliOption,
  CliPlane,
  CliWriter,
} from "./cli-command.ts";
export { type Clock, sleep, systemClock, type Timer, type TimerOptions } from "./clock.ts";
export type { Closable, Closed, CloseOptions, LifeState } from "./closable.ts";
export {
  type Config,
  type ConfigExplanation,
  type ConfigOrigin,
  type ConfigPolicy,
  type DefineConfigOptions,
  defineConfig,
  type HasSection,
  type OperatorLayer,
} from "./config/config.ts";
export { describeValue } from "./config/describe-value.ts";
export {
  type EnvironmentLayer,
  type EnvironmentSource,
  environmentLayer,
} from "./config/environment.ts";
export { environmentName } from "./config/environment-name.ts";
export { type ConfigIssue, configErrors } from "./config/errors.ts";
export { jsonSchema } from "./config/json-schema.ts";
export {
  booleanKey,
  bytesKey,
  type ConfigKey,
  durationKey,
  enumKey,
  type IntegerKeyOptions,
  integerKey,
  type KeyKind,
  type KeyOptions,
  listKey,
  type StringKeyOptions,
  stringKey,
} from "./config/key.ts";
export {
  checkObject,
  optionError,
  type ResolveOptions,
  resolveOptions,
  unknownOption,
} from "./config/options.ts";
export {
  defineSection,
  type KeyName,
  type KeyValue,
  type Section,
  type SectionKeys,
  type SectionOverrides,
  type SectionValues,
} from "./config/section.ts";
export { DatagramInbox } from "./datagram-inbox.ts";
export type { Endpoint, PeerCertificate, TlsFacts } from "./endpoint.ts";
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
export { EventFeed, eventQueueLength } from "./event-feed.ts";
export type {
  Exchange,
  ExchangeHandler,
  FetchHandler,
  ResponseBody,
  Upgrade,
} from "./exchange.ts";
export { emptyHeaders, type HeaderFields, type HeaderView, headerView } from "./header-view.ts";
export { Inbox } from "./inbox.ts";
export { Lifetime } from "./lifetime.ts";
export type { Listener, ListenerClosed, ListenerStats } from "./listener.ts";
export { peerCertificateOf } from "./peer-certificate.ts";
export type { AdminSection } from "./ports/admin-section.ts";
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
export type { Codec } from "./ports/codec.ts";
export type { Lease, LeaseStore } from "./ports/lease.ts";
export type { MetricSample, MetricsSource } from "./ports/metrics-source.ts";
export type {
  QuicCapability,
  QuicConnectOptions,
  QuicEarlyData,
  QuicEngine,
  QuicListenOptions,
  QuicSession,
  QuicTls,
  TicketStore,
} from "./ports/quic-engine.ts";
export type { RunInfo, RunService, RunState } from "./ports/run-service.ts";
export type { ScalingTarget } from "./ports/scaling-target.ts";
export type { ServiceEndpoint, ServiceResolver } from "./ports/service-resolver.ts";
export type { ToolCaller, ToolInfo } from "./ports/tool-caller.ts";
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
export type { Stream, StreamCapability, StreamClosed, WriteOptions } from "./stream.ts";
export { abortedHere, streamErrors } from "./stream-errors.ts";
export type {
  Component,
  ComponentStats,
  DrainContext,
  Health,
  StartContext,
} from "./system/component.ts";
export { systemErrors } from "./system/errors.ts";
export {
  type ComponentHandle,
  type ComponentState,
  type CreateSystemOptions,
  createSystem,
  type DrainOptions,
  type DrainReport,
  type GateLease,
  type System,
  type SystemHealth,
  type SystemPerformance,
  type SystemState,
  type SystemStatus,
} from "./system/system.ts";
