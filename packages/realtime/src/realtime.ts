import type { Duplex } from "node:stream";
import {
  type Clock,
  type Closable,
  type Closed,
  type CloseOptions,
  type Component,
  type DrainContext,
  type Exchange,
  type HasSection,
  type HeaderFields,
  type LifeState,
  Lifetime,
  resolveOptions,
  systemClock,
  type Timer,
} from "@king-runtime/core";
import { nodeDuplex, respondProblem } from "@king-runtime/transport";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { Channels } from "./channels.ts";
import { Turn } from "./coalesced-writer.ts";
import { type RealtimeSettings, realtimeSection } from "./config.ts";
import {
  type Connection,
  type ConnectionContext,
  type MessageHandler,
  OpenConnection,
  type OpenHandler,
} from "./connection.ts";
import { RealtimeDiagnostics } from "./diagnostics.ts";
import { realtimeErrors } from "./errors.ts";
import { encodeFrame } from "./frame.ts";
import { checkHandshake } from "./handshake.ts";
import type { Message } from "./message.ts";
import { RealtimeTelemetry } from "./telemetry.ts";
import { checkFrame } from "./web-socket-connection.ts";

/** Options of {@link createRealtime}: the section `realtime` and what it works with. */
export interface CreateRealtimeOptions extends Partial<RealtimeSettings> {
  config?: HasSection<typeof realtimeSection>;
  /** Where the heartbeat's time comes from. @default systemClock */
  clock?: Clock;
}

/** Options of {@link Realtime.handle}. */
export interface HandleOptions {
  /** Channels the connection is in once `onOpen` has settled. @default none */
  channels?: readonly string[];
  /**
   * Called once, before anything published reaches the connection: what is sent here comes first.
   * The connection joins its channels when this has returned or the promise it returned is fulfilled;
   * until then no message is read. When it fails, the connection is closed with 1011.
   */
  onOpen?: OpenHandler;
  /**
   * Called for each message; while the promise it returns is pending no further message is read.
   * When it fails, the connection is closed with 1011. Without it a message closes with 1003.
   */
  onMessage?: MessageHandler;
}

/** Options of {@link Realtime.publish}. */
export interface PublishOptions {
  /** Left out, such as the connection that sent the message. */
  except?: Connection;
}

/** Numbers of a realtime. */
export interface RealtimeStats {
  readonly connections: number;
  readonly channels: number;
  /** Bytes that wait for slow readers, all connections together. */
  readonly bufferedBytes: number;
}

/** Connections and the channels they are in. Whoever creates it closes it. */
export interface Realtime extends Closable<RealtimeClosed> {
  /**
   * Makes a WebSocket of a request, and of anything else an answer: 426 without an upgrade or with
   * another version, 400 or 405 for a malformed handshake, 403 for a page of another origin, 503
   * when full or closing; all with a problem document.
   *
   * @returns the connection, which outlives the exchange and ends with its peer, with `close`, or
   * with this realtime; `undefined` when the exchange was answered otherwise.
   * @throws {KingError} KING_REALTIME_CHANNEL_INVALID, KING_REALTIME_CHANNEL_LIMIT for `channels`.
   */
  handle(exchange: Exchange, options?: HandleOptions): Connection | undefined;
  /**
   * Sends `message` to every connection in `channel`, encoded once. Connections that cannot take it
   * are left out and never hold up the others.
   *
   * @returns how many it was handed to.
   * @throws {KingError} KING_REALTIME_MESSAGE_TOO_LARGE, KING_REALTIME_CHANNEL_INVALID
   */
  publish(channel: string, message: Message, options?: PublishOptions): number;
  /** Those open now. */
  connections(): Iterable<Connection>;
  /** Connections in `channel` now. */
  subscribers(channel: string): number;
  stats(): RealtimeStats;
  /**
   * This realtime as a part of a system: draining closes every connection with 1001, and rejects with
   * KING_REALTIME_CONNECTIONS_CUT when some had to be cut, so that the system's report is not clean.
   */
  component(options?: { name?: string; dependsOn?: readonly string[] }): Component;
}

/** How a realtime ended. */
export interface RealtimeClosed extends Closed {
  /** Connections that had not answered our close at the deadline and were cut. */
  readonly connectionsAborted: number;
}

/**
 * Creates channels without a connection yet.
 *
 * @throws {KingError} KING_OPTION_INVALID, KING_CONFIG_LOCKED
 */
export function createRealtime(options: CreateRealtimeOptions = {}): Realtime {
  const settings = resolveOptions(realtimeSection, options, {
    config: options.config,
    others: ["clock"],
  });
  return new ChannelRealtime(settings, options.clock ?? systemClock);
}

class ChannelRealtime extends Lifetime<RealtimeClosed> implements Realtime {
  protected override readonly kind = "realtime";
  readonly #clock: Clock;
  readonly #settings: RealtimeSettings;
  readonly #server: WebSocketServer;
  readonly #connections = new Set<OpenConnection>();
  readonly #channels: Channels<Connection>;
  readonly #telemetry = new RealtimeTelemetry();
  readonly #diagnostics = new RealtimeDiagnostics();
  readonly #turn = new Turn();
  #heartbeat: Timer | undefined;
  /** Whether the end of the last connection is the end of all. */
  #ending = false;
  #aborted = 0;

  constructor(settings: RealtimeSettings, clock: Clock) {
    super();
    this.#settings = settings;
    this.#clock = clock;
    this.#channels = new Channels(settings);
    const options: ServerOptions & { closeTimeout: number } = {
      // Connections answer pings themselves, and bound how many answers wait.
      autoPong: false,
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: settings.maxMessageBytes,
      maxFragments: settings.maxMessageFragments,
      maxBufferedChunks: settings.maxMessageReads,
      closeTimeout: settings.closeTimeoutMs,
    };
    this.#server = new WebSocketServer(options);
  }

  protected override get clock(): Clock {
    return this.#clock;
  }

  get state(): LifeState {
    if (this.ended !== undefined) return "closed";
    return this.#ending ? "draining" : "open";
  }

  handle(exchange: Exchange, options: HandleOptions = {}): Connection | undefined {
    const channels = this.#checkChannels(options.channels ?? []);
    const refuse = (status: number, detail: string, headers?: HeaderFields) => {
      this.#telemetry.refused(status);
      this.#diagnostics.refuse({ status, detail });
      respondProblem(exchange, { status, detail }, { "cache-control": "no-store", ...headers });
      return undefined;
    };
    const handshake = checkHandshake(exchange, this.#settings.allowedOrigins);
    if ("status" in handshake) {
      return refuse(handshake.status, handshake.detail, handshake.headers);
    }
    if (this.#ending) return refuse(503, "this endpoint is closing");
    if (this.#connections.size >= this.#settings.maxConnections) {
      return refuse(503, "this endpoint has as many connections as it may", {
        "retry-after": "10",
      });
    }
    // The client went away before its turn came.
    if (exchange.state === "closed") return undefined;
    const duplex = nodeDuplex(
      (exchange.upgrade as NonNullable<Exchange["upgrade"]>).accept(handshake.headers),
    );
    const socket = this.#open(duplex);
    // The peer went away while its handshake was looked at.
    if (socket === undefined) return undefined;
    const { remote } = exchange.session;
    const connection = new OpenConnection({ socket, duplex }, this.#context, {
      ...(remote !== undefined && { remote }),
      onMessage: options.onMessage,
    });
    this.#add(connection);
    connection.greet(options.onOpen, channels);
    return connection;
  }

  get #context(): ConnectionContext {
    return {
      settings: this.#settings,
      clock: this.#clock,
      turn: this.#turn,
      channels: this.#channels,
      telemetry: this.#telemetry,
      diagnostics: this.#diagnostics,
    };
  }

  #checkChannels(channels: readonly string[]): ReadonlySet<string> {
    for (const channel of channels) this.#channels.checkName(channel);
    const distinct = new Set(channels);
    const limit = this.#settings.maxChannelsPerConnection;
    if (distinct.size > limit) {
      throw realtimeErrors.create(
        "KING_REALTIME_CHANNEL_LIMIT",
        `channels: expected at most ${limit}, got ${distinct.size}`,
        { limit },
      );
    }
    return distinct;
  }

  /** Lays `ws` over a duplex whose handshake has been answered. */
  #open(duplex: Duplex): WebSocket | undefined {
    let opened: WebSocket | undefined;
    // `ws` answers the handshake by itself, in one synchronous write; here it was answered before.
    duplex.write = () => true;
    try {
      this.#server.handleUpgrade(
        alreadyChecked as unknown as Parameters<WebSocketServer["handleUpgrade"]>[0],
        duplex,
        Buffer.alloc(0),
        (socket) => {
          opened = socket;
        },
      );
    } finally {
      // Uncovers the method of the prototype again.
      Reflect.deleteProperty(duplex, "write");
    }
    return opened;
  }

  #add(connection: OpenConnection): void {
    this.#connections.add(connection);
    this.#telemetry.opened();
    this.#diagnostics.open({ connection });
    const { heartbeatIntervalMs } = this.#settings;
    if (heartbeatIntervalMs !== Number.POSITIVE_INFINITY) {
      // One timer for all, and none while there is nobody.
      this.#heartbeat ??= this.#clock.every(heartbeatIntervalMs, () => this.#beat(), {
        keepAlive: false,
      });
    }
    connection.closed.then(() => this.#remove(connection));
  }

  #remove(connection: OpenConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    this.#heartbeat?.cancel();
    this.#heartbeat = undefined;
    if (this.#ending) this.#finish();
  }

  #beat(): void {
    for (const connection of this.#connections) connection.beat();
  }

  publish(channel: string, message: Message, options: PublishOptions = {}): number {
    this.#channels.checkName(channel);
    const members = this.#channels.members(channel);
    const frame = encodeFrame(message);
    checkFrame(frame, this.#settings.maxSendBufferBytes);
    return this.#telemetry.publish(channel, frame.length, () => {
      let taken = 0;
      for (const connection of members as Iterable<OpenConnection>) {
        if (connection !== options.except && connection.write(frame)) taken++;
      }
      this.#telemetry.sent(taken);
      return taken;
    });
  }

  connections(): Iterable<Connection> {
    return this.#connections.values();
  }

  subscribers(channel: string): number {
    return this.#channels.members(channel).size;
  }

  stats(): RealtimeStats {
    let bufferedBytes = 0;
    for (const connection of this.#connections) bufferedBytes += connection.bufferedBytes;
    return {
      connections: this.#connections.size,
      channels: this.#channels.size,
      bufferedBytes,
    };
  }

  component(options: { name?: string; dependsOn?: readonly string[] } = {}): Component {
    return {
      name: options.name ?? "realtime",
      ...(options.dependsOn !== undefined && { dependsOn: options.dependsOn }),
      start: () => {
        if (this.state === "open") return;
        throw realtimeErrors.create(
          "KING_REALTIME_CLOSED",
          `expected an open realtime, got one that is ${this.state}`,
          {},
        );
      },
      drain: (context) => this.#drain(context),
      stop: () => this.abort(),
      health: () => {
        if (this.state !== "open") return { status: "unhealthy", reason: this.state };
        return this.#connections.size < this.#settings.maxConnections
          ? { status: "healthy" }
          : { status: "degraded", reason: "as many connections as there may be" };
      },
      stats: () => ({ ...this.stats() }),
    };
  }

  async #drain({ deadlineMs, signal }: DrainContext): Promise<void> {
    if (this.ended !== undefined) return;
    await this.close({ deadlineMs, signal });
    const { connectionsAborted } = await this.closed;
    if (connectionsAborted === 0) return;
    throw realtimeErrors.create(
      "KING_REALTIME_CONNECTIONS_CUT",
      `expected every connection to be closed by the deadline, got ${connectionsAborted} ${connectionsAborted === 1 ? "connection" : "connections"} that had to be cut`,
      { connections: connectionsAborted },
    );
  }

  /** Every peer is told 1001 unless `options` say otherwise. */
  protected override beginClose(options: CloseOptions): void {
    this.#ending = true;
    if (this.#connections.size === 0) this.#finish();
    const { code = 1001, reason = "server shutdown" } = options;
    for (const connection of this.#connections) {
      // Without a deadline of their own: ours aborts them.
      void connection.close({ code, reason, deadlineMs: Number.POSITIVE_INFINITY });
    }
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined) return;
    this.#ending = true;
    this.#aborted = this.#connections.size;
    if (this.#connections.size === 0) this.#finish();
    for (const connection of this.#connections) connection.abort(reason);
  }

  #finish(): void {
    this.#server.close();
    this.finish({
      by: "local",
      clean: this.#aborted === 0,
      connectionsAborted: this.#aborted,
    });
  }
}

/**
 * The request `ws` is shown: the real one was looked at and answered, and on HTTP/2 and /3 it has no
 * key. The value is the sample key of RFC 6455, section 1.3; what is computed of it is not sent.
 */
const alreadyChecked = {
  method: "GET",
  url: "/",
  headers: {
    upgrade: "websocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
  },
};
