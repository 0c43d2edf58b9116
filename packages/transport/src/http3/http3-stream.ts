import { Duplex } from "node:stream";
import { KingError, type Stream } from "@king-runtime/core";
import { turn } from "../turn.ts";
import { Http3Error, http3Codes } from "./codes.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { frameTypes, isReservedFrameType } from "./frame-types.ts";
import { frame, frameHead } from "./frame-writer.ts";
import { decodeFields, FieldSectionTooLarge } from "./qpack/decode-fields.ts";
import { encodeFields } from "./qpack/encode-fields.ts";
import { StreamBeginning } from "./stream-beginning.ts";
import type { ClaimedStream } from "./web-transport.ts";

/** What the owner of an {@link Http3Stream} is told. */
export interface Http3StreamOwner {
  readonly role: "client" | "server";
  /** Largest field section taken. */
  readonly maxHeaderBytes: number;
  /** The peer broke the protocol in a way that concerns the whole connection (RFC 9114, section 8). */
  onConnectionError(error: Http3Error): void;
  /** It is no request, but a stream of a session of WebTransport, where those may be. */
  readonly onClaim?: ((sessionId: number, claimed: ClaimedStream) => void) | undefined;
}

/** What comes in on a request stream, in its order. */
export interface Http3StreamEvents {
  /**
   * A field section that begins a message, interim ones of a response included: whether more of them follow
   * before the body, and how long the body says it is.
   *
   * @throws {Http3Error} H3_MESSAGE_ERROR.
   */
  onHead(section: readonly string[]): {
    readonly isInterim: boolean;
    readonly contentLength?: number;
  };
  /** @throws {Http3Error} H3_MESSAGE_ERROR. */
  onTrailers(section: readonly string[]): void;
  /** A field section is too large to be taken. */
  onTooLarge(): void;
}

/** Smaller pieces are put together before they go out. */
const smallBytes = 16_384;

/** Fields that nobody on the way is to keep in a table. */
const secretFields: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "proxy-authorization",
  "set-cookie",
]);

/**
 * A request stream of HTTP/3 (RFC 9114, section 4.1) as node's own duplex: its bytes are the body's, its heads come
 * and go beside them. It does no I/O but what the stream below does.
 */
export class Http3Stream extends Duplex implements FrameSink {
  /** Absent while it is being opened: what is sent waits. */
  #stream: Stream | undefined;
  /** What to do once it is open. */
  #onOpen: (() => void)[] = [];
  readonly #owner: Http3StreamOwner;
  readonly #reader = new FrameReader(this);
  #events: Http3StreamEvents | undefined;
  /** Of a message that is too large to be looked at the rest is passed over. */
  #stage: "head" | "body" | "after" | "refused" = "head";
  #announced: number | undefined;
  #bodyBytes = 0;
  /** After an accepted CONNECT there are DATA frames and nothing else (RFC 9114, section 4.4). */
  #isTunnel = false;
  #isInputWhole = false;
  /** Nobody here wants the rest of the input. */
  #isInputStopped = false;
  /** The peer wants no more of what is sent, and it goes nowhere. */
  #isOutputStopped = false;
  /** Settles when what was sent has made room for more. */
  #blocked: Promise<void> | undefined;
  #room: (() => void) | undefined;
  #isFull = false;
  #out: Uint8Array[] = [];
  #outBytes = 0;
  #trailers: readonly string[] | undefined;
  /** It has turned out to be no request, and is another's now. */
  #isClaimed = false;
  /** The code with which either side broke it off. */
  resetCode: number | undefined;
  /** What the input broke off with. */
  inputError: unknown;
  /** More came than is held for a reader, where the engine cannot have the peer wait. */
  onOverrun: ((error: Error) => void) | undefined;

  /** @param stream may still be about to open. */
  constructor(stream: Stream | Promise<Stream>, owner: Http3StreamOwner) {
    super({ allowHalfOpen: true, readableHighWaterMark: 65_536 });
    this.#owner = owner;
    if (!(stream instanceof Promise)) this.#attach(stream);
    else {
      stream.then(
        (opened) => this.#attach(opened),
        (error) => {
          this.#break(undefined, error);
          this.destroy();
        },
      );
    }
  }

  #attach(stream: Stream): void {
    this.#stream = stream;
    stream.closed.then(({ by, clean, code, error }) => {
      if (this.#isClaimed) return;
      if (clean) {
        // What is whole is still given to who reads it; and that all is sent is still to be told.
        if (this.writableFinished) this.#leave();
        else this.once("finish", () => this.#leave());
        return;
      }
      this.#break(by === "local" ? undefined : code, error);
      if (KingError.is(error) && error.category === "limit") this.onOverrun?.(error);
      if (by === "local" || this.#owner.role === "server") this.destroy();
      else this.#leaveUnsent();
    });
    if (this.destroyed) stream.reset(this.resetCode ?? http3Codes.requestCancelled);
    else for (const then of this.#onOpen.splice(0)) then();
  }

  /** Its response may be whole nevertheless, and is then not to be lost (RFC 9114, section 4.1). */
  #leaveUnsent(): void {
    this.#isOutputStopped = true;
    this.#makeRoom();
    if (this.readableEnded) this.destroy();
    else this.once("end", () => this.destroy());
  }

  /** The stream below is over, and all is told: nothing comes any more but what somebody reads. */
  #leave(): void {
    const isBeingRead = this.readableFlowing !== null || this.listenerCount("readable") > 0;
    if (this.#isInputStopped || !isBeingRead) this.destroy();
  }

  /** Calls `then` when it is open: at once, or later. */
  #whenOpen(then: () => void): void {
    if (this.#stream === undefined) this.#onOpen.push(then);
    else then();
  }

  /** Begins to read; heads and trailers are told to `events`. */
  receive(events: Http3StreamEvents): void {
    this.#events = events;
    this.#whenOpen(() => void this.#receive(this.#stream as Stream));
  }

  /** Whether it has turned out to be no request, but a stream of a session of WebTransport. */
  get isClaimed(): boolean {
    return this.#isClaimed;
  }

  /** Whether there is no stream of the session's yet. */
  get isOpening(): boolean {
    return this.#stream === undefined;
  }

  /** Its number on the wire (RFC 9000, section 2.1), once it is open and where its session tells. */
  get streamId(): number | undefined {
    return (this.#stream as { readonly streamId?: number } | undefined)?.streamId;
  }

  /** Whether all of the peer's message is here. */
  get isInputWhole(): boolean {
    return this.#isInputWhole;
  }

  async #receive(stream: Stream): Promise<void> {
    try {
      const { onClaim } = this.#owner;
      for await (const chunk of onClaim === undefined ? stream : this.#unclaimed(stream, onClaim)) {
        if (this.destroyed) return;
        // Before the loop is left, which tells the peer a code of its own.
        if (!this.#take(chunk)) return;
        if (this.#isFull) {
          await new Promise<void>((resolve) => {
            this.#room = resolve;
          });
        }
      }
      if (this.#isInputStopped || this.#isClaimed) return;
      this.#reader.end();
      this.#endMessage();
      this.#isInputWhole = true;
      this.push(null);
    } catch (error) {
      this.#onFault(error);
    }
  }

  /** What comes, unless the first bytes tell that it is of a session of WebTransport. */
  async *#unclaimed(
    stream: Stream,
    onClaim: NonNullable<Http3StreamOwner["onClaim"]>,
  ): AsyncGenerator<Uint8Array, undefined> {
    const input = stream[Symbol.asyncIterator]();
    try {
      const beginning = new StreamBeginning(input);
      if ((await beginning.peek())?.value === frameTypes.webTransportStream) {
        await beginning.take();
        const sessionId = await beginning.take();
        if (sessionId === undefined) return;
        this.#isClaimed = true;
        onClaim(sessionId, { stream, beginning: beginning.rest, input });
        this.destroy();
        return;
      }
      for (let chunk: Uint8Array | undefined = beginning.rest; chunk !== undefined; ) {
        if (chunk.length > 0) yield chunk;
        chunk = (await input.next()).value;
      }
    } finally {
      if (!this.#isClaimed) await input.return?.();
    }
  }

  #take(chunk: Uint8Array): boolean {
    try {
      this.#reader.push(chunk);
      return true;
    } catch (error) {
      this.#onFault(error);
      return false;
    }
  }

  #endMessage(): void {
    if (this.#stage === "head") {
      // Of a response that is no response it is said otherwise (RFC 9114, section 4.1.2).
      const code =
        this.#owner.role === "server" ? http3Codes.requestIncomplete : http3Codes.messageError;
      throw new Http3Error(code, "expected a head, got the end of the stream");
    }
    if (this.#announced !== undefined && this.#announced !== this.#bodyBytes)
      throw this.#wrongLength();
  }

  #wrongLength(): Http3Error {
    return new Http3Error(
      http3Codes.messageError,
      `body: expected ${this.#announced} bytes as announced, got ${this.#bodyBytes}`,
    );
  }

  #onFault(error: unknown): void {
    this.inputError ??= error;
    if (!(error instanceof Http3Error)) {
      const isOfPeer = KingError.is(error);
      if (isOfPeer) this.#break(codeOf(error), error);
      // Whoever breaks off what it sends wants no answer to it.
      this.reset(isOfPeer ? http3Codes.requestCancelled : http3Codes.internalError);
      return;
    }
    const isOfStream = error.isOfMessage || error.code === http3Codes.requestIncomplete;
    if (isOfStream) this.reset(error.code);
    else {
      this.#owner.onConnectionError(error);
      this.reset(error.code); // also where nothing is left of it on the wire
    }
  }

  #break(code: number | undefined, error: unknown): void {
    this.resetCode ??= code;
    this.inputError ??= error;
  }

  // What the frames say.

  onFrame(type: number, length: number): "whole" | "stream" | "skip" {
    if (type === frameTypes.data) {
      if (this.#stage === "refused") return "skip";
      if (this.#stage !== "body") throw unexpected("DATA");
      return "stream";
    }
    if (type === frameTypes.headers) {
      if (this.#stage === "refused") return "skip";
      if (this.#stage === "after" || this.#isTunnel) throw unexpected("HEADERS");
      // A section is never longer coded than it is in all, but for what small tables save.
      if (length > this.#owner.maxHeaderBytes) {
        this.#refuse();
        return "skip";
      }
      return "whole";
    }
    const isOfConnection =
      type === frameTypes.settings ||
      type === frameTypes.goaway ||
      type === frameTypes.maxPushId ||
      type === frameTypes.cancelPush ||
      type === frameTypes.priorityUpdateRequest ||
      type === frameTypes.priorityUpdatePush ||
      isReservedFrameType(type);
    if (isOfConnection) throw unexpected(`frame ${type}`);
    if (type === frameTypes.pushPromise) {
      // Nobody was told that pushes are welcome (RFC 9114, section 7.2.5).
      if (this.#owner.role === "server") throw unexpected("PUSH_PROMISE");
      throw new Http3Error(http3Codes.idError, "PUSH_PROMISE: expected none");
    }
    return "skip";
  }

  #refuse(): void {
    this.#stage = "refused";
    this.#announced = undefined;
    this.#events?.onTooLarge();
  }

  onPayload(_type: number, payload: Uint8Array): void {
    let section: string[];
    try {
      section = decodeFields(payload, this.#owner.maxHeaderBytes);
    } catch (error) {
      if (!(error instanceof FieldSectionTooLarge)) throw error;
      this.#refuse();
      return;
    }
    if (this.#stage === "body") {
      this.#stage = "after";
      this.#events?.onTrailers(section);
      return;
    }
    const head = this.#events?.onHead(section);
    if (head === undefined || head.isInterim) return;
    this.#stage = "body";
    this.#announced = head.contentLength;
  }

  onData(chunk: Uint8Array): void {
    this.#bodyBytes += chunk.length;
    if (this.#announced !== undefined && this.#bodyBytes > this.#announced)
      throw this.#wrongLength();
    if (!this.#isInputStopped && !this.push(chunk)) this.#isFull = true;
  }

  override _read(): void {
    this.#makeRoom();
  }

  #makeRoom(): void {
    this.#isFull = false;
    this.#room?.();
    this.#room = undefined;
  }

  // What is sent.

  /** Sends a field section: a head, or an interim one. */
  sendFields(section: readonly string[]): void {
    this.#queue(
      frame(
        frameTypes.headers,
        encodeFields(section, (name) => secretFields.has(name)),
      ),
    );
  }

  /** Has a field section follow the body. */
  setTrailers(section: readonly string[] | undefined): void {
    this.#trailers = section;
  }

  /** From here on there are DATA frames alone, both ways. */
  becomeTunnel(): void {
    this.#isTunnel = true;
    this.#announced = undefined;
  }

  #queue(bytes: Uint8Array): void {
    if (this.#out.length === 0) {
      queueMicrotask(() => this.#whenOpen(() => this.#flush()?.catch(() => undefined)));
    }
    this.#out.push(bytes);
    this.#outBytes += bytes.length;
  }

  #takeQueued(): Uint8Array | undefined {
    const bytes = this.#out.length > 1 ? Buffer.concat(this.#out, this.#outBytes) : this.#out[0];
    this.#out = [];
    this.#outBytes = 0;
    return bytes;
  }

  #flush(): undefined | Promise<void> {
    const bytes = this.#takeQueued();
    if (bytes === undefined || this.#stream === undefined) return undefined;
    if (this.#isOutputStopped) return turn();
    try {
      const room = this.#stream.write(bytes);
      if (room === undefined) return undefined;
      const blocked = room
        .catch((error) => this.#onUnsent(error))
        .finally(() => {
          if (this.#blocked === blocked) this.#blocked = undefined;
        });
      this.#blocked = blocked;
      return blocked;
    } catch (error) {
      const failed = new Promise<void>((resolve) => resolve(this.#onUnsent(error)));
      failed.catch(() => undefined);
      return failed;
    }
  }

  /** What was sent is lost. @throws what is to be told to who wrote it. */
  #onUnsent(error: unknown): void {
    const isStopped =
      this.#owner.role === "client" &&
      KingError.is(error, "KING_STREAM_RESET") &&
      this.#stream?.state !== "closed";
    if (isStopped) {
      // A server that has what it needs may say so, and answer (RFC 9114, section 4.1).
      this.#isOutputStopped = true;
      this.#break(codeOf(error), undefined);
      return;
    }
    if (!this.destroyed) this.#break(codeOf(error), error);
    this.reset();
    throw error;
  }

  override _write(
    chunk: Uint8Array,
    _encoding: BufferEncoding,
    callback: (error?: Error | null) => void,
  ): void {
    this.#queue(frameHead(frameTypes.data, chunk.length));
    this.#queue(chunk);
    this.#sendQueued(callback);
  }

  /** What was written while the last write was on its way goes out in one frame. */
  override _writev(
    chunks: { readonly chunk: Uint8Array }[],
    callback: (error?: Error | null) => void,
  ): void {
    let length = 0;
    for (const { chunk } of chunks) length += chunk.length;
    this.#queue(frameHead(frameTypes.data, length));
    for (const { chunk } of chunks) this.#queue(chunk);
    this.#sendQueued(callback);
  }

  #sendQueued(callback: (error?: Error | null) => void): void {
    this.#whenOpen(() => {
      const room = this.#outBytes < smallBytes ? this.#blocked : this.#flush();
      if (room === undefined) callback();
      else room.then(() => callback(), callback);
    });
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#trailers !== undefined) this.sendFields(this.#trailers);
    this.#whenOpen(() => {
      if (this.#isOutputStopped) return; // it is over when the input is
      (this.#stream as Stream).end(this.#takeQueued()).then(
        () => callback(),
        (error) => {
          try {
            this.#onUnsent(error);
          } catch {
            callback(error);
          }
        },
      );
    });
  }

  /** Breaks both directions off. */
  reset(code: number = http3Codes.requestCancelled): void {
    this.resetCode ??= code;
    this.#stream?.reset(code);
    if (this.#stream === undefined || this.#stream.state === "closed") this.destroy();
  }

  /** Asks the peer to send no more of its message; what reads it comes to an end. */
  stopInput(code: number = http3Codes.noError): void {
    if (this.#isInputStopped || this.#isInputWhole || this.destroyed) return;
    this.#isInputStopped = true;
    this.#whenOpen(() => this.#stream?.stopReading(code));
    this.#makeRoom();
    this.push(null);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#makeRoom();
    const stream = this.#isClaimed ? undefined : this.#stream;
    if (stream !== undefined && stream.state !== "closed") {
      stream.reset(this.resetCode ?? http3Codes.requestCancelled);
    }
    callback(error);
  }
}

/** The code that the peer gave. */
const codeOf = (error: unknown): number | undefined =>
  (error as { readonly details?: { readonly code?: number } }).details?.code;

const unexpected = (what: string) =>
  new Http3Error(http3Codes.frameUnexpected, `expected no ${what} here`);
