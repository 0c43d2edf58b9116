import { Http3Error, http3Codes } from "./codes.ts";
import { readVarint, varintBytes } from "./varint.ts";

/** What a {@link FrameReader} tells of. */
export interface FrameSink {
  /**
   * A frame begins. What is to become of its payload: handed over whole, as it comes, or skipped.
   *
   * @throws {Http3Error} for a frame that is not to be here, or is too large.
   */
  onFrame(type: number, length: number): "whole" | "stream" | "skip";
  /** A payload that is wanted whole. */
  onPayload(type: number, payload: Uint8Array): void;
  /** A piece of one that is wanted as it comes. */
  onData(chunk: Uint8Array): void;
}

const nothing = new Uint8Array(0);

/** Frames (RFC 9114, section 7.1) out of the bytes of a stream, however they are cut. */
export class FrameReader {
  readonly #sink: FrameSink;
  /** The beginning of a frame's head that is not whole yet: 16 bytes at the most. */
  #head: Uint8Array = nothing;
  #type = 0;
  #fate: "whole" | "stream" | "skip" | undefined;
  /** Bytes of the payload that are still to come. */
  #left = 0;
  #payload: Uint8Array = nothing;
  #filled = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Whether everything so far is whole frames. */
  get isBetweenFrames(): boolean {
    return this.#fate === undefined && this.#head.length === 0;
  }

  /** @throws {Http3Error} what the sink throws. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#fate === undefined) at = this.#readHead(chunk, at);
      else at = this.#readPayload(chunk, at);
    }
  }

  /** The stream has ended. @throws {Http3Error} H3_FRAME_ERROR when that is within a frame. */
  end(): void {
    if (this.isBetweenFrames) return;
    throw new Http3Error(
      http3Codes.frameError,
      "expected a whole frame, got the end of the stream",
    );
  }

  #readHead(chunk: Uint8Array, at: number): number {
    const known = this.#head.length;
    const bytes =
      known === 0 ? chunk.subarray(at) : concat(this.#head, chunk.subarray(at, at + 16));
    const typeBytes = varintBytes(bytes[0] as number);
    const lengthAt = typeBytes;
    const needed =
      bytes.length > lengthAt ? lengthAt + varintBytes(bytes[lengthAt] as number) : lengthAt + 1;
    if (bytes.length < needed) {
      this.#head = bytes.slice();
      return chunk.length;
    }
    this.#head = nothing;
    this.#begin(readVarint(bytes, 0), readVarint(bytes, lengthAt));
    return at + needed - known;
  }

  #begin(type: number, length: number): void {
    this.#type = type;
    this.#left = length;
    this.#fate = this.#sink.onFrame(type, length);
    if (this.#fate === "whole") {
      this.#payload = new Uint8Array(length);
      this.#filled = 0;
    }
    if (length === 0) this.#finish();
  }

  #readPayload(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.#left, chunk.length - at);
    const piece = chunk.subarray(at, at + taken);
    this.#left -= taken;
    if (this.#fate === "stream") this.#sink.onData(piece);
    else if (this.#fate === "whole") {
      this.#payload.set(piece, this.#filled);
      this.#filled += taken;
    }
    if (this.#left === 0) this.#finish();
    return at + taken;
  }

  #finish(): void {
    const isWhole = this.#fate === "whole";
    this.#fate = undefined;
    if (!isWhole) return;
    const payload = this.#payload;
    this.#payload = nothing;
    this.#sink.onPayload(this.#type, payload);
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
