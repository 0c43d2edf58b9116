import {
  abortedHere,
  BaseSession,
  type CloseOptions,
  DatagramInbox,
  describeValue,
  type Endpoint,
  Inbox,
  type KingError,
  type OpenStreamOptions,
  optionError,
  type QuicSession as QuicSessionContract,
  type SessionStats,
  type Stream,
  type StreamCapability,
  streamErrors,
  systemClock,
  type Timer,
  type TlsFacts,
} from "@king-runtime/core";
import { checkCode, checkReason, noCode } from "./codes.ts";
import type {
  ConnectionEnd,
  ConnectionEvents,
  EarlyHandshake,
  EngineConnection,
  EngineStream,
} from "./engine-connection.ts";
import type { QuicLimits } from "./limits.ts";
import { QuicStream, type StreamOwner } from "./quic-stream.ts";
import { streamIdFacts } from "./stream-id.ts";
import { Undelivered } from "./undelivered.ts";

const optionNames = ["direction", "atLimit", "signal", "background"];

type Direction = "both" | "send";

interface Waiter {
  readonly direction: Direction;
  readonly resolve: (stream: Stream) => void;
  readonly reject: (error: unknown) => void;
}

/** A QUIC connection (RFC 9000) over an engine's. */
export class QuicSession
  extends BaseSession
  implements QuicSessionContract, ConnectionEvents, StreamOwner
{
  readonly role: "client" | "server";
  readonly protocol = "quic";
  readonly capabilities: ReadonlySet<StreamCapability>;
  readonly limits: QuicLimits;
  readonly undelivered: Undelivered;
  override local: Endpoint;
  override readonly remote: Endpoint;
  override tls: TlsFacts;
  readonly earlyData: QuicSessionContract["earlyData"];
  readonly #connection: EngineConnection;
  readonly #active = new Set<QuicStream>();
  /** Those that the end of the session does not wait for. */
  readonly #background = new Set<Stream>();
  readonly #arrived = new Inbox<QuicStream>("streams");
  readonly #waiting = new Set<Waiter>();
  readonly #datagrams: DatagramInbox;
  #datagramsSent = 0;
  #opened = 0;
  /** Streams that are open, by who opened them and which way they go. */
  readonly #count = {
    client: { both: { open: 0 }, send: { open: 0 } },
    server: { both: { open: 0 }, send: { open: 0 } },
  };
  #keepAlive: Timer | undefined;
  #closeOptions: CloseOptions = {};
  /** Its end has begun: nothing more goes through the connection. */
  #leaving = false;

  constructor(connection: EngineConnection, limits: QuicLimits) {
    super();
    this.#connection = connection;
    this.limits = limits;
    this.role = connection.role;
    this.local = connection.local;
    this.remote = connection.remote;
    this.tls = connection.tls;
    this.earlyData = connection.early && this.#watchEarly(connection.early);
    this.capabilities = connection.capabilities;
    this.undelivered = new Undelivered(limits.maxSessionUndeliveredBytes);
    this.#datagrams = new DatagramInbox(limits.maxQueuedDatagrams);
    const { keepAliveIntervalMs } = limits;
    if (keepAliveIntervalMs !== Number.POSITIVE_INFINITY) {
      const ping = () => connection.ping();
      this.#keepAlive = systemClock.every(keepAliveIntervalMs, ping, { keepAlive: false });
    }
    connection.events = this;
  }

  /** Streams that clients opened before the handshake was complete. */
  readonly #earlyStreams = new WeakSet<Stream>();

  #watchEarly(early: EarlyHandshake): NonNullable<QuicSessionContract["earlyData"]> {
    early.handshake.then(
      () => {
        this.tls = this.#connection.tls;
      },
      () => undefined, // its end tells the same
    );
    return {
      get state() {
        return early.state;
      },
      handshake: early.handshake,
      includes: (stream) => this.#earlyStreams.has(stream),
    };
  }

  /** Largest code that its streams can be broken off with. */
  get largestCode(): number {
    return this.#connection.largestCode;
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.closing || this.#leaving ? "draining" : "open";
  }

  stats(): SessionStats {
    return {
      ...this.#connection.stats(),
      streamsOpened: this.#opened,
      streamsActive: this.#active.size,
      datagramsSent: this.#datagramsSent,
      datagramsReceived: this.#datagrams.received,
      datagramsDropped: this.#datagrams.dropped,
    };
  }

  // Streams we open

  async openStream(options: OpenStreamOptions = {}): Promise<Stream> {
    const { direction, atLimit, signal, background } = checkOptions(options);
    signal?.throwIfAborted();
    if (this.state !== "open") throw sessionClosed();
    if (direction === "send" && !this.capabilities.has("unidirectional")) {
      const message = "the engine opens no unidirectional streams";
      const details = { capability: "unidirectional", protocol: this.protocol };
      throw streamErrors.create("KING_STREAM_UNSUPPORTED", message, details);
    }
    const stream = this.#waiting.size === 0 ? this.#open(direction) : undefined;
    if (stream !== undefined) {
      if (background) this.background(stream);
      return stream;
    }
    const limit = this.limits.maxStreams;
    if (atLimit === "refuse" || this.#waiting.size >= limit) {
      const waiting = this.#waiting.size > 0 ? `, and ${this.#waiting.size} wait for one` : "";
      const message = `expected a stream to be left, got ${this.#active.size} open${waiting}`;
      throw streamErrors.create("KING_STREAM_LIMIT", message, { limit });
    }
    const waited = await this.#wait(direction, signal);
    if (background) this.background(waited);
    return waited;
  }

  background(stream: Stream): void {
    if (stream.state === "closed") return;
    this.#background.add(stream);
    this.#settle();
  }

  #open(direction: Direction): QuicStream | undefined {
    if (this.#count[this.role][direction].open >= this.limits.maxStreams) return undefined;
    const stream = this.#connection.openStream(direction);
    return stream && this.#track(new QuicStream(stream, direction, this));
  }

  async #wait(direction: Direction, signal: AbortSignal | undefined): Promise<Stream> {
    const { promise, resolve, reject } = Promise.withResolvers<Stream>();
    const waiter = { direction, resolve, reject };
    this.#waiting.add(waiter);
    const giveUp = () => reject(signal?.reason);
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", giveUp);
      this.#waiting.delete(waiter);
    }
  }

  onRoom(): void {
    for (const waiter of this.#waiting) {
      const stream = this.#open(waiter.direction);
      if (stream === undefined) continue;
      this.#waiting.delete(waiter);
      waiter.resolve(stream);
    }
  }

  // Streams the peer opens

  onStream(engine: EngineStream): void {
    const { unidirectional } = streamIdFacts(engine.id);
    const stream = new QuicStream(engine, unidirectional ? "receive" : "both", this);
    this.#track(stream);
    if (this.state !== "open" || this.#countOf(stream).open > this.limits.maxStreams) {
      stream.reset();
      return;
    }
    this.#arrived.push(stream);
  }

  streams(): AsyncIterable<Stream> {
    return this.#arrived.read();
  }

  async migrate(): Promise<void> {
    if (this.#leaving) throw sessionClosed();
    const { migrate } = this.#connection;
    if (migrate === undefined) {
      const message = "the session cannot go on from another port";
      const details = { capability: "migration", protocol: this.protocol };
      throw streamErrors.create("KING_STREAM_UNSUPPORTED", message, details);
    }
    await migrate();
    this.local = this.#connection.local;
  }

  // Datagrams

  get maxDatagramBytes(): number {
    return this.#leaving ? 0 : this.#connection.maxDatagramBytes;
  }

  sendDatagram(datagram: Uint8Array): boolean {
    if (this.#leaving) throw sessionClosed();
    const most = this.#connection.maxDatagramBytes;
    if (most === 0) {
      const message = "the peer takes no datagrams";
      const details = { capability: "datagrams", protocol: this.protocol };
      throw streamErrors.create("KING_STREAM_UNSUPPORTED", message, details);
    }
    if (!(datagram instanceof Uint8Array)) {
      throw optionError("datagram", `expected bytes, got ${describeValue(datagram)}`);
    }
    if (datagram.length > most) {
      throw optionError("datagram", `expected at most ${most} bytes, got ${datagram.length}`);
    }
    const isTaken = this.#connection.sendDatagram(datagram);
    if (isTaken) this.#datagramsSent++;
    return isTaken;
  }

  onDatagram(datagram: Uint8Array): void {
    this.#datagrams.push(datagram);
  }

  datagrams(): AsyncIterable<Uint8Array> {
    return this.#datagrams.read();
  }

  // Their ends

  #track(stream: QuicStream): QuicStream {
    this.#opened++;
    this.#active.add(stream);
    this.#countOf(stream).open++;
    const { openedBy } = streamIdFacts(stream.streamId);
    if (this.earlyData?.state === "pending" && openedBy === "client") {
      this.#earlyStreams.add(stream);
    }
    return stream;
  }

  #countOf({ streamId }: QuicStream): { open: number } {
    const { openedBy, unidirectional } = streamIdFacts(streamId);
    return this.#count[openedBy][unidirectional ? "send" : "both"];
  }

  onStreamEnd(stream: QuicStream): void {
    this.#countOf(stream).open--;
    this.#active.delete(stream);
    this.#background.delete(stream);
    if (this.#leaving) return;
    this.onRoom();
    this.#settle();
  }

  // The session's end

  /** @throws {KingError} KING_OPTION_INVALID for a code or reason that the protocol cannot carry. */
  override async close(options: CloseOptions = {}): Promise<void> {
    if (options.code !== undefined) checkCode(options.code);
    if (options.reason !== undefined) checkReason(options.reason);
    return super.close(options);
  }

  protected beginClose(options: CloseOptions): void {
    this.#closeOptions = options;
    for (const waiter of this.#waiting) waiter.reject(sessionClosed());
    // What nobody reads, nobody misses.
    if (!this.#arrived.isBeingRead) for (const stream of this.#arrived.takeAll()) stream.reset();
    this.#settle();
  }

  /** Ends the connection once nothing is under way. */
  #settle(): void {
    const underWay = this.#active.size - this.#background.size;
    if (!this.closing || this.#leaving || underWay > 0) return;
    void this.#leave();
  }

  async #leave(): Promise<void> {
    this.#leaving = true;
    await this.#connection.delivered();
    if (this.#cut) return;
    const { code = noCode, reason = "" } = this.#closeOptions;
    await this.#connection.close(code, reason);
    this.#cutStreams("local", sessionClosed());
    this.#end({ by: "local", clean: true, streamsAborted: 0, ...this.#told() });
  }

  #told() {
    const { code, reason } = this.#closeOptions;
    return { ...(code === undefined ? {} : { code }), ...(reason === undefined ? {} : { reason }) };
  }

  #cut = false;

  abort(reason?: unknown): void {
    if (this.#cut || this.ended !== undefined) return;
    this.#cut = true;
    this.#leaving = true;
    const error = reason instanceof Error ? reason : abortedHere("session");
    const streamsAborted = this.#cutStreams("local", error);
    const { code = noCode, reason: text = "" } = this.#closeOptions;
    void this.#connection.close(code, text).then(() => {
      this.#end({ by: "local", clean: false, streamsAborted, error, ...this.#told() });
    });
  }

  onEnd({ by, code, reason, error }: ConnectionEnd): void {
    if (this.#cut || this.ended !== undefined) return;
    this.#cut = true;
    // All was over, and delivered or nearly so, when the other side was faster.
    const ours = this.#leaving && by === "peer";
    this.#leaving = true;
    const failure = error ?? lostTo(by, code);
    const streamsAborted = this.#cutStreams(by, failure);
    this.#end({
      by: ours ? "local" : by,
      clean: streamsAborted === 0 && error === undefined,
      streamsAborted,
      ...(code === undefined ? {} : { code }),
      ...(reason === undefined || reason === "" ? {} : { reason }),
      ...(error === undefined ? {} : { error }),
    });
  }

  #cutStreams(by: "local" | "peer" | "network", error: Error): number {
    for (const waiter of this.#waiting) waiter.reject(sessionClosed(error));
    let count = 0;
    for (const stream of [...this.#active]) if (stream.onConnectionEnd(by, error)) count++;
    return count;
  }

  #end(info: Parameters<BaseSession["finish"]>[0]): void {
    // What came whole before the end is still given to a reader.
    for (const stream of this.#arrived.takeAll()) if (stream.whole) this.#arrived.push(stream);
    this.#keepAlive?.cancel();
    this.#datagrams.end();
    this.finish(info);
    this.#arrived.end();
  }
}

function checkOptions(options: OpenStreamOptions) {
  for (const name of Object.keys(options)) {
    if (!optionNames.includes(name)) {
      throw optionError(name, `expected one of ${optionNames.join(", ")}`);
    }
  }
  const { direction = "both", atLimit = "refuse", signal, background = false } = options;
  if (direction !== "both" && direction !== "send") {
    throw optionError("direction", `expected "both" or "send", got ${describeValue(direction)}`);
  }
  if (atLimit !== "refuse" && atLimit !== "wait") {
    throw optionError("atLimit", `expected "refuse" or "wait", got ${describeValue(atLimit)}`);
  }
  if (typeof background !== "boolean") {
    throw optionError("background", `expected a boolean, got ${describeValue(background)}`);
  }
  return { direction, atLimit, signal, background } as const;
}

function sessionClosed(cause?: Error): KingError {
  const message = "the session opens no more streams";
  return streamErrors.create("KING_SESSION_CLOSED", message, {}, cause && { cause });
}

function lostTo(by: "peer" | "network", code: number | undefined): KingError {
  const message = `the connection ended before the stream${code === undefined ? "" : `, with code ${code}`}`;
  const details = { by, ...(code === undefined ? {} : { code }) };
  return streamErrors.create("KING_STREAM_RESET", message, details);
}
