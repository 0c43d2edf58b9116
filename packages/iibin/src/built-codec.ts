import type { Codec } from "./codec.ts";
import { contentType } from "./content-type.ts";
import type { DecodeFunction, EncodeFunction } from "./emit/functions.ts";
import { resolveLimits } from "./limits.ts";
import { runDecoder } from "./run-decoder.ts";
import { runEncoder, runEncoderInto } from "./run-encoder.ts";
import type { Profile } from "./schema.ts";

/** What a built module has of one schema. @internal */
export interface BuiltCodecParts {
  readonly name: string;
  readonly profile: Profile;
  readonly encode: EncodeFunction;
  readonly decode: DecodeFunction;
}

/** The codec of functions that were generated when the application was built. @internal */
/* @__NO_SIDE_EFFECTS__ */
export function builtCodec<In, Out>(parts: BuiltCodecParts): Codec<In, Out> {
  const { name, profile } = parts;
  const limits = resolveLimits(undefined, profile);
  const encoder = { name, run: parts.encode, limits, expected: 64 };
  const decoder = { name, run: parts.decode, limits, callsBack: false };
  return {
    contentType,
    name,
    maxBatch: limits.maxBatch,
    maxBytes: limits.maxBytes,
    encode: (message) => runEncoder(encoder, message, false) as Uint8Array<ArrayBuffer>,
    encodeInto: (message, target, offset = 0) => runEncoderInto(encoder, message, target, offset),
    decode: (bytes) => runDecoder(decoder, bytes) as Out,
  };
}
