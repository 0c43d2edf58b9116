import {
  bytesKey,
  defineSection,
  durationKey,
  integerKey,
  listKey,
  type SectionValues,
} from "@king-runtime/core";

/** Settings of realtime endpoints. */
export const realtimeSection = defineSection(
  "realtime",
  {
    // Not marked `security`: without a config such a key could not be set by code at all, and naming
    // the pages of one's own deployment is what this key is for. An operator who wants to decide alone
    // locks it by `policy.lock`.
    allowedOrigins: listKey({
      default: [],
      doc: "Origins of pages that may connect beside the endpoint's own, such as https://app.example; https://*.example stands for one label, * for every origin, which lets any page act with what a visitor's browser sends along, such as cookies.",
    }),
    maxConnections: integerKey({
      default: 10_000,
      min: 1,
      max: 1_000_000,
      unit: "count",
      doc: "Connections open at a time; further ones are answered 503.",
    }),
    maxChannelsPerConnection: integerKey({
      default: 128,
      min: 1,
      max: 100_000,
      unit: "count",
      doc: "Channels that one connection is in at a time.",
    }),
    maxChannelNameBytes: bytesKey({
      default: 2_048,
      min: 1,
      max: 65_536,
      doc: "Longest channel name, in UTF-8.",
    }),
    maxMessageBytes: bytesKey({
      default: 1_048_576,
      min: 1,
      max: 1_073_741_824,
      doc: "Largest message received, its fragments together; more closes the connection with 1009.",
    }),
    maxMessageFragments: integerKey({
      default: 16_384,
      min: 1,
      max: 1_000_000,
      unit: "count",
      doc: "Fragments that one received message may come in; more closes the connection with 1008.",
    }),
    maxMessageReads: integerKey({
      default: 65_536,
      min: 1,
      max: 1_000_000_000,
      unit: "count",
      doc: "Reads that one received frame may take, each of which is kept until it is whole; more closes the connection with 1008. Raise it together with maxMessageBytes: a read may bring little more than 1,000 bytes.",
    }),
    maxPendingPongs: integerKey({
      default: 60,
      min: 1,
      max: 1_000_000,
      unit: "count",
      doc: "Answers to pings that wait for a peer to read them; with more the connection is cut.",
    }),
    maxSendBufferBytes: bytesKey({
      default: 1_048_576,
      min: 1_024,
      max: 1_073_741_824,
      doc: "Bytes held for a connection that reads slower than it is sent to, bookkeeping included; more closes it with 1013.",
    }),
    heartbeatIntervalMs: durationKey({
      default: 30_000,
      min: 10,
      unlimited: true,
      doc: "A connection silent for this long is pinged, and cut after as long again without a byte; Infinity never pings.",
    }),
    closeTimeoutMs: durationKey({
      default: 10_000,
      min: 1,
      max: 2_147_483_647,
      doc: "How long a closed connection may take to answer before it is cut.",
    }),
  },
  { doc: "Realtime connections and channels." },
);

/** Validated settings. */
export type RealtimeSettings = SectionValues<typeof realtimeSection>;
