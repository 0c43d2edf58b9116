import {
  abortedHere,
  BaseStream,
  type KingError,
  type Stream,
  type StreamCapability,
  streamErrors,
  type WriteOptions,
} from "@king-runtime/core";
import { checkCode, noCode } from "./codes.ts";
import type { EngineStream, StreamEvents } from "./engine-connection.ts";
import { quicErrors } from "./errors.ts";
import type { QuicLimits } from "./limits.ts";
import type { Undelivered } from "./undelivered.ts";

/** A chunk is handed to the engine in slices, so that one stream does not fill it. */
const sliceBytes = 65_536;
/** A writer is told to wait from here on. */
const roomBytes = 65_536;
/** Bytes taken from an engine that can leave the rest with the peer, ahead of the reader. */
const aheadBytes = 65_536;

/** What a stream shares with its session. */
export interface StreamOwner {
  readonly capabilities: ReadonlySet<StreamCapability>;
  readonly limits: QuicLimits;
  readonly undelivered: Undelivered;
  /** Largest code that a stream can be broken off with. */
  readonly largestCode: number;
  /** Both directions are over. */
  onStreamEnd(stream: QuicStream): void;
}

/** A QUIC stream (RFC 9000, section 2) over an engine's: bounded both ways, each direction with its end. */
export class QuicStream extends BaseStream implements StreamEvents {
  readonly #direction: Stream["direction"];
  /** Its number on the wire (RFC 9000, section 2.1). */
  readonly streamId: number;
  readonly #engine: EngineStream;
  readonly #owner: StreamOwner;

  #incoming: Uint8Array[] = [];
  #incomingBytes = 0;
  /** All that the peer sends is here. */
  #inputWhole: boolean;
  /** Nobody will read any more: it was read to its end, or is unwanted. */
  #inputOver: boolean;
  #inputFailure: Error | undefined;
  #arrival: PromiseWithResolvers<void> | undefined;
  #bytesRead = 0;

  readonly #outgoing: { chunk: Uint8Array; transfer: boolean }[] = [];
  #outgoingBytes = 0;
  /** Bytes of the first outgoing chunk that were handed over. */
  #offset = 0;
  #ending: PromiseWithResolvers<void> | undefined;
  #outputOver: boolean;
  #outputFailure: Error | undefined;
  #handing = false;
  #pumping = false;
  #room: PromiseWithResolvers<void> | undefined;
  #bytesWritten = 0;

  #broken: { by: "local" | "peer" | "network"; code?: number; error?: Error } | undefined;

  constructor(engine: EngineStream, direction: Stream["direction"], owner: StreamOwner) {
    super();
    this.#engine = engine;
    this.#owner = owner;
    this.#direction = direction;
    this.streamId = engine.id;
    this.#inputWhole = direction === "send";
    this.#inputOver = direction === "send";
    this.#outputOver = direction === "receive";
    engine.events = this;
  }

  override get direction(): Stream["direction"] {
    return this.#direction;
  }

  get capabilities(): ReadonlySet<StreamCapability> {
    return this.#owner.capabilities;
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.#ending !== undefined || this.closing ? "draining" : "open";
  }

  /** Whether it would come to its end without a connection: all is here, it need only be read. */
  get whole(): boolean {
    return this.#inputWhole && this.#outputOver && this.#broken === undefined;
  }

  // Sending

  write(chunk: Uint8Array, options?: WriteOptions): undefined | Promise<void> {
    this.#checkWritable();
    this.#push(chunk, options?.transfer === true);
    this.#pump();
    if (this.#outgoingBytes < roomBytes) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  async end(chunk?: Uint8Array): Promise<void> {
    if (chunk === undefined && this.direction === "receive") return;
    if (chunk === undefined && this.#ending !== undefined) return this.#ending.promise;
    this.#checkWritable();
    if (chunk !== undefined && chunk.length > 0) this.#push(chunk, false);
    this.#ending = Promise.withResolvers();
    const { promise } = this.#ending;
    promise.catch(() => undefined); // who does not wait for the end learns of a failure by `closed`
    this.#pump();
    return promise;
  }

  #checkWritable(): void {
    if (this.#ending !== undefined || this.direction === "receive") {
      throw streamErrors.create("KING_STREAM_ENDED", "expected no write after end()", {});
    }
    if (this.#outputFailure !== undefined) throw this.#outputFailure;
  }

  #push(chunk: Uint8Array, transfer: boolean): void {
    const limitBytes = this.#owner.limits.maxWriteBufferBytes;
    const queued = this.#outgoingBytes;
    if (queued > 0 && queued + chunk.length > limitBytes) {
      throw streamErrors.create(
        "KING_STREAM_BUFFER_FULL",
        `expected at most ${limitBytes} unsent bytes, got ${queued + chunk.length}`,
        { limitBytes },
      );
    }
    this.#bytesWritten += chunk.length;
    if (chunk.length === 0) return;
    this.#outgoing.push({ chunk, transfer });
    this.#outgoingBytes += chunk.length;
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (!this.#handing && !this.#outputOver) {
      const first = this.#outgoing[0];
      if (first === undefined && this.#ending === undefined) break;
      this.#hand(first?.chunk.subarray(this.#offset, this.#offset + sliceBytes) ?? nothing);
    }
    this.#pumping = false;
  }

  #hand(slice: Uint8Array): void {
    const last = this.#ending !== undefined && slice.length === this.#outgoingBytes;
    this.#handing = true;
    this.#engine.send(slice, last, () => this.#onTaken(slice.length, last));
  }

  #onTaken(length: number, last: boolean): void {
    if (this.#outputOver) return;
    this.#handing = false;
    this.#outgoingBytes -= length;
    this.#offset += length;
    const first = this.#outgoing[0];
    if (first !== undefined && this.#offset === first.chunk.length) {
      this.#outgoing.shift();
      this.#offset = 0;
      if (first.transfer && !this.#engine.holdsChunks) release(first.chunk);
    }
    if (this.#outgoingBytes < roomBytes) {
      this.#room?.resolve();
      this.#room = undefined;
    }
    if (last) {
      this.#outputOver = true;
      this.#ending?.resolve();
      this.#settle();
    } else {
      this.#pump();
    }
  }

  #failOutput(error: Error): void {
    if (this.#outputOver) return;
    this.#outputOver = true;
    this.#outputFailure = error;
    this.#outgoing.length = 0;
    this.#outgoingBytes = 0;
    this.#room?.promise.catch(() => undefined);
    this.#room?.reject(error);
    this.#room = undefined;
    this.#ending?.reject(error);
  }

  // Receiving

  get wantsBytes(): boolean {
    return !this.#inputOver && this.#incomingBytes < aheadBytes;
  }

  protected async *read(): AsyncGenerator<Uint8Array, undefined> {
    try {
      for (;;) {
        if (this.#inputFailure !== undefined) throw this.#inputFailure;
        const chunk = this.#incoming.shift();
        if (chunk !== undefined) {
          const wanted = this.wantsBytes;
          this.#incomingBytes -= chunk.length;
          this.#owner.undelivered.remove(chunk.length);
          this.#bytesRead += chunk.length;
          if (!wanted && this.wantsBytes) this.#engine.resume();
          yield chunk;
          continue;
        }
        if (this.#inputWhole || this.#inputOver) break;
        this.#arrival = Promise.withResolvers();
        await this.#arrival.promise;
      }
      this.#inputOver = true;
      this.#settle();
    } finally {
      this.stopReading();
    }
  }

  stopReading(code: number = noCode): void {
    checkCode(code, this.#owner.largestCode);
    if (this.#inputOver) return;
    this.#inputOver = true;
    if (!this.#inputWhole) this.#engine.stopReading(code);
    this.#dropInput();
    this.#settle();
  }

  #dropInput(): void {
    this.#owner.undelivered.remove(this.#incomingBytes);
    this.#incoming = [];
    this.#incomingBytes = 0;
    this.#arrival?.resolve();
  }

  #failInput(error: Error): void {
    if (this.#inputOver) return;
    this.#inputOver = true;
    this.#inputFailure = error;
    this.#dropInput();
  }

  // What the engine tells

  onBytes(chunk: Uint8Array): void {
    if (this.#inputOver) return;
    const { maxUndeliveredBytes } = this.#owner.limits;
    if (this.#incomingBytes + chunk.length > maxUndeliveredBytes) {
      this.#refuseBytes(maxUndeliveredBytes);
    } else if (!this.#owner.undelivered.add(chunk.length)) {
      this.#refuseBytes(this.#owner.undelivered.limitBytes);
    } else {
      this.#incoming.push(chunk);
      this.#incomingBytes += chunk.length;
      this.#arrival?.resolve();
    }
  }

  #refuseBytes(limitBytes: number): void {
    const message = `expected a reader to keep up, got more than ${limitBytes} bytes ahead of it`;
    this.#cut(quicErrors.create("KING_QUIC_UNDELIVERED_LIMIT", message, { limitBytes }));
  }

  onEnd(): void {
    this.#inputWhole = true;
    this.#arrival?.resolve();
  }

  onReset(code: number): void {
    if (this.#inputOver || this.#inputWhole) return;
    this.#broken ??= { by: "peer", code };
    this.#failInput(resetByPeer(code));
    this.#settle();
  }

  onStopped(code: number): void {
    if (this.#outputOver) return;
    this.#broken ??= { by: "peer", code };
    this.#failOutput(resetByPeer(code));
    this.#settle();
  }

  onFailure(error: Error): void {
    this.#cut(error);
  }

  // Its end

  reset(code: number = noCode): void {
    checkCode(code, this.#owner.largestCode);
    const error = streamErrors.create("KING_STREAM_CLOSED", "the stream was reset here", {});
    this.#break({ by: "local", code }, error);
  }

  abort(reason?: unknown): void {
    this.#cut(reason instanceof Error ? reason : abortedHere("stream"));
  }

  #cut(error: Error): void {
    this.#break({ by: "local", error }, error);
  }

  #break(broken: { by: "local"; code?: number; error?: Error }, error: Error): void {
    if (this.ended !== undefined) return;
    this.#broken ??= broken;
    this.#failInput(error);
    this.#failOutput(error);
    this.#engine.reset(broken.code ?? noCode);
    this.#settle();
  }

  /**
   * The connection is gone. What had come whole can still be read.
   *
   * @returns whether something of the stream was cut short.
   */
  onConnectionEnd(by: "local" | "peer" | "network", error: Error): boolean {
    if (this.ended !== undefined) return false;
    if (by !== "local" && this.whole) return false;
    this.#broken ??= { by, error };
    this.#failInput(error);
    this.#failOutput(error);
    this.#settle();
    return true;
  }

  #settle(): void {
    if (!this.#inputOver || !this.#outputOver || this.ended !== undefined) return;
    const { by = "local", ...rest } = this.#broken ?? {};
    this.finish({
      by,
      clean: this.#broken === undefined,
      bytesRead: this.#bytesRead,
      bytesWritten: this.#bytesWritten,
      ...rest,
    });
    this.#owner.onStreamEnd(this);
  }
}

const nothing = new Uint8Array(0);

/** Frees what was given to us; a view of a larger buffer would take its neighbours along. */
function release({ buffer, length }: Uint8Array): void {
  if (length === buffer.byteLength) (buffer as ArrayBuffer).transfer?.(0);
}

function resetByPeer(code: number): KingError {
  const message = `the peer broke the stream off with code ${code}`;
  return streamErrors.create("KING_STREAM_RESET", message, { by: "peer", code });
}
