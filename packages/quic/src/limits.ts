import {
  booleanKey,
  defineSection,
  durationKey,
  type HasSection,
  integerKey,
  optionError,
  type QuicCapability,
  type QuicEngine,
  resolveOptions,
  type SectionValues,
  stringKey,
} from "@king-runtime/core";
import { quicErrors } from "./errors.ts";

/** What sessions of an engine may take. */
export const quicSection = defineSection("quic", {
  handshakeTimeoutMs: durationKey({
    default: 10_000,
    min: 1,
    doc: "How long a handshake may take, on either side.",
  }),
  idleTimeoutMs: durationKey({
    default: 30_000,
    min: 1,
    doc: "After how long without a packet a session ends; the peer's own may be shorter.",
  }),
  keepAliveIntervalMs: durationKey({
    default: Number.POSITIVE_INFINITY,
    min: 1,
    unlimited: true,
    doc: "How often a packet is sent that the peer answers, so that neither it nor what is between falls silent; Infinity sends none.",
  }),
  maxSessions: integerKey({
    default: 1_000,
    min: 1,
    max: 1_000_000,
    doc: "Connections that a listener has at once, unfinished handshakes included.",
  }),
  maxStreams: integerKey({
    default: 100,
    min: 1,
    max: 10_000,
    doc: "Streams of each direction that each side may have open in a session.",
  }),
  streamWindowBytes: integerKey({
    default: 1_048_576,
    min: 1_024,
    max: 67_108_864,
    unit: "bytes",
    doc: "What a peer may send on a stream ahead of what the engine has taken.",
  }),
  maxUndeliveredBytes: integerKey({
    default: 8_388_608,
    min: 1_024,
    unit: "bytes",
    doc: "Received bytes held for the reader of a stream; a stream that exceeds it is reset.",
  }),
  maxSessionUndeliveredBytes: integerKey({
    default: 67_108_864,
    min: 1_024,
    unit: "bytes",
    doc: "Received bytes held for all readers of a session; the stream that exceeds it is reset.",
  }),
  maxQueuedDatagrams: integerKey({
    default: 256,
    min: 1,
    max: 65_536,
    unit: "count",
    doc: "Received datagrams held for the reader of a session, and those that wait to be sent; beyond, the oldest received give way, and what is sent is dropped.",
  }),
  maxWriteBufferBytes: integerKey({
    default: 1_048_576,
    min: 1_024,
    unit: "bytes",
    doc: "Unsent bytes of a stream; a write beyond them is refused.",
  }),
  ticketSecret: stringKey({
    default: undefined,
    secret: true,
    doc: "Secret of 32 characters or more from which the ticket keys of listeners follow; those that share it resume each other's sessions.",
  }),
  ticketRotationMs: durationKey({
    default: 3_600_000,
    min: 60_000,
    max: 604_800_000,
    doc: "A listener with a ticketSecret seals tickets with another key this often; those of earlier ones are taken for two hours more.",
  }),
  earlyData: booleanKey({
    default: false,
    doc: "Whether listeners take data before a handshake is complete, which others may have recorded and sent again.",
  }),
  maxEarlyDataBytes: integerKey({
    default: 16_384,
    min: 1_200,
    max: 1_048_576,
    unit: "bytes",
    doc: "Early data that a listener takes of a connection, as it comes in packets; the rest the client has to send again after the handshake.",
  }),
  qlogFolder: stringKey({
    default: undefined,
    doc: "Folder into which a file is written for each connection, with what happened to it packet by packet (qlog).",
  }),
  keylogFolder: stringKey({
    default: undefined,
    security: true,
    doc: "Folder into which a file is written for each connection, with its secrets (NSS key log): whoever has it reads all that was sent.",
  }),
});

/** Options of an engine: what its sessions may take. */
export interface QuicEngineOptions extends Partial<QuicLimits> {
  config?: HasSection<typeof quicSection>;
  /**
   * Lets an engine listen beyond loopback although faults of it are known that are not mended (matrix: CVE-2024-1410,
   * CVE-2024-1765). @default false
   */
  allowUnpatchedEngine?: boolean;
}

export type QuicLimits = SectionValues<typeof quicSection>;

/**
 * The limits that an engine works with.
 *
 * @throws {KingError} KING_OPTION_INVALID for an unknown name or unacceptable value, and where a
 * stream's window would let a peer send more than is held.
 */
export function resolveLimits(options: QuicEngineOptions = {}): QuicLimits {
  const { allowUnpatchedEngine = false, config } = options;
  if (typeof allowUnpatchedEngine !== "boolean") {
    throw optionError("allowUnpatchedEngine", "expected a boolean");
  }
  const limits = resolveOptions(quicSection, options, { config, others: ["allowUnpatchedEngine"] });
  const { streamWindowBytes, maxUndeliveredBytes } = limits;
  if (streamWindowBytes > maxUndeliveredBytes) {
    throw optionError(
      "streamWindowBytes",
      `expected at most maxUndeliveredBytes (${maxUndeliveredBytes}), got ${streamWindowBytes}`,
    );
  }
  const { ticketSecret } = limits;
  if (ticketSecret !== undefined && ticketSecret.length < shortestSecret) {
    // Without its length: it is a secret.
    throw optionError("ticketSecret", `expected ${shortestSecret} characters or more`);
  }
  return limits;
}

const shortestSecret = 32;

/** What an engine must be able to do for these settings, beyond what every one can. */
export function impliedNeeds(limits: QuicLimits): readonly QuicCapability[] {
  const { ticketSecret, earlyData, qlogFolder, keylogFolder } = limits;
  return [
    ...(ticketSecret === undefined ? [] : (["shared-tickets"] as const)),
    ...(earlyData ? (["early-data"] as const) : []),
    ...(qlogFolder === undefined ? [] : (["qlog"] as const)),
    ...(keylogFolder === undefined ? [] : (["keylog"] as const)),
  ];
}

/**
 * Refuses settings that an engine cannot follow.
 *
 * @throws {KingError} KING_QUIC_CAPABILITY.
 */
export function checkCapabilities(
  { name, capabilities }: Pick<QuicEngine, "name" | "capabilities">,
  needs: readonly QuicCapability[],
): void {
  const capability = needs.find((each) => !capabilities.has(each));
  if (capability === undefined) return;
  const message = `the engine ${name} does not have ${capability}`;
  throw quicErrors.create("KING_QUIC_CAPABILITY", message, { engine: name, capability });
}
