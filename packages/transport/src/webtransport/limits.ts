import {
  bytesKey,
  defineSection,
  integerKey,
  resolveOptions,
  type SectionValues,
} from "@king-runtime/core";

/** What WebTransport may take of one connection. */
const webTransportSection = defineSection("webtransport", {
  maxSessions: integerKey({
    default: 16,
    min: 1,
    max: 10_000,
    doc: "Sessions of one connection at a time; the peer is told, and further ones are refused.",
  }),
  maxStreams: integerKey({
    default: 100,
    min: 1,
    max: 10_000,
    doc: "Streams of each direction that each side may have open in a session; those of the peer beyond it are reset.",
  }),
  maxQueuedDatagrams: integerKey({
    default: 256,
    min: 1,
    max: 65_536,
    doc: "Received datagrams that wait for the reader of a session; beyond it the oldest give way.",
  }),
  maxHeldStreams: integerKey({
    default: 32,
    max: 10_000,
    doc: "Streams of one connection that came before their session; further ones are reset.",
  }),
  maxHeldDatagrams: integerKey({
    default: 128,
    max: 65_536,
    doc: "Datagrams of one connection that came before their session; further ones are dropped.",
  }),
  maxHeldBytes: bytesKey({
    default: 262_144,
    doc: "Bytes of what came before its session, on one connection.",
  }),
});

/** Options of {@link webTransportEngine}. */
export type WebTransportLimitOptions = Partial<SectionValues<typeof webTransportSection>>;

/** @throws {KingError} KING_OPTION_INVALID */
export const resolveWebTransportLimits = (options: WebTransportLimitOptions) =>
  resolveOptions(webTransportSection, options);
