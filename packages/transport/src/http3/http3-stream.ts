import { Duplex } from "node:stream";
import { KingError, type Stream } from "@king-runtime/core";
import { Http3Error, http3Codes } from "./codes.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { frameTypes, isReservedFrameType } from "./frame-types.ts";
import { frame, frameHead } from "./frame-writer.ts";
import { decodeFields, FieldSectionTooLarge } from "./qpack/decode-fields.ts";
import { encodeFields } from "./qpack/encode-fields.ts";

/** What the owner of an {@link Http3Stream} is told. */
export interface Http3StreamOwner {
  readonly role: "client" | "server";
  /** Largest field section taken. */
  readonly maxHeaderBytes: number;
  /** The peer broke the protocol in a way that concerns the whole connection (RFC 9114, section 8). */
  onConnectionError(error: Http3Error): void;
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
  #stage: "head" | "body" | "after" = "head";
  #announced: number | undefined;
  #bodyBytes = 0;
  /** After an accepted CONNECT there are DATA frames and nothing else (RFC 9114, section 4.4). */
  #isTunnel = false;
  #isInputWhole = false;
  #room: (() => void) | undefined;
  #isFull = false;
  #out: Uint8Array[] = [];
  #outBytes = 0;
  #trailers: readonly string[] | undefined;
  /** The code with which either side broke it off. */
  resetCode: number | undefined;
  /** What the input broke off with. */
  inputError: unknown;

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
      if (!clean) this.#break(by === "local" ? undefined : code, error);
      if (!clean) this.destroy();
      // What is whole is still given to who reads it; and that all is sent is still to be told.
      else if (this.writableFinished) this.#leave();
      else this.once("finish", () => this.#leave());
    });
    if (this.destroyed) stream.reset(this.resetCode ?? http3Codes.requestCancelled);
    else for (const then of this.#onOpen.splice(0)) then();
  }

  /** The stream below is over, and all is told: nothing comes any more but what somebody reads. */
  #leave(): void {
    const isBeingRead = this.readableFlowing !== null || this.listenerCount("readable") > 0;
    if (!isBeingRead) this.destroy();
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

  /** Whether all of the peer's message is here. */
  get isInputWhole(): boolean {
    return this.#isInputWhole;
  }

  async #receive(stream: Stream): Promise<void> {
    try {
      for await (const chunk of stream) {
        this.#reader.push(chunk);
        if (this.#isFull) {
          await new Promise<void>((resolve) => {
            this.#room = resolve;
          });
        }
      }
      this.#reader.end();
      this.#endMessage();
      this.#isInputWhole = true;
      this.push(null);
    } catch (error) {
      this.#onFault(error);
    }
  }

  #endMessage(): void {
    if (this.#stage === "head") {
      throw new Http3Error(
        http3Codes.requestIncomplete,
        "expected a head, got the end of the stream",
      );
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
      // The stream broke off, which `closed` tells as well.
      if (KingError.is(error)) this.#break(undefined, error);
      else this.reset(http3Codes.internalError);
      return;
    }
    const isOfStream = error.isOfMessage || error.code === http3Codes.requestIncomplete;
    if (isOfStream) this.reset(error.code);
    else this.#owner.onConnectionError(error);
  }

  #break(code: number | undefined, error: unknown): void {
    this.resetCode ??= code;
    this.inputError ??= error;
  }

  // What the frames say.

  onFrame(type: number, length: number): "whole" | "stream" | "skip" {
    if (type === frameTypes.data) {
      if (this.#stage !== "body") throw unexpected("DATA");
      return "stream";
    }
    if (type === frameTypes.headers) {
      if (this.#stage === "after" || this.#isTunnel) throw unexpected("HEADERS");
      // A section is never longer coded than it is in all, but for what small tables save.
      if (length > this.#owner.maxHeaderBytes) {
        this.#events?.onTooLarge();
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

  onPayload(_type: number, payload: Uint8Array): void {
    let section: string[];
    try {
      section = decodeFields(payload, this.#owner.maxHeaderBytes);
    } catch (error) {
      if (!(error instanceof FieldSectionTooLarge)) throw error;
      this.#events?.onTooLarge();
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
    if (!this.push(chunk)) this.#isFull = true;
  }

  override _read(): void {
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
      // Failures are told by `closed`.
      queueMicrotask(() => this.#whenOpen(() => this.#flush()?.catch(() => undefined)));
    }
    this.#out.push(bytes);
    this.#outBytes += bytes.length;
  }

  #take(): Uint8Array | undefined {
    const bytes = this.#out.length > 1 ? Buffer.concat(this.#out, this.#outBytes) : this.#out[0];
    this.#out = [];
    this.#outBytes = 0;
    return bytes;
  }

  #flush(): undefined | Promise<void> {
    const bytes = this.#take();
    if (bytes === undefined || this.#stream === undefined) return undefined;
    try {
      return this.#stream.write(bytes);
    } catch (error) {
      // Told by `closed`.
      return Promise.reject(error);
    }
  }

  override _write(
    chunk: Uint8Array,
    _encoding: BufferEncoding,
    callback: (error?: Error | null) => void,
  ): void {
    this.#queue(frameHead(frameTypes.data, chunk.length));
    this.#queue(chunk);
    this.#whenOpen(() => {
      const room = this.#outBytes < smallBytes ? undefined : this.#flush();
      if (room === undefined) callback();
      else room.then(() => callback(), callback);
    });
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#trailers !== undefined) this.sendFields(this.#trailers);
    this.#whenOpen(() => {
      (this.#stream as Stream).end(this.#take()).then(() => callback(), callback);
    });
  }

  /** Breaks both directions off. */
  reset(code: number = http3Codes.requestCancelled): void {
    this.resetCode ??= code;
    if (this.#stream === undefined) this.destroy();
    else this.#stream.reset(code);
  }

  /** Asks the peer to send no more of its message. */
  stopInput(code: number = http3Codes.noError): void {
    this.#stream?.stopReading(code);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#room?.();
    callback(error);
  }
}

const unexpected = (what: string) =>
  new Http3Error(http3Codes.frameUnexpected, `expected no ${what} here`);
