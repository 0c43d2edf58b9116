export { type CertifiedKey, makeCertificates, type TestCertificates } from "./certificates.ts";
export { type DeadlineOptions, withDeadline } from "./deadline.ts";
export { type EventuallyOptions, eventually } from "./eventually.ts";
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
