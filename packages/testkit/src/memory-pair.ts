import {
  BaseSession,
  BaseStream,
  type CloseOptions,
  type OpenStreamOptions,
  type SessionStats,
  type Stream,
  type StreamCapability,
  type StreamSession,
  streamErrors,
} from "@king-runtime/core";

const capabilities: ReadonlySet<StreamCapability> = new Set([
  "half-close",
  "reset-code",
  "stop-reading",
  "receive-backpressure",
  "multiplexing",
]);

const roomBytes = 65_536;
const limitBytes = 1_048_576;
const streamLimit = 100;

/** Two sessions joined in memory: the plainest implementation of every capability of a stream. */
export function memoryPair(): { client: StreamSession; server: StreamSession } {
  const client = new MemorySession("client");
  const server = new MemorySession("server");
  client.peer = server;
  server.peer = client;
  return { client, server };
}

/** Two streams joined in memory. */
export function memoryStreams(): [Stream, Stream] {
  const there = new Pipe();
  const back = new Pipe();
  const near = new MemoryStream(back, there);
  const far = new MemoryStream(there, back);
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

  push(chunk: Uint8Array): undefined | Promise<void> {
    if (this.stopped !== undefined) throw this.stopped;
    if (this.queued > 0 && this.queued + chunk.length > limitBytes) {
      const message = `expected at most ${limitBytes} unsent bytes`;
      throw streamErrors.create("KING_STREAM_BUFFER_FULL", message, { limitBytes });
    }
    this.chunks.push(chunk);
    this.queued += chunk.length;
    this.#data?.resolve();
    if (this.queued < roomBytes) return undefined;
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
      if (this.ended) return undefined;
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
  }

  break(error: Error): void {
    this.broken = error;
    this.#data?.resolve();
  }
}

class MemoryStream extends BaseStream {
  peer!: MemoryStream;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  #bytesRead = 0;
  #bytesWritten = 0;
  #inputOver = false;

  constructor(incoming: Pipe, outgoing: Pipe) {
    super();
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  get capabilities(): ReadonlySet<StreamCapability> {
    return capabilities;
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.#outgoing.ended || this.closing ? "draining" : "open";
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
    this.#incoming.stop(resetByPeer(code));
    this.#settle();
  }

  reset(code?: number): void {
    const closed = streamErrors.create("KING_STREAM_CLOSED", "the stream was reset here", {});
    this.#cut(closed, code);
  }

  abort(reason?: unknown): void {
    this.#cut(reason instanceof Error ? reason : new Error("the stream was aborted"));
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
    if (this.#inputOver && this.#outgoing.ended) this.#finish("local", true);
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

class MemorySession extends BaseSession implements StreamSession {
  readonly role: "client" | "server";
  readonly protocol = "memory";
  readonly capabilities = capabilities;
  override readonly local = { address: "memory", port: 0 };
  override readonly remote = { address: "memory", port: 0 };
  peer!: MemorySession;
  readonly #active = new Set<Stream>();
  readonly #incoming: Stream[] = [];
  #arrived: PromiseWithResolvers<void> | undefined;
  #opened = 0;
  #told = false;

  constructor(role: "client" | "server") {
    super();
    this.role = role;
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.closing ? "draining" : "open";
  }

  async openStream(options?: OpenStreamOptions): Promise<Stream> {
    options?.signal?.throwIfAborted();
    if (this.state !== "open" || this.#told) {
      throw streamErrors.create("KING_SESSION_CLOSED", "the session opens no more streams", {});
    }
    if (this.#active.size >= streamLimit) {
      throw streamErrors.create("KING_STREAM_LIMIT", `expected at most ${streamLimit} streams`, {
        limit: streamLimit,
      });
    }
    const [near, far] = memoryStreams();
    this.#track(near);
    this.peer.#track(far);
    this.peer.#incoming.push(far);
    this.peer.#arrived?.resolve();
    return near;
  }

  #track(stream: Stream): void {
    this.#opened++;
    this.#active.add(stream);
    stream.closed.then(() => {
      this.#active.delete(stream);
      this.#settle();
    });
  }

  async *streams(): AsyncGenerator<Stream> {
    while (this.ended === undefined) {
      const stream = this.#incoming.shift();
      if (stream !== undefined) {
        yield stream;
        continue;
      }
      this.#arrived = Promise.withResolvers();
      await Promise.race([this.#arrived.promise, this.closed]);
    }
  }

  stats(): SessionStats {
    return { streamsOpened: this.#opened, streamsActive: this.#active.size };
  }

  protected beginClose(options: CloseOptions): void {
    this.peer.#goaway(options.code);
    this.#settle();
  }

  #goaway(code?: number): void {
    this.#told = true;
    this.emit({ type: "goaway", ...(code === undefined ? {} : { code }) });
    this.#settle();
  }

  #settle(): void {
    if (this.#active.size > 0 || !(this.closing || this.#told)) return;
    this.finish({ by: this.closing ? "local" : "peer", clean: true, streamsAborted: 0 });
  }

  abort(reason?: unknown): void {
    const error = reason instanceof Error ? reason : new Error("the session was aborted");
    this.#cut("local", error);
    this.peer.#cut("peer", error);
  }

  #cut(by: "local" | "peer", error: Error): void {
    if (this.ended !== undefined) return;
    const streamsAborted = this.#active.size;
    const streams = [...this.#active];
    this.finish({ by, clean: false, streamsAborted, error });
    if (by === "local") for (const stream of streams) stream.abort(error);
  }
}
