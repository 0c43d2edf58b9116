import {
  booleanKey,
  bytesKey,
  defineSection,
  durationKey,
  integerKey,
  listKey,
} from "@king-runtime/core";

/** Settings of UDP listeners and sessions. */
export const udpSection = defineSection(
  "udp",
  {
    allow: listKey({
      default: [],
      doc: "Addresses and networks whose datagrams a listener takes; without any, those of all.",
    }),
    deny: listKey({
      default: [],
      doc: "Addresses and networks whose datagrams a listener drops, whatever else allows them.",
    }),
    maxSessions: integerKey({
      default: 10_000,
      min: 1,
      max: 1_000_000,
      unit: "count",
      doc: "Peers of a listener at a time; datagrams of further ones are dropped.",
    }),
    reusePort: booleanKey({
      default: false,
      doc: "Lets several processes bind one port (SO_REUSEPORT).",
    }),
    idleTimeoutMs: durationKey({
      default: 60_000,
      min: 1,
      unlimited: true,
      doc: "A session without a datagram either way for this long is ended.",
    }),
    maxDatagramBytes: bytesKey({
      default: 65_507,
      min: 1,
      max: 65_527,
      doc: "Largest datagram; larger ones are dropped on receipt and refused for sending.",
    }),
    maxQueuedDatagrams: integerKey({
      default: 1_024,
      min: 1,
      max: 1_000_000,
      unit: "count",
      doc: "Received datagrams that wait for the reader of a session; the oldest give way.",
    }),
    maxQueuedBytes: bytesKey({
      default: 16_777_216,
      min: 65_536,
      doc: "Received datagrams that wait for readers, of all sessions of a listener together; each counts 256 bytes more.",
    }),
    maxWriteBufferBytes: bytesKey({
      default: 1_048_576,
      min: 65_536,
      doc: "Datagrams of a session that the system has not taken yet before a send that did not wait is refused.",
    }),
    resolveTimeoutMs: durationKey({
      default: 10_000,
      min: 1,
      max: 2_147_483_647,
      doc: "Longest look-up of a name.",
    }),
  },
  { doc: "UDP listeners and sessions." },
);
