import {
  booleanSchema,
  integerSchema,
  listSchema,
  mapSchema,
  numberSchema,
  objectSchema,
  oneOfTexts,
  type Schema,
  sharedSchema,
  textSchema,
} from "./schema.ts";

const health = { status: oneOfTexts("healthy", "degraded", "unhealthy") };
const systemState = oneOfTexts("created", "starting", "ready", "draining", "stopped", "failed");
const componentState = oneOfTexts("stopped", "starting", "ready", "draining", "failed");
const lifeState = oneOfTexts("opening", "open", "draining", "closed");
const count: Schema = { type: "integer", minimum: 0 };
const instant: Schema = { type: "string", format: "date-time" };
const scalar: Schema = {
  description: "Infinity is the word; a setting without a value has none here.",
  type: ["string", "number", "boolean", "array"],
  items: { type: "string" },
};

/** Schemas that operations share, by name; a document has those that it points to. */
export const sharedSchemas: Readonly<Record<string, Schema>> = {
  Problem: {
    ...objectSchema(
      { type: textSchema, title: textSchema, status: integerSchema },
      { detail: textSchema, code: textSchema },
    ),
    description: "A problem document (RFC 9457).",
  },
  Health: objectSchema(health, { reason: textSchema }),
  SystemState: systemState,
  Readiness: objectSchema({
    ready: booleanSchema,
    state: sharedSchema("SystemState"),
    ...health,
    reasons: listSchema(textSchema),
    components: mapSchema(sharedSchema("Health")),
  }),
  SystemStatus: objectSchema({
    state: sharedSchema("SystemState"),
    uptimeMs: numberSchema,
    components: mapSchema(objectSchema({ state: componentState, restarts: count })),
    gates: mapSchema(objectSchema({ open: booleanSchema, leases: count })),
  }),
  SystemPerformance: objectSchema({
    startMs: mapSchema(numberSchema),
    gates: mapSchema(objectSchema({ admitted: count, refused: count, heldMs: numberSchema })),
  }),
  Process: objectSchema({
    pid: integerSchema,
    nodeVersion: textSchema,
    platform: textSchema,
    arch: textSchema,
    startedAt: instant,
    uptimeMs: numberSchema,
  }),
  Endpoint: objectSchema(
    { address: textSchema, port: integerSchema },
    { family: oneOfTexts("IPv4", "IPv6") },
  ),
  ListenerStats: objectSchema({
    sessionsAccepted: count,
    sessionsRefused: count,
    sessionsActive: count,
    streamsActive: count,
  }),
  ListenerStatus: objectSchema({
    state: lifeState,
    local: sharedSchema("Endpoint"),
    stats: sharedSchema("ListenerStats"),
  }),
  DrainReport: objectSchema({
    clean: booleanSchema,
    cut: listSchema(textSchema),
    outstanding: mapSchema(count),
    errors: listSchema(
      objectSchema({ name: textSchema }, { code: textSchema, message: textSchema }),
    ),
  }),
  Drain: objectSchema(
    { state: sharedSchema("SystemState") },
    { startedAt: instant, deadlineMs: count, report: sharedSchema("DrainReport") },
  ),
  ProcessMetrics: objectSchema({
    residentBytes: count,
    heapUsedBytes: count,
    heapTotalBytes: count,
    externalBytes: count,
    cpuUserMs: numberSchema,
    cpuSystemMs: numberSchema,
    uptimeMs: numberSchema,
    eventLoopUtilization: numberSchema,
  }),
  Setting: objectSchema(
    {
      key: textSchema,
      from: oneOfTexts("default", "operator", "environment", "overrides"),
      locked: booleanSchema,
      security: booleanSchema,
      expected: textSchema,
      doc: textSchema,
      environmentName: textSchema,
    },
    { value: scalar, default: scalar, unit: textSchema },
  ),
  SessionTls: objectSchema(
    { version: textSchema, peerVerified: booleanSchema },
    {
      resumed: booleanSchema,
      cipher: textSchema,
      alpn: textSchema,
      serverName: textSchema,
      peerSubject: textSchema,
      peerFingerprint256: textSchema,
    },
  ),
  SessionStats: objectSchema(
    { streamsOpened: count, streamsActive: count },
    {
      wireBytesSent: count,
      wireBytesReceived: count,
      roundTripMs: numberSchema,
      packetsSent: count,
      packetsReceived: count,
      packetsLost: count,
      congestionWindowBytes: count,
      datagramsSent: count,
      datagramsReceived: count,
      datagramsDropped: count,
    },
  ),
  Session: objectSchema(
    {
      id: textSchema,
      listener: textSchema,
      protocol: textSchema,
      role: oneOfTexts("client", "server"),
      state: lifeState,
    },
    {
      local: sharedSchema("Endpoint"),
      remote: sharedSchema("Endpoint"),
      proxy: sharedSchema("Endpoint"),
      tls: sharedSchema("SessionTls"),
      stats: sharedSchema("SessionStats"),
    },
  ),
  SectionInfo: objectSchema(
    { name: textSchema, actions: listSchema(textSchema) },
    { doc: textSchema },
  ),
};
