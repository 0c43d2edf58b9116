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
  type Session,
  type SessionClosed,
  type SessionStats,
  type Stream,
  type StreamCapability,
  type StreamSession,
  streamErrors,
  systemClock,
  type TlsFacts,
} from "@king-runtime/core";
import { httpErrors } from "../errors.ts";
import { http3Codes, sessionCodes } from "../http3/codes.ts";
import { frameTypes, streamTypes } from "../http3/frame-types.ts";
import { varintLength, varints, writeVarint } from "../http3/varint.ts";
import type {
  Admission,
  ClaimedStream,
  SessionMember,
  WebTransportCarrier,
} from "../http3/web-transport.ts";
import { CapsuleReader, closeCapsule, drainCapsule, maxReasonBytes } from "./capsules.ts";
import { checkCode, largestCode, toHttp3Code } from "./codes.ts";
import { StreamPlaces } from "./stream-places.ts";
import { type StreamOwner, WebTransportStream } from "./web-transport-stream.ts";

/**
 * A session of WebTransport over HTTP/3 (draft-ietf-webtrans-http3). Codes of its end and of its streams have 32 bits.
 * `close` tells code and reason (at most 1,024 bytes) once its streams are over, and ends for the peer what is still on its
 * way: have the peer answer what must arrive. `abort` breaks it off without a code, unless `close` was given one.
 */
export interface WebTransportSession extends StreamSession {
  readonly protocol: "wt";
  /** Number of the request stream that it is on, which names it on its connection. */
  readonly sessionId: number;
  /** Asks the peer to wind the session down: its `events()` tell of a `goaway`. Nothing ends by it. */
  drain(): void;
}

/** What an {@link OpenWebTransportSession} is made of. */
export interface WebTransportSessionParts {
  readonly carrier: WebTransportCarrier;
  readonly admission: Admission;
  /** The request stream, whose bytes are capsules. */
  readonly connect: Stream;
  readonly sessionId: number;
  /** The connection of HTTP/3. */
  readonly http: Session;
}

/** How long the peer may take to end the request stream of a session that has ended, in milliseconds. */
const partingMs = 5_000;

const optionNames = ["direction", "atLimit", "signal", "background"];

/** What the code of a stream is sent as over an engine that has no room for those of WebTransport. */
const noRoomCode = http3Codes.requestCancelled;

/** Largest code that streams of an engine carry, where it does not tell: QUIC itself has 62 bits. */
const usualCode = 0xffff_ffff;

type By = "local" | "peer" | "network";

export class OpenWebTransportSession
  extends BaseSession
  implements WebTransportSession, SessionMember, StreamOwner
{
  readonly role: "client" | "server";
  readonly protocol = "wt";
  readonly sessionId: number;
  readonly capabilities: ReadonlySet<StreamCapability>;
  declare readonly local?: Endpoint;
  declare readonly remote?: Endpoint;
  declare readonly tls?: TlsFacts;
  readonly #quic: StreamSession;
  readonly #connect: Stream;
  readonly #admission: Admission;
  readonly #maxStreams: number;
  readonly #carriesCodes: boolean;
  readonly #datagrams: DatagramInbox;
  #datagramsSent = 0;
  readonly #active = new Set<WebTransportStream>();
  /** Those that the end of the session does not wait for. */
  readonly #background = new Set<Stream>();
  readonly #places: StreamPlaces;
  /** Streams that the peer has open. */
  readonly #peerOpen = { both: 0, receive: 0 };
  #opened = 0;
  readonly #arrived = new Inbox<WebTransportStream>("streams");
  /** Ends the waits for streams of the connection. */
  readonly #ending = new AbortController();
  #closeOptions: CloseOptions = {};
  /** Streams that went with the connection, before the session did. */
  #cutBelow = 0;
  #isLeaving = false;
  #isPeerDone = false;
  #isCut = false;
  #isDraining = false;
  #isGoawayTold = false;

  constructor({ carrier, admission, connect, sessionId, http }: WebTransportSessionParts) {
    super();
    const { quic, limits } = carrier;
    this.role = http.role;
    this.sessionId = sessionId;
    this.#quic = quic;
    this.#connect = connect;
    this.#admission = admission;
    this.#maxStreams = limits.maxStreams;
    this.#places = new StreamPlaces(limits.maxStreams);
    this.#datagrams = new DatagramInbox(limits.maxQueuedDatagrams);
    const { local, remote, tls } = http;
    Object.assign(this, local && { local }, remote && { remote }, tls && { tls });
    const { largestCode: most = usualCode } = quic as { readonly largestCode?: number };
    this.#carriesCodes = most >= toHttp3Code(largestCode);
    const own = new Set(quic.capabilities);
    if (!this.#carriesCodes) own.delete("reset-code");
    this.capabilities = own;
    admission.join(sessionId, this);
    void this.#receiveCapsules();
    connect.closed.then(({ by, error }) => this.#onConnectEnd(by, error));
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.closing || this.#isOver ? "draining" : "open";
  }

  /** Its end has begun. */
  get #isOver(): boolean {
    return this.#isLeaving || this.#isPeerDone || this.#isCut;
  }

  stats(): SessionStats {
    const { roundTripMs } = this.#quic.stats();
    return {
      ...(roundTripMs === undefined ? {} : { roundTripMs }),
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
      throw this.#unsupported("unidirectional", "the engine opens no unidirectional streams");
    }
    await this.#places.take(direction, atLimit, signal);
    let stream: WebTransportStream | undefined;
    try {
      stream = new WebTransportStream(await this.#openBelow(direction, atLimit, signal), this);
    } finally {
      if (stream === undefined) this.#places.free(direction);
    }
    this.#track(stream);
    if (background) this.background(stream);
    return stream;
  }

  async #openBelow(
    direction: "both" | "send",
    atLimit: "refuse" | "wait",
    signal: AbortSignal | undefined,
  ): Promise<Stream> {
    const ending = this.#ending.signal;
    const asked = { direction, atLimit, background: true };
    let stream: Stream;
    try {
      stream = await (atLimit === "refuse"
        ? this.#quic.openStream(asked)
        : this.#quic.openStream({ ...asked, signal: AbortSignal.any([ending, ...some(signal)]) }));
    } catch (error) {
      throw ending.aborted ? sessionClosed() : error;
    }
    if (this.state !== "open") {
      stream.reset(sessionCodes.sessionGone);
      throw sessionClosed();
    }
    const type = direction === "both" ? frameTypes.webTransportStream : streamTypes.webTransport;
    stream.write(varints(type, this.sessionId))?.catch(() => undefined); // told by `closed`
    return stream;
  }

  background(stream: Stream): void {
    if (!this.#active.has(stream as WebTransportStream)) return;
    this.#background.add(stream);
    this.#settle();
  }

  // Streams the peer opens

  onStream(claimed: ClaimedStream): void {
    const { stream: quic } = claimed;
    const direction = quic.direction === "both" ? "both" : "receive";
    if (this.state !== "open" || this.#peerOpen[direction] >= this.#maxStreams) {
      quic.reset(sessionCodes.bufferedStreamRejected);
      return;
    }
    this.#quic.background(quic);
    this.#peerOpen[direction]++;
    const stream = new WebTransportStream(quic, this, claimed);
    this.#track(stream);
    this.#arrived.push(stream);
  }

  streams(): AsyncIterable<Stream> {
    return this.#arrived.read();
  }

  // What streams ask

  toWire(code: number): number {
    return this.#carriesCodes ? toHttp3Code(code) : noRoomCode;
  }

  #track(stream: WebTransportStream): void {
    this.#opened++;
    this.#active.add(stream);
  }

  onStreamEnd(stream: WebTransportStream): void {
    const { direction } = stream;
    if (stream.openedBy === "local") this.#places.free(direction === "both" ? "both" : "send");
    else this.#peerOpen[direction === "both" ? "both" : "receive"]--;
    if (this.#active.delete(stream) && stream.isCutBelow && this.#quic.state !== "open") {
      this.#cutBelow++;
    }
    this.#background.delete(stream);
    this.#settle();
  }

  // Datagrams

  get maxDatagramBytes(): number {
    if (this.state === "closed" || this.#isOver) return 0;
    return Math.max(0, this.#quic.maxDatagramBytes - varintLength(this.sessionId / 4));
  }

  sendDatagram(datagram: Uint8Array): boolean {
    if (this.ended !== undefined || this.#isOver) throw sessionClosed();
    const most = this.maxDatagramBytes;
    if (most === 0) throw this.#unsupported("datagrams", "the peer takes no datagrams");
    if (!(datagram instanceof Uint8Array)) {
      throw optionError("datagram", `expected bytes, got ${describeValue(datagram)}`);
    }
    if (datagram.length > most) {
      throw optionError("datagram", `expected at most ${most} bytes, got ${datagram.length}`);
    }
    // RFC 9297, section 2.1
    const quarter = this.sessionId / 4;
    const bytes = new Uint8Array(varintLength(quarter) + datagram.length);
    bytes.set(datagram, writeVarint(bytes, 0, quarter));
    const isTaken = this.#quic.sendDatagram(bytes);
    if (isTaken) this.#datagramsSent++;
    return isTaken;
  }

  onDatagram(payload: Uint8Array): void {
    this.#datagrams.push(payload);
  }

  datagrams(): AsyncIterable<Uint8Array> {
    return this.#datagrams.read();
  }

  #unsupported(capability: StreamCapability, message: string): KingError {
    const details = { capability, protocol: this.protocol };
    return streamErrors.create("KING_STREAM_UNSUPPORTED", message, details);
  }

  // Capsules

  async #receiveCapsules(): Promise<void> {
    const reader = new CapsuleReader({
      onClose: (code, reason) => this.#onPeerClose(code, reason),
      onDrain: () => this.onGoaway(),
      onDatagram: (payload) => this.onDatagram(payload),
    });
    try {
      for await (const chunk of this.#connect) {
        // Before the loop is left, which tells the peer a code of its own.
        if (!this.#takes(() => reader.push(chunk))) return;
      }
    } catch {
      return; // told by the stream's end
    }
    // An end alone is a close without code and reason.
    if (this.#takes(() => reader.end()) && !this.#isPeerDone) this.#onPeerClose(0, "");
  }

  #takes(read: () => void): boolean {
    try {
      read();
      return true;
    } catch (cause) {
      this.#connect.reset(http3Codes.messageError);
      if (this.#isPeerDone) return false; // the close counts
      const { message } = cause as Error;
      const error = httpErrors.create(
        "KING_HTTP_PROTOCOL",
        `WebTransport: ${message}`,
        {},
        { cause },
      );
      this.#cut("local", error);
      return false;
    }
  }

  onGoaway(): void {
    if (this.#isGoawayTold || this.ended !== undefined) return;
    this.#isGoawayTold = true;
    this.emit({ type: "goaway" });
  }

  drain(): void {
    if (this.#isDraining || this.state !== "open") return;
    this.#sendDrain();
  }

  #sendDrain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      this.#connect.write(drainCapsule())?.catch(() => undefined);
    } catch {
      // The connection has ended, which is told otherwise.
    }
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
    this.#refuseWaiting();
    // What nobody reads, nobody misses.
    if (!this.#arrived.isBeingRead)
      for (const stream of this.#arrived.takeAll()) stream.lose("local", gone());
    this.#settle();
    if (!this.#isOver) this.#sendDrain();
  }

  #refuseWaiting(): void {
    this.#places.close(sessionClosed());
    this.#ending.abort();
  }

  /** Ends the session once nothing is under way. */
  #settle(): void {
    const underWay = this.#active.size - this.#background.size;
    if (!this.closing || this.#isOver || underWay > 0) return;
    void this.#leave();
  }

  async #leave(): Promise<void> {
    this.#isLeaving = true;
    await this.#sayClose();
    if (this.#isCut) return;
    for (const stream of this.#active) stream.lose("local", sessionClosed());
    this.#end({ by: "local", clean: true, streamsAborted: 0, ...this.#told() });
  }

  /** Sends the close, and waits a while for the peer's end: both are the end of the stream. */
  async #sayClose(): Promise<void> {
    const { code = 0, reason = "" } = this.#closeOptions;
    this.#part();
    await this.#connect.end(closeCapsule(code, reason)).catch(() => undefined);
  }

  #part(): void {
    const cut = () => this.#connect.reset(http3Codes.noError);
    const timer = systemClock.after(partingMs, cut, { keepAlive: false });
    this.#connect.closed.then(() => timer.cancel());
  }

  #told() {
    const { code, reason } = this.#closeOptions;
    return { ...(code === undefined ? {} : { code }), ...(reason === undefined ? {} : { reason }) };
  }

  /** The peer closes; what came with that, on other streams, is looked at first. */
  #onPeerClose(code: number, reason: string): void {
    this.#isPeerDone = true;
    this.#connect.end().catch(() => undefined);
    setImmediate(() => this.#endByPeer(code, reason));
  }

  #endByPeer(code: number, reason: string): void {
    if (this.#isLeaving || this.#isCut || this.ended !== undefined) return;
    this.#refuseWaiting();
    const error = gone();
    let streamsAborted = 0;
    for (const stream of this.#active) {
      if (stream.linger(error)) continue;
      stream.lose("peer", error);
      if (!this.#background.has(stream)) streamsAborted++;
    }
    for (const stream of this.#arrived.takeAll())
      if (stream.direction === "receive") this.#arrived.push(stream);
    const text = reason === "" ? {} : { reason };
    this.#end({ by: "peer", clean: streamsAborted === 0, streamsAborted, code, ...text });
  }

  /** The request stream is over. */
  #onConnectEnd(by: By, error: Error | undefined): void {
    if (this.#isOver || this.ended !== undefined) return;
    this.#cut(by, error);
  }

  abort(reason?: unknown): void {
    if (this.#isCut || this.ended !== undefined) return;
    const { code, reason: text } = this.#closeOptions;
    if (code === undefined && text === undefined) this.#connect.reset(http3Codes.requestCancelled);
    else if (!this.#isLeaving) void this.#sayClose();
    this.#cut("local", reason instanceof Error ? reason : abortedHere("session"));
  }

  #cut(by: By, error: Error | undefined): void {
    if (this.#isCut || this.ended !== undefined) return;
    this.#isCut = true;
    this.#refuseWaiting();
    const streamsAborted = this.#active.size + this.#cutBelow;
    for (const stream of this.#active) stream.lose(by, error ?? lostTo(by));
    this.#arrived.takeAll();
    this.#end({
      by,
      clean: false,
      streamsAborted,
      ...(error === undefined ? {} : { error }),
      ...this.#told(),
    });
  }

  #end(info: SessionClosed): void {
    this.#active.clear();
    this.#admission.leave();
    this.#datagrams.end();
    this.finish(info);
    this.#arrived.end();
  }
}

const some = (signal: AbortSignal | undefined) => (signal === undefined ? [] : [signal]);

function checkReason(reason: string): void {
  const length = Buffer.byteLength(reason);
  if (length <= maxReasonBytes) return;
  throw optionError("reason", `expected at most ${maxReasonBytes} bytes, got ${length}`);
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

const sessionClosed = (): KingError =>
  streamErrors.create("KING_SESSION_CLOSED", "the session opens no more streams", {});

const gone = (): KingError =>
  streamErrors.create("KING_STREAM_RESET", "the peer ended the session", { by: "peer" });

const lostTo = (by: By): KingError =>
  streamErrors.create("KING_STREAM_RESET", "the session ended before the stream", {
    by: by === "network" ? by : "peer",
  });
