export {
  type BlobStoreSubject,
  hostileKeys,
  inKeyOrder,
  listKeys,
  readBlob,
  testBlobStore,
  trickyKeys,
} from "./blob-store-suite.ts";
export { type CertifiedKey, makeCertificates, type TestCertificates } from "./certificates.ts";
export { chromiumArguments, quicChromiumArguments } from "./chromium-arguments.ts";
export { type DeadlineOptions, withDeadline } from "./deadline.ts";
export { type EventuallyOptions, eventually } from "./eventually.ts";
export { collectGarbage, type MemoryInUse, memoryInUse } from "./memory-in-use.ts";
export { memoryPair, memoryStreams } from "./memory-pair.ts";
export { mutate } from "./mutate.ts";
export { commandForNewerGlibc, newerGlibc, type ProgramCommand } from "./newer-glibc.ts";
export {
  childEnvironment,
  type ProcessExit,
  type ProcessSample,
  parseCpuTime,
  runProcess,
  type StartNodeOptions,
  type StartProcessOptions,
  sampleProcess,
  startNode,
  startProcess,
  type TestProcess,
} from "./processes.ts";
export { type ConnectRawOptions, connectRaw, type RawSocket } from "./raw-socket.ts";
export { type Readme, readReadme, runExample } from "./readme.ts";
export { type Recorder, recordDiagnostics, recorder } from "./recorder.ts";
export {
  activeResources,
  type ResourceCounts,
  type ResourceWatch,
  watchResources,
} from "./resources.ts";
export {
  freePorts,
  type ServicePlace,
  type StartServiceOptions,
  startService,
  type TestService,
} from "./services.ts";
export { type SessionClause, type SessionHarness, sessionClauses } from "./session-clauses.ts";
export { testSession } from "./session-suite.ts";
export {
  findSoftware,
  howToGet,
  notRun,
  requireSoftware,
  type SkippableTest,
  type Software,
  type SoftwareName,
  software,
} from "./software.ts";
export { stalled } from "./stalled.ts";
export {
  type StreamClause,
  type StreamHarness,
  type StreamPeer,
  streamClauses,
} from "./stream-clauses.ts";
export {
  type StreamSessionClause,
  type StreamSessionHarness,
  streamSessionClauses,
} from "./stream-session-clauses.ts";
export { type StreamSessionPeer, streamPeer, streamSessionPeer } from "./stream-session-peer.ts";
export { type StreamSessionSubject, testStreamSession } from "./stream-session-suite.ts";
export { clausesFor, type StreamSubject, testStream } from "./stream-suite.ts";
export {
  type RecordedMetric,
  type RecordedSpan,
  recordTelemetry,
  type TelemetryRecorder,
} from "./telemetry-recorder.ts";
export {
  type ExpectedMetric,
  type ExpectedSpan,
  type TelemetrySubject,
  testTelemetry,
} from "./telemetry-suite.ts";
export { type TemporaryFolder, temporaryFolder } from "./temporary-folder.ts";
export { type TestClock, type TestClockOptions, testClock } from "./test-clock.ts";
