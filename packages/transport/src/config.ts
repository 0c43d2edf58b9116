import {
  booleanKey,
  bytesKey,
  defineSection,
  durationKey,
  enumKey,
  integerKey,
  listKey,
  stringKey,
} from "@king-runtime/core";

/** Settings of HTTP listeners. */
export const httpSection = defineSection(
  "http",
  {
    maxHeaderBytes: bytesKey({
      default: 32_768,
      min: 1_024,
      max: 1_048_576,
      doc: "Largest header block of a request; more is answered 431 on HTTP/1.1 and resets the stream on HTTP/2, where it is never over 64 KiB.",
    }),
    maxHeaderCount: integerKey({
      default: 128,
      min: 16,
      max: 10_000,
      unit: "count",
      doc: "Fields of a request's head; more are answered 431.",
    }),
    maxUrlBytes: bytesKey({
      default: 8_192,
      min: 64,
      max: 1_048_576,
      doc: "Longest request target; a longer one is answered 414. It counts into maxHeaderBytes too.",
    }),
    maxBodyBytes: bytesKey({
      default: 16_777_216,
      unlimited: true,
      doc: "Largest request body; more is answered 413.",
    }),
    maxSessions: integerKey({
      default: 10_000,
      min: 1,
      max: 1_000_000,
      unit: "count",
      doc: "Connections open at a time; further ones are closed at once.",
    }),
    backlog: integerKey({
      default: 511,
      min: 1,
      max: 65_535,
      unit: "count",
      doc: "Connections that the system has accepted and that wait for us; the system may allow fewer.",
    }),
    maxRequestsPerSession: integerKey({
      default: 100_000,
      min: 1,
      unlimited: true,
      unit: "count",
      doc: "Requests on one connection, which then ends gracefully: Connection: close, or GOAWAY.",
    }),
    maxStreamsPerSession: integerKey({
      default: 100,
      min: 1,
      max: 10_000,
      unit: "count",
      doc: "Requests at a time on one HTTP/2 connection.",
    }),
    maxPipelinedRequests: integerKey({
      default: 100,
      min: 1,
      max: 10_000,
      unit: "count",
      doc: "Requests that wait behind another one on an HTTP/1.1 connection; more end the connection.",
    }),
    maxWriteBufferBytes: bytesKey({
      default: 16_777_216,
      min: 65_536,
      doc: "Bytes held for a peer that does not read before a write that did not wait is refused.",
    }),
    headersTimeoutMs: durationKey({
      default: 15_000,
      min: 1,
      unlimited: true,
      doc: "From the first byte of a request, or from the connection, until its header block is complete.",
    }),
    requestTimeoutMs: durationKey({
      default: 300_000,
      min: 1,
      unlimited: true,
      doc: "From the header block until the request body is complete; answered 408.",
    }),
    bodyIdleTimeoutMs: durationKey({
      default: 30_000,
      min: 1,
      unlimited: true,
      doc: "Without a byte of a request body that is being waited for; answered 408.",
    }),
    responseTimeoutMs: durationKey({
      default: 300_000,
      min: 1,
      unlimited: true,
      doc: "From the header block until the handler responds; answered 503.",
    }),
    writeIdleTimeoutMs: durationKey({
      default: 30_000,
      min: 1,
      unlimited: true,
      doc: "While a peer takes none of the bytes that wait for it; the connection is cut.",
    }),
    keepAliveTimeoutMs: durationKey({
      default: 60_000,
      min: 1,
      unlimited: true,
      doc: "A connection without a request is kept this long.",
    }),
    drainGraceMs: durationKey({
      default: 200,
      max: 60_000,
      doc: "A closing listener goes on accepting this long, and tells clients to go elsewhere, before it refuses.",
    }),
    requestIdHeader: stringKey({
      default: "",
      doc: "Field whose value is taken as the id of a request, and sent with the response; empty: ids are made here.",
    }),
    reusePort: booleanKey({
      default: false,
      doc: "Shares the port with other processes that ask for it; the system spreads connections.",
    }),
    trustedProxies: listKey({
      default: [],
      doc: "Addresses and networks whose connections must begin with a PROXY protocol header, version 1 or 2.",
    }),
    upgradeProtocols: listKey({
      default: ["websocket"],
      doc: "Protocols whose Upgrade requests reach the handler as upgrades; others are served as plain requests.",
    }),
  },
  { doc: "HTTP listeners." },
);

/** Settings of TLS, on both sides. */
export const tlsSection = defineSection(
  "tls",
  {
    minVersion: enumKey({
      values: ["TLSv1.2", "TLSv1.3"],
      default: "TLSv1.2",
      doc: "Oldest protocol version accepted.",
    }),
    verifyPeer: booleanKey({
      default: true,
      security: true,
      doc: "Whether a client checks who issued a server's certificate, for when and for which name.",
    }),
    handshakeTimeoutMs: durationKey({
      default: 10_000,
      min: 1,
      max: 2_147_483_647,
      doc: "Longest TLS handshake.",
    }),
    ciphers: stringKey({
      default: undefined,
      security: true,
      doc: "Cipher suites a listener takes, in OpenSSL's words; without, those of Node.",
    }),
    ticketSecret: stringKey({
      default: undefined,
      secret: true,
      doc: "Secret of 32 characters or more from which ticket keys follow; listeners that share it resume each other's sessions.",
    }),
    ticketRotationMs: durationKey({
      default: 3_600_000,
      min: 60_000,
      max: 604_800_000,
      doc: "A listener takes another ticket key this often.",
    }),
    ticketLifetimeMs: durationKey({
      default: 7_200_000,
      min: 1_000,
      max: 604_800_000,
      doc: "A session may be resumed for this long (RFC 8446, section 4.6.1).",
    }),
  },
  { doc: "TLS of listeners and requests." },
);

/** Settings of requests. */
export const requestSection = defineSection(
  "request",
  {
    connectTimeoutMs: durationKey({
      default: 10_000,
      min: 1,
      max: 2_147_483_647,
      doc: "Longest resolution and TCP connect together; the TLS handshake has `tls.handshakeTimeoutMs`.",
    }),
    headersTimeoutMs: durationKey({
      default: 60_000,
      min: 1,
      max: 2_147_483_647,
      doc: "From the end of the request until the response's header block is complete.",
    }),
    bodyIdleTimeoutMs: durationKey({
      default: 60_000,
      min: 1,
      max: 2_147_483_647,
      doc: "A reader waits this long for a byte of the response body.",
    }),
    bodyIdleResumes: booleanKey({
      default: false,
      doc: "Reading may go on after a body-idle timeout, which otherwise ends the exchange.",
    }),
    writeIdleTimeoutMs: durationKey({
      default: 30_000,
      min: 1,
      max: 2_147_483_647,
      doc: "The server takes none of the request's bytes that wait for it.",
    }),
    expectTimeoutMs: durationKey({
      default: 1_000,
      min: 1,
      max: 2_147_483_647,
      doc: "A body that waits for 100 (Continue) is sent without it after this.",
    }),
    timeoutMs: durationKey({
      default: Number.POSITIVE_INFINITY,
      min: 1,
      unlimited: true,
      doc: "The whole exchange, from the call to the last byte that was received.",
    }),
    maxHeaderBytes: bytesKey({
      default: 32_768,
      min: 1_024,
      max: 1_048_576,
      doc: "Largest header block of a response.",
    }),
    maxBodyBytes: bytesKey({
      default: 16_777_216,
      unlimited: true,
      doc: "Largest response body that is read, as it comes and once decoded.",
    }),
    maxWriteBufferBytes: bytesKey({
      default: 1_048_576,
      min: 1,
      doc: "Unsent bytes of a request body that is written to its stream.",
    }),
  },
  { doc: "Outgoing HTTP requests." },
);

/** Settings of the pool of connections that a client owns. */
export const poolSection = defineSection(
  "pool",
  {
    maxSessionsPerOrigin: integerKey({
      default: 64,
      min: 1,
      unit: "count",
      doc: "Connections to one origin at a time; further requests wait. Those of HTTP/2 and HTTP/3 that the server takes no further requests on (GOAWAY), and that finish what they have, do not count.",
    }),
    maxIdlePerOrigin: integerKey({
      default: 16,
      unit: "count",
      doc: "Connections to one origin that are kept without a request.",
    }),
    maxIdleSessions: integerKey({
      default: 128,
      unit: "count",
      doc: "Connections that are kept without a request, to all origins together; those idle longest go.",
    }),
    maxQueuedRequests: integerKey({
      default: 4_096,
      unit: "count",
      doc: "Requests that wait for a connection, to all origins together; more are refused.",
    }),
    queueTimeoutMs: durationKey({
      default: 30_000,
      min: 1,
      max: 2_147_483_647,
      doc: "Longest wait for a connection; making one has its own limits.",
    }),
    keepAliveTimeoutMs: durationKey({
      default: 4_000,
      min: 1,
      max: 600_000,
      doc: "A connection without a request is kept this long, or less where the server says so.",
    }),
  },
  { doc: "Connections that an HTTP client keeps." },
);
