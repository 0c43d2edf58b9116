import { describeValue } from "./describe-value.ts";
import type { DecodeFunction } from "./emit/functions.ts";
import { iibinErrors } from "./errors.ts";
import type { ResolvedLimits } from "./limits.ts";
import { byteLength } from "./wire/byte-length.ts";
import { errorOf, Fault, faultIn, overLimit } from "./wire/fault.ts";
import { Reader, viewPays } from "./wire/reader.ts";

/** @internal */
export interface Decoder {
  readonly name: string;
  readonly run: DecodeFunction;
  readonly limits: ResolvedLimits;
  /** Whether code of the caller runs while decoding, which may decode something itself. */
  readonly callsBack: boolean;
  /** The same function with paths in its faults, where `run` has none. */
  explain?(): DecodeFunction;
}

const idle = /* @__PURE__ */ new Reader();

/** @internal */
export function runDecoder(decoder: Decoder, bytes: Uint8Array): unknown {
  const { limits } = decoder;
  const length = byteLength(bytes);
  if (length < 0)
    throw iibinErrors.create(
      "KING_IIBIN_OPTION_INVALID",
      `bytes: expected a Uint8Array with memory of its own, got ${describeValue(bytes)}`,
      { option: "bytes" },
    );
  const r = decoder.callsBack ? new Reader() : idle;
  r.items = r.maxItems = limits.maxItems;
  r.maxStringBytes = limits.maxStringBytes;
  r.maxDepth = limits.maxDepth;
  r.maxBytes = limits.maxBytes;
  r.together = 0;
  r.v =
    length < viewPays ? undefined : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (length > limits.maxBytes) throw overLimit("maxBytes", limits.maxBytes);
    return decoder.run(bytes, 0, length, r, limits.maxDepth);
  } catch (error) {
    const fault = faultIn(error, limits.maxDepth);
    if (fault === undefined) throw error;
    throw errorOf(explain(decoder, bytes, length, r) ?? fault, decoder.name);
  } finally {
    // The bytes are not kept alive until the next call.
    if (r.v !== undefined) r.v = undefined;
  }
}

/** What a decoder that keeps track of paths has to say of bytes that another one refused. */
function explain(
  decoder: Decoder,
  bytes: Uint8Array,
  length: number,
  r: Reader,
): Fault | undefined {
  if (decoder.explain === undefined || length > decoder.limits.maxBytes) return undefined;
  r.items = r.maxItems;
  r.together = 0;
  try {
    decoder.explain()(bytes, 0, length, r, decoder.limits.maxDepth);
  } catch (error) {
    if (error instanceof Fault) return error;
  }
  return undefined;
}
