import {
  booleanKey,
  bytesKey,
  defineSection,
  durationKey,
  integerKey,
  listKey,
} from "@king-runtime/core";

/** Settings of TCP listeners and sessions. */
export const tcpSection = defineSection(
  "tcp",
  {
    allow: listKey({
      default: [],
      doc: "Addresses and networks that may connect to a listener; without any, all may.",
    }),
    deny: listKey({
      default: [],
      doc: "Addresses and networks that may not connect to a listener, whatever else allows them.",
    }),
    maxSessions: integerKey({
      default: 10_000,
      min: 1,
      max: 1_000_000,
      unit: "count",
      doc: "Connections of a listener open at a time; further ones are closed at once.",
    }),
    backlog: integerKey({
      default: 511,
      min: 1,
      max: 65_535,
      unit: "count",
      doc: "Connections that the system has accepted and that wait for us; the system may allow fewer.",
    }),
    reusePort: booleanKey({
      default: false,
      doc: "Lets several processes listen on one port (SO_REUSEPORT).",
    }),
    maxWriteBufferBytes: bytesKey({
      default: 16_777_216,
      min: 65_536,
      doc: "Bytes held for a peer that does not read before a write that did not wait is refused.",
    }),
    idleTimeoutMs: durationKey({
      default: 600_000,
      min: 1,
      unlimited: true,
      doc: "A connection over which no byte moves either way for this long is ended.",
    }),
    keepAliveDelayMs: durationKey({
      default: 60_000,
      min: 1_000,
      unlimited: true,
      doc: "After this long without traffic the system asks whether the peer is still there; Infinity never asks.",
    }),
    connectTimeoutMs: durationKey({
      default: 10_000,
      min: 1,
      max: 2_147_483_647,
      doc: "Longest look-up and TCP connect of a client together.",
    }),
  },
  { doc: "TCP listeners and sessions." },
);
