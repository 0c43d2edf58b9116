import type { Codec as CodecPort } from "@king-runtime/core";
import { checkChoice } from "./check-options.ts";
import { contentType } from "./content-type.ts";
import { type DecodedMessage, decodeOptionNames, makeDecoder } from "./decode.ts";
import type { DecodeOptions } from "./decode-options.ts";
import {
  checkEncodeOptions,
  type EncodeOptions,
  encodeOptionNames,
  makeEncoder,
} from "./encode.ts";
import type { MessageInput } from "./message.ts";
import { runDecoder } from "./run-decoder.ts";
import { runEncoder, runEncoderInto } from "./run-encoder.ts";
import type { AnySchema } from "./schema.ts";

/** How {@link createCodec} goes about it. */
export interface CodecOptions extends DecodeOptions, EncodeOptions {
  /**
   * Whether functions may be generated; where policy forbids that, functions at hand do the same work
   * at a fraction of the speed. @default true
   */
  readonly generate?: boolean;
}

/** The functions of one schema with their options decided: `Codec` of `@king-runtime/core`. */
export interface Codec<In, Out = In> extends Omit<CodecPort<Out>, "encode"> {
  /** `application/x-protobuf`, whichever the profile. */
  readonly contentType: string;
  /** Name of the schema. */
  readonly name: string;
  /** As the function `encode`. */
  encode(message: In): Uint8Array<ArrayBuffer>;
  /**
   * Encodes into memory of the caller's; gives how many bytes that took.
   *
   * @throws {KingError} as `encode`; `KING_IIBIN_OPTION_INVALID` when there is no room, of which
   * nothing is written then.
   */
  encodeInto(message: In, target: Uint8Array, offset?: number): number;
  /** As the function `decode`. */
  decode(bytes: Uint8Array): Out;
  /** Bytes of one message, at most. */
  readonly maxBytes: number;
  /** Records of one batch, at most. */
  readonly maxBatch: number;
}

/** What {@link createCodec} gives for a schema and options. */
export type CodecOf<S extends AnySchema, O extends DecodeOptions> = Codec<
  MessageInput<S>,
  DecodedMessage<S, O>
>;

/**
 * Binds a schema and options: no lookup is left for each message.
 *
 * @throws {KingError} `KING_IIBIN_OPTION_INVALID` for an option it cannot have,
 * `KING_IIBIN_SCHEMA_INVALID` when a type that the schema names does not exist.
 */
export function createCodec<S extends AnySchema, const O extends CodecOptions>(
  schema: S,
  options?: O,
): CodecOf<S, O> {
  if (options !== undefined) {
    checkEncodeOptions(options, [...decodeOptionNames, ...encodeOptionNames, "generate"]);
    checkChoice("generate", options.generate, [true, false]);
  }
  const { copy = false, limits, generate = true } = options ?? {};
  const encoder = makeEncoder(schema, limits, generate);
  const decoder = makeDecoder(schema, options, limits, generate);
  return {
    contentType,
    name: schema.name,
    maxBytes: encoder.limits.maxBytes,
    maxBatch: encoder.limits.maxBatch,
    encode: (message) => runEncoder(encoder, message, copy) as Uint8Array<ArrayBuffer>,
    encodeInto: (message, target, offset = 0) => runEncoderInto(encoder, message, target, offset),
    decode: (bytes) => runDecoder(decoder, bytes) as DecodedMessage<S, O>,
  };
}
