import {
  type Clock,
  checkObject,
  type HasSection,
  type HeaderFields,
  optionError,
  resolveOptions,
  systemClock,
  unknownOption,
} from "@king-runtime/core";
import { type RealtimeSettings, realtimeSection } from "../config.ts";
import type { Message } from "../message.ts";
import type { ClientConnection } from "./client-connection.ts";

const limitNames = [
  "maxMessageBytes",
  "maxMessageFragments",
  "maxMessageReads",
  "maxPendingPongs",
  "maxSendBufferBytes",
  "heartbeatIntervalMs",
  "closeTimeoutMs",
] as const satisfies (keyof RealtimeSettings)[];

/** Those keys of section `realtime` that a client goes by. */
export type ClientLimits = Pick<RealtimeSettings, (typeof limitNames)[number]>;

/** Takes one message from the server; the next one waits for the promise it returns. */
export type ClientMessageHandler = (
  message: Message,
  connection: ClientConnection,
) => void | Promise<void>;

/** Options of {@link connectWebSocket}: limits of the section `realtime` and what to ask for. */
export interface ConnectWebSocketOptions extends Partial<ClientLimits> {
  /** Path and query. @default "/" */
  path?: string;
  /** Fields of the request, such as `authorization`; those of the handshake itself are refused. */
  headers?: HeaderFields;
  /** The page on whose behalf it connects, such as `"https://app.example"`. @default none */
  origin?: string;
  /** Subprotocols to offer, best first (RFC 6455, section 1.9); the server takes one, or none. @default none */
  subprotocols?: readonly string[];
  /** From the request until the server's answer. @default the session's */
  headersTimeoutMs?: number;
  /** Gives up connecting; of no meaning once the connection is open. */
  signal?: AbortSignal;
  /**
   * Called for each message; while the promise it returns is pending no further message is read. When
   * it fails, the connection is closed with 1011. Without it the connection is read by iteration.
   */
  onMessage?: ClientMessageHandler;
  /** Where limits come from that are not given. */
  config?: HasSection<typeof realtimeSection>;
  /** Where the heartbeat's time comes from. @default systemClock */
  clock?: Clock;
}

/** What to ask for, and what holds afterwards. */
export interface ConnectPlan {
  readonly path: string;
  readonly headers: HeaderFields;
  readonly origin: string | undefined;
  readonly subprotocols: readonly string[];
  readonly headersTimeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onMessage: ClientMessageHandler | undefined;
  readonly limits: ClientLimits;
  readonly clock: Clock;
}

const others = [
  "path",
  "headers",
  "origin",
  "subprotocols",
  "headersTimeoutMs",
  "signal",
  "onMessage",
  "config",
  "clock",
];

/** Fields that the handshake sets by itself; Host is the session's. */
const ownFields =
  /^(?:connection|host|upgrade|origin|sec-websocket-(?:accept|extensions|key|protocol|version))$/i;
/** RFC 9110, section 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** @throws {KingError} KING_OPTION_INVALID, KING_CONFIG_LOCKED */
export function resolveConnectOptions(options: ConnectWebSocketOptions): ConnectPlan {
  checkObject("options", options);
  const known: readonly string[] = [...limitNames, ...others];
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw unknownOption(unknown, known);
  const { config, clock = systemClock, path = "/", headers = {}, origin, onMessage } = options;
  const { subprotocols = [], headersTimeoutMs, signal } = options;
  const limits = resolveOptions(realtimeSection, options, { config, others });
  if (typeof path !== "string" || !path.startsWith("/")) {
    throw optionError("path", 'expected a path that begins with "/"');
  }
  checkObject("headers", headers);
  const own = Object.keys(headers).find((name) => ownFields.test(name));
  if (own !== undefined) {
    throw optionError("headers", `expected no field of the handshake itself, got ${own}`);
  }
  if (origin !== undefined && (typeof origin !== "string" || !/^[\x21-\x7e]+$/.test(origin))) {
    throw optionError("origin", 'expected an origin such as "https://app.example"');
  }
  if (!Array.isArray(subprotocols)) throw optionError("subprotocols", "expected a list of names");
  for (const [index, name] of subprotocols.entries()) {
    if (typeof name !== "string" || !token.test(name) || subprotocols.indexOf(name) !== index) {
      throw optionError("subprotocols", `expected distinct tokens, got ${JSON.stringify(name)}`);
    }
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw optionError("signal", "expected an AbortSignal");
  }
  if (onMessage !== undefined && typeof onMessage !== "function") {
    throw optionError("onMessage", "expected a function");
  }
  return {
    path,
    headers,
    origin,
    subprotocols: [...subprotocols],
    headersTimeoutMs,
    signal,
    onMessage,
    limits,
    clock,
  };
}
