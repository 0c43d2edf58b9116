import { checkOptions } from "./check-options.ts";
import { type Codec, type CodecOf, type CodecOptions, createCodec } from "./codec.ts";
import { iibinErrors } from "./errors.ts";
import type { MessageInput } from "./message.ts";
import { type AnySchema, isSchema } from "./schema.ts";
import { writeUint32 } from "./wire/write-varint.ts";
import { lengthWidth } from "./wire/writer.ts";

/**
 * A stream of messages into bytes: each with its length before it, as a varint. That is how protobuf's
 * libraries delimit messages. One chunk comes out for each message.
 *
 * An error of a message errors the stream.
 *
 * @throws {KingError} as `createCodec`.
 */
export function delimitedEncoder<S extends AnySchema>(
  schema: S,
  options?: CodecOptions,
): TransformStream<MessageInput<S>, Uint8Array<ArrayBuffer>>;
export function delimitedEncoder<In>(
  codec: Codec<In, unknown>,
): TransformStream<In, Uint8Array<ArrayBuffer>>;
export function delimitedEncoder(
  by: AnySchema | Codec<unknown>,
  options?: CodecOptions,
): TransformStream<unknown, Uint8Array<ArrayBuffer>> {
  const codec = codecOf<Codec<unknown>>(by, options);
  return new TransformStream({
    transform(message, controller) {
      controller.enqueue(delimit(codec.encode(message)));
    },
  });
}

/** The codec that was given, or one of the schema. */
function codecOf<C extends Codec<never, unknown>>(
  by: AnySchema | C,
  options: CodecOptions | undefined,
): C {
  if (!isSchema(by) && typeof by?.decode === "function") {
    // Its options are decided.
    checkOptions(options, []);
    return by;
  }
  return createCodec(by as AnySchema, options) as Codec<unknown> as unknown as C;
}

/** A message with its length before it. */
function delimit(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = message;
  const chunk = new Uint8Array(lengthWidth(length) + length);
  chunk.set(message, writeUint32(chunk, 0, length));
  return chunk;
}

/**
 * A stream of bytes, cut into chunks anywhere, into messages: the counterpart of
 * {@link delimitedEncoder}. Decodes a message when it is read and not before; holds the chunk that it
 * reads from, whose write ends with the chunk, and at most one message of `maxBytes` that is not whole
 * yet. Cancelling or aborting lets go of both.
 *
 * Errors with `KING_IIBIN_LIMIT` as soon as a length is larger than `maxBytes`, with
 * `KING_IIBIN_WIRE_INVALID` when the bytes end within a message, and as `decode` does; `offset` counts
 * from the message's start.
 *
 * @throws {KingError} as `createCodec`.
 */
export function delimitedDecoder<S extends AnySchema, const O extends CodecOptions>(
  schema: S,
  options?: O,
): TransformStream<Uint8Array, ReturnType<CodecOf<S, O>["decode"]>>;
export function delimitedDecoder<Out>(codec: Codec<never, Out>): TransformStream<Uint8Array, Out>;
export function delimitedDecoder(
  by: AnySchema | Codec<never, unknown>,
  options?: CodecOptions,
): TransformStream<Uint8Array, unknown> {
  const codec = codecOf<Codec<never, unknown>>(by, options);
  const frames = new FrameReader(codec.name, codec.maxBytes);
  let source!: ReadableStreamDefaultController<unknown>;
  let sink!: WritableStreamDefaultController & { readonly signal: AbortSignal };
  /** Settles the write of the chunk that is being read. */
  let written: { resolve(): void; reject(reason: unknown): void } | undefined;
  /** Whether the readable side asked for a message that it has not got yet. */
  let wanted = false;
  const drop = (reason: unknown): void => {
    frames.drop();
    written?.reject(reason);
    written = undefined;
    source.error(reason);
  };
  const fail = (reason: unknown): void => {
    drop(reason);
    sink.error(reason);
  };
  // A message is decoded when it is asked for, so one chunk of many is not held decoded as a whole.
  const advance = (): void => {
    try {
      while (wanted && written !== undefined) {
        const message = frames.next();
        if (message !== undefined) {
          wanted = false;
          source.enqueue(codec.decode(message));
        }
        if (frames.isDone) {
          written?.resolve();
          written = undefined;
        }
      }
    } catch (error) {
      fail(error);
    }
  };
  const readable = new ReadableStream<unknown>(
    {
      start(controller) {
        source = controller;
      },
      pull() {
        wanted = true;
        advance();
      },
      cancel: fail,
    },
    { highWaterMark: 0 },
  );
  const writable = new WritableStream<Uint8Array>({
    start(controller) {
      sink = controller as typeof sink;
      // The stream calls `abort` only once a write has ended, and that may wait for a reader.
      sink.signal.addEventListener("abort", () => drop(sink.signal.reason), { once: true });
    },
    write(chunk) {
      if (!(chunk instanceof Uint8Array)) {
        const error = iibinErrors.create(
          "KING_IIBIN_OPTION_INVALID",
          "chunk: expected a Uint8Array, got something else",
          { option: "chunk" },
        );
        fail(error);
        throw error;
      }
      return new Promise<void>((resolve, reject) => {
        frames.take(chunk);
        written = { resolve, reject };
        advance();
      });
    },
    close() {
      try {
        frames.end();
      } catch (error) {
        fail(error);
        throw error;
      }
      source.close();
    },
  });
  return { readable, writable };
}

const nothing: Uint8Array = new Uint8Array(0);

/** Finds messages in chunks, one at a time; what is not whole yet is copied once. */
class FrameReader {
  readonly #schema: string;
  readonly #maxBytes: number;
  #chunk = nothing;
  /** How much of the chunk has been read. */
  #at = 0;
  /** Of the length being read: its value so far, and how many bits that has. */
  #length = 0;
  #bits = 0;
  /** The message being collected, and how much of it is there. */
  #message: Uint8Array | undefined;
  #filled = 0;
  #expected = 0;

  constructor(schema: string, maxBytes: number) {
    this.#schema = schema;
    this.#maxBytes = maxBytes;
  }

  /** Takes a chunk, which is the caller's again once {@link isDone}. */
  take(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** Whether the chunk has been read to its end. */
  get isDone(): boolean {
    return this.#at === this.#chunk.length;
  }

  /** The next message, in memory of its own, or `undefined` when the chunk has no other whole one. */
  next(): Uint8Array | undefined {
    const chunk = this.#chunk;
    while (this.#at < chunk.length) {
      if (this.#message === undefined) {
        const byte = chunk[this.#at++] as number;
        this.#takeLengthByte(byte);
        if (byte > 127) continue;
        const length = this.#length;
        this.#length = 0;
        this.#bits = 0;
        const from = this.#at;
        if (chunk.length - from >= length) {
          this.#at += length;
          // Not `slice`, with which a Buffer shares its memory.
          return new Uint8Array(chunk.subarray(from, this.#at));
        }
        this.#expected = length;
        this.#filled = 0;
        // Grows as bytes come: a length alone makes nobody allocate.
        this.#message = new Uint8Array(Math.min(length, Math.max(chunk.length - from, 1_024)));
      }
      this.#at += this.#collect(chunk, this.#at);
      if (this.#filled === this.#expected) {
        const message = this.#message;
        this.#message = undefined;
        return message.subarray(0, this.#expected);
      }
    }
    return undefined;
  }

  /** Lets go of the chunk and of what was collected. */
  drop(): void {
    this.take(nothing);
    this.#message = undefined;
  }

  /** @throws {KingError} when a message has begun and not ended. */
  end(): void {
    if (this.#message === undefined && this.#bits === 0) return;
    throw iibinErrors.create(
      "KING_IIBIN_WIRE_INVALID",
      `${this.#schema}: the stream ends within a message, ${this.#filled} of ${this.#expected} bytes in`,
      { schema: this.#schema, offset: this.#filled, path: "" },
    );
  }

  #takeLengthByte(byte: number): void {
    if (this.#bits === 35)
      throw iibinErrors.create(
        "KING_IIBIN_WIRE_INVALID",
        `${this.#schema}: the length of a message is a varint of over five bytes`,
        { schema: this.#schema, offset: 0, path: "" },
      );
    this.#length += (byte & 127) * 2 ** this.#bits;
    this.#bits += 7;
    if (this.#length > this.#maxBytes)
      throw iibinErrors.create(
        "KING_IIBIN_LIMIT",
        `${this.#schema}: a message of ${this.#length} bytes or more is longer than maxBytes (${this.#maxBytes}) allows`,
        { schema: this.#schema, limit: "maxBytes", max: this.#maxBytes, path: "" },
      );
  }

  #collect(chunk: Uint8Array, p: number): number {
    const message = this.#message as Uint8Array;
    const size = Math.min(chunk.length - p, this.#expected - this.#filled);
    let room = message;
    if (this.#filled + size > message.length) {
      room = new Uint8Array(
        Math.min(this.#expected, Math.max(message.length * 2, this.#filled + size)),
      );
      room.set(message.subarray(0, this.#filled));
      this.#message = room;
    }
    room.set(chunk.subarray(p, p + size), this.#filled);
    this.#filled += size;
    return size;
  }
}
