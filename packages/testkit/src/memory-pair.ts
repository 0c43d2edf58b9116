import {
  abortedHere,
  BaseSession,
  BaseStream,
  type CloseOptions,
  DatagramInbox,
  type OpenStreamOptions,
  optionError,
  type QuicSession,
  type SessionClosed,
  type SessionStats,
  type Stream,
  type StreamCapability,
  streamErrors,
} from "@king-runtime/core";

const capabilities: ReadonlySet<StreamCapability> = new Set([
  "half-close",
  "reset-code",
  "stop-reading",
  "receive-backpressure",
  "multiplexing",
  "unidirectional",
]);

const sessionCapabilities: ReadonlySet<StreamCapability> = new Set([...capabilities, "datagrams"]);

const datagramBytes = 1_200;
const datagramCount = 256;
const roomBytes = 65_536;
const limitBytes = 1_048_576;

/**
 * Two sessions joined in memory: the plainest implementation of every capability of a stream.
 *
 * @param streamLimit how many streams each side may have open.
 */
export function memoryPair(streamLimit = 100): { client: QuicSession; server: QuicSession } {
  const client = new MemorySession("client", streamLimit);
  const server = new MemorySession("server", streamLimit);
  client.peer = server;
  server.peer = client;
  return { client, server };
}

/** Options of {@link memoryStreams}. */
export interface MemoryStreamsOptions {
  /** `"send"` lets bytes go from the first stream to the second only. @default "both" */
  direction?: "both" | "send";
  /**
   * Lets no writer wait for a reader: so many bytes are held for one, then its stream is reset. Without it
   * the streams have `receive-backpressure`.
   */
  heldBytes?: number;
}

/** Two streams joined in memory. */
export function memoryStreams(options: MemoryStreamsOptions = {}): [Stream, Stream] {
  return joinStreams(options);
}

function joinStreams(options: MemoryStreamsOptions): [MemoryStream, MemoryStream] {
  const { direction = "both", heldBytes } = options;
  const there = new Pipe(heldBytes);
  const back = new Pipe(heldBytes);
  if (direction === "send") back.end();
  const own =
    heldBytes === undefined
      ? capabilities
      : new Set([...capabilities].filter((each) => each !== "receive-backpressure"));
  const near = new MemoryStream(back, there, direction, own);
  const far = new MemoryStream(there, back, direction === "send" ? "receive" : "both", own);
  near.peer = far;
  far.peer = near;
  return [near, far];
}

/** One direction. */
class Pipe {
  readonly chunks: Uint8Array[] = [];
  queued = 0;
  ended = false;
  /** Nobody will read: what is written is refused with this. */
  stopped: Error | undefined;
  /** Nobody can read: reading fails with this. */
  broken: Error | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #data: PromiseWithResolvers<void> | undefined;
  readonly #heldBytes: number | undefined;
  /** Written in this turn. */
  #unsent = 0;
  /** More came than is held. */
  onOverflow: ((error: Error) => void) | undefined;

  constructor(heldBytes?: number) {
    this.#heldBytes = heldBytes;
  }

  push(chunk: Uint8Array): undefined | Promise<void> {
    if (this.stopped !== undefined) throw this.stopped;
    if (this.#heldBytes !== undefined) return this.#hold(chunk, this.#heldBytes);
    this.#refuseUnsent(this.queued, chunk);
    this.#take(chunk);
    return this.queued < roomBytes ? undefined : this.#wait();
  }

  /** What is written goes to the other side in the next turn, and what is held there grows. */
  #hold(chunk: Uint8Array, heldBytes: number): Promise<void> | undefined {
    this.#refuseUnsent(this.#unsent, chunk);
    this.#unsent += chunk.length;
    setImmediate(() => {
      this.#unsent = 0;
      this.#makeRoom();
    });
    if (this.queued + chunk.length > heldBytes) {
      const message = `expected a reader to keep up, got more than ${heldBytes} bytes ahead of it`;
      const details = { limitBytes: heldBytes };
      const error = streamErrors.create("KING_STREAM_BUFFER_FULL", message, details);
      setImmediate(() => this.onOverflow?.(error));
      return this.#wait();
    }
    this.#take(chunk);
    return this.#unsent < roomBytes ? undefined : this.#wait();
  }

  #refuseUnsent(unsent: number, chunk: Uint8Array): void {
    if (unsent === 0 || unsent + chunk.length <= limitBytes) return;
    const message = `expected at most ${limitBytes} unsent bytes`;
    throw streamErrors.create("KING_STREAM_BUFFER_FULL", message, { limitBytes });
  }

  #take(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.queued += chunk.length;
    this.#data?.resolve();
  }

  #wait(): Promise<void> {
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  async pull(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.broken !== undefined) throw this.broken;
      const chunk = this.chunks.shift();
      if (chunk !== undefined) {
        this.queued -= chunk.length;
        if (this.queued < roomBytes) this.#makeRoom();
        return chunk;
      }
      if (this.ended || this.stopped !== undefined) return undefined;
      this.#data = Promise.withResolvers();
      await this.#data.promise;
    }
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  end(): void {
    this.ended = true;
    this.#data?.resolve();
  }

  stop(error: Error): void {
    this.stopped = error;
    this.chunks.length = 0;
    this.queued = 0;
    this.#room?.promise.catch(() => undefined);
    this.#room?.reject(error);
    this.#room = undefined;
    this.#data?.resolve();
  }

  break(error: Error): void {
    this.broken = error;
    this.#data?.resolve();
  }
}

class MemoryStream extends BaseStream {
  peer!: MemoryStream;
  /** Its number, as QUIC counts (RFC 9000, section 2.1), on a session. */
  streamId: number | undefined;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  #bytesRead = 0;
  #bytesWritten = 0;
  #inputOver = false;
  /** The peer wants no more, and with which code it said so. */
  #stopped: { readonly code: number | undefined } | undefined;

  readonly #direction: Stream["direction"];
  readonly capabilities: ReadonlySet<StreamCapability>;

  constructor(
    incoming: Pipe,
    outgoing: Pipe,
    direction: Stream["direction"],
    own: ReadonlySet<StreamCapability>,
  ) {
    super();
    this.capabilities = own;
    incoming.onOverflow = (error) => this.abort(error);
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#direction = direction;
    this.#inputOver = direction === "send";
  }

  override get direction(): Stream["direction"] {
    return this.#direction;
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    const ending = this.#outgoing.ended && this.#direction !== "receive";
    return ending || this.closing ? "draining" : "open";
  }

  write(chunk: Uint8Array): undefined | Promise<void> {
    this.#checkWritable();
    this.#bytesWritten += chunk.length;
    return this.#outgoing.push(chunk);
  }

  async end(chunk?: Uint8Array): Promise<void> {
    if (this.#outgoing.ended && chunk === undefined) return;
    this.#checkWritable();
    if (chunk !== undefined) {
      this.#bytesWritten += chunk.length;
      this.#outgoing.push(chunk);
    }
    this.#outgoing.end();
    this.#settle();
  }

  #checkWritable(): void {
    if (this.#outgoing.ended) {
      throw streamErrors.create("KING_STREAM_ENDED", "expected no write after end()", {});
    }
    if (this.#stopped !== undefined) throw resetByPeer(this.#stopped.code);
    if (this.ended?.by === "peer") throw resetByPeer(this.ended.code);
    if (this.ended !== undefined) {
      throw streamErrors.create("KING_STREAM_CLOSED", "the stream has ended", {});
    }
  }

  protected async *read(): AsyncGenerator<Uint8Array, undefined> {
    try {
      for (;;) {
        const chunk = await this.#incoming.pull();
        if (chunk === undefined) break;
        this.#bytesRead += chunk.length;
        yield chunk;
      }
      this.#inputOver = true;
      this.#settle();
    } finally {
      if (!this.#inputOver) this.stopReading();
    }
  }

  stopReading(code?: number): void {
    if (this.#inputOver) return;
    this.#inputOver = true;
    const isWhole = this.#incoming.ended;
    this.#incoming.stop(resetByPeer(code));
    if (!isWhole) this.peer.#stopByPeer(code);
    this.#settle();
  }

  #stopByPeer(code: number | undefined): void {
    this.#stopped = { code };
    this.#settle();
  }

  reset(code?: number): void {
    const closed = streamErrors.create("KING_STREAM_CLOSED", "the stream was reset here", {});
    this.#cut(closed, code);
  }

  abort(reason?: unknown): void {
    this.#cut(reason instanceof Error ? reason : abortedHere("stream"));
  }

  #cut(reason: Error, code?: number): void {
    if (this.ended !== undefined) return;
    this.#finish("local", false, code);
    this.#incoming.break(reason);
    this.#outgoing.stop(reason);
    this.peer.#cutByPeer(code);
  }

  #cutByPeer(code?: number): void {
    if (this.ended !== undefined) return;
    this.#finish("peer", false, code);
    const error = resetByPeer(code);
    this.#incoming.break(error);
    this.#outgoing.stop(error);
  }

  /** Both directions are over. */
  #settle(): void {
    if (!this.#inputOver) return;
    if (this.#stopped !== undefined) this.#finish("peer", false, this.#stopped.code);
    else if (this.#outgoing.ended) this.#finish("local", true);
  }

  #finish(by: "local" | "peer", clean: boolean, code?: number): void {
    this.finish({
      by,
      clean,
      bytesRead: this.#bytesRead,
      bytesWritten: this.#bytesWritten,
      ...(code === undefined ? {} : { code }),
    });
  }
}

function resetByPeer(code?: number) {
  const details = { by: "peer" as const, ...(code === undefined ? {} : { code }) };
  return streamErrors.create("KING_STREAM_RESET", "the peer reset the stream", details);
}

interface Waiter {
  readonly direction: "both" | "send";
  readonly resolve: (stream: Stream) => void;
  readonly reject: (error: unknown) => void;
}

class MemorySession extends BaseSession implements QuicSession {
  readonly role: "client" | "server";
  readonly protocol = "memory";
  readonly capabilities = sessionCapabilities;
  readonly maxDatagramBytes = datagramBytes;
  readonly #datagrams = new DatagramInbox(datagramCount);
  #datagramsSent = 0;
  override readonly local = { address: "memory", port: 0 };
  override readonly remote = { address: "memory", port: 0 };
  peer!: MemorySession;
  readonly #streamLimit: number;
  readonly #active = new Set<Stream>();
  /** Those that the end of the session does not wait for. */
  readonly #background = new Set<Stream>();
  /** Those of the active ones that were opened here. */
  #ours = 0;
  readonly #incoming: Stream[] = [];
  #arrived: PromiseWithResolvers<void> | undefined;
  #reading = false;
  readonly #waiting = new Set<Waiter>();
  #opened = 0;
  readonly #counts = { both: 0, send: 0 };
  #told = false;

  constructor(role: "client" | "server", streamLimit: number) {
    super();
    this.role = role;
    this.#streamLimit = streamLimit;
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.closing ? "draining" : "open";
  }

  async openStream(options: OpenStreamOptions = {}): Promise<Stream> {
    const stream = await this.#openOrWait(options);
    if (options.background) this.background(stream);
    return stream;
  }

  background(stream: Stream): void {
    if (!this.#active.has(stream)) return;
    this.#background.add(stream);
    this.#settle();
  }

  async #openOrWait(options: OpenStreamOptions): Promise<Stream> {
    const { direction = "both", atLimit = "refuse", signal } = options;
    signal?.throwIfAborted();
    if (this.state !== "open" || this.#told) throw sessionClosed();
    if (this.#ours < this.#streamLimit) return this.#open(direction);
    if (atLimit === "refuse" || this.#waiting.size >= this.#streamLimit) {
      const message = `expected at most ${this.#streamLimit} streams`;
      throw streamErrors.create("KING_STREAM_LIMIT", message, { limit: this.#streamLimit });
    }
    return this.#wait(direction, signal);
  }

  #open(direction: "both" | "send"): Stream {
    const [near, far] = joinStreams({ direction });
    near.streamId = far.streamId = this.#nextId(direction);
    this.#ours++;
    this.#track(near);
    near.closed.then(() => {
      this.#ours--;
      this.#serveWaiting();
    });
    this.peer.#track(far);
    this.peer.#incoming.push(far);
    this.peer.#arrived?.resolve();
    return near;
  }

  #nextId(direction: "both" | "send"): number {
    const kind = (this.role === "client" ? 0 : 1) + (direction === "both" ? 0 : 2);
    return 4 * this.#counts[direction]++ + kind;
  }

  async #wait(direction: "both" | "send", signal: AbortSignal | undefined): Promise<Stream> {
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

  #serveWaiting(): void {
    for (const waiter of this.#waiting) {
      if (this.#ours >= this.#streamLimit) return;
      this.#waiting.delete(waiter);
      waiter.resolve(this.#open(waiter.direction));
    }
  }

  #refuseWaiting(): void {
    for (const { reject } of this.#waiting) reject(sessionClosed());
    this.#waiting.clear();
  }

  #track(stream: Stream): void {
    this.#opened++;
    this.#active.add(stream);
    stream.closed.then(() => {
      this.#active.delete(stream);
      this.#background.delete(stream);
      this.#settle();
    });
  }

  async *streams(): AsyncGenerator<Stream> {
    if (this.#reading) {
      throw streamErrors.create("KING_STREAM_BUSY", "expected one reader, got a second", {});
    }
    this.#reading = true;
    try {
      while (this.ended === undefined) {
        const stream = this.#incoming.shift();
        if (stream !== undefined) {
          yield stream;
          continue;
        }
        this.#arrived = Promise.withResolvers();
        await Promise.race([this.#arrived.promise, this.closed]);
      }
    } finally {
      this.#reading = false;
    }
  }

  sendDatagram(datagram: Uint8Array): boolean {
    if (this.ended !== undefined) throw sessionClosed();
    if (datagram.length > datagramBytes) {
      const message = `expected at most ${datagramBytes} bytes, got ${datagram.length}`;
      throw optionError("datagram", message);
    }
    const copy = new Uint8Array(datagram);
    this.#datagramsSent++;
    setImmediate(() => this.peer.#datagrams.push(copy));
    return true;
  }

  datagrams(): AsyncIterable<Uint8Array> {
    return this.#datagrams.read();
  }

  async migrate(): Promise<void> {
    const details = { capability: "migration", protocol: this.protocol };
    throw streamErrors.create("KING_STREAM_UNSUPPORTED", "there is one memory", details);
  }

  protected override finish(info: SessionClosed): void {
    super.finish(info);
    this.#datagrams.end();
  }

  stats(): SessionStats {
    return {
      streamsOpened: this.#opened,
      streamsActive: this.#active.size,
      datagramsSent: this.#datagramsSent,
      datagramsReceived: this.#datagrams.received,
      datagramsDropped: this.#datagrams.dropped,
    };
  }

  protected beginClose(options: CloseOptions): void {
    this.#closeOptions = options;
    this.#refuseWaiting();
    // What nobody reads, nobody misses.
    if (!this.#reading) for (const stream of this.#incoming.splice(0)) stream.reset();
    this.peer.#goaway(options);
    this.#settle();
  }

  #closeOptions: CloseOptions = {};

  #goaway(options: CloseOptions): void {
    const { code } = options;
    this.#told = true;
    if (!this.closing) this.#closeOptions = options;
    this.#refuseWaiting();
    this.emit({ type: "goaway", ...(code === undefined ? {} : { code }) });
    this.#settle();
  }

  #settle(): void {
    if (this.#active.size > this.#background.size || !(this.closing || this.#told)) return;
    const { code, reason } = this.#closeOptions;
    for (const stream of this.#background) stream.abort(sessionClosed());
    this.finish({
      by: this.closing ? "local" : "peer",
      clean: true,
      streamsAborted: 0,
      ...(code === undefined ? {} : { code }),
      ...(reason === undefined ? {} : { reason }),
    });
  }

  abort(reason?: unknown): void {
    const error = reason instanceof Error ? reason : abortedHere("session");
    const told = this.closing ? this.#closeOptions : {};
    this.#cut("local", error, told);
    this.peer.#cut("peer", error, told);
  }

  #cut(by: "local" | "peer", error: Error, told: CloseOptions): void {
    if (this.ended !== undefined) return;
    const { code, reason } = told;
    const streamsAborted = this.#active.size;
    const streams = [...this.#active];
    this.#refuseWaiting();
    this.finish({
      by,
      clean: false,
      streamsAborted,
      ...(by === "local" ? { error } : {}),
      ...(code === undefined ? {} : { code }),
      ...(reason === undefined ? {} : { reason }),
    });
    if (by === "local") for (const stream of streams) stream.abort(error);
  }
}

function sessionClosed() {
  return streamErrors.create("KING_SESSION_CLOSED", "the session opens no more streams", {});
}
