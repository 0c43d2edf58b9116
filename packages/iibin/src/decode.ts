import { closureDecoder } from "./closures/decoder.ts";
import type { DecodeOptions, MessageClass } from "./decode-options.ts";
import { describeValue } from "./describe-value.ts";
import type { DecoderVariant } from "./emit/emit-decoder.ts";
import { canGenerate, type DecodeFunction, generateDecoder } from "./emit/generate.ts";
import { reachableSchemas } from "./emit/message-plan.ts";
import { iibinErrors } from "./errors.ts";
import { type Limits, type ResolvedLimits, resolveLimits } from "./limits.ts";
import type { Message } from "./message.ts";
import { type AnySchema, compiled } from "./schema.ts";
import { errorOf, Fault, overLimit } from "./wire/fault.ts";
import { Reader } from "./wire/reader.ts";

/** A message as decoding with these options gives it. */
export type DecodedMessage<S extends AnySchema, O extends DecodeOptions> = O extends {
  into: new () => infer Instance;
}
  ? Instance
  : Message<S, O extends { int64: "number" } ? number : bigint>;

/** @internal */
export interface Decoder {
  readonly name: string;
  readonly run: DecodeFunction;
  readonly limits: ResolvedLimits;
  /** Whether code of the caller runs while decoding, which may decode something itself. */
  readonly callsBack: boolean;
}

/**
 * Reads a message from the protobuf wire. Bytes that are no message of the schema give nothing but the
 * error.
 *
 * @throws {KingError} `KING_IIBIN_WIRE_INVALID` with offset and field path, `KING_IIBIN_LIMIT` for a
 * message that is larger or deeper than allowed.
 */
export function decode<S extends AnySchema, const O extends DecodeOptions & { limits?: Limits }>(
  schema: S,
  bytes: Uint8Array,
  options?: O,
): DecodedMessage<S, O> {
  const slot = schema[compiled];
  let decoder: Decoder;
  if (options === undefined) {
    slot.decoders[0] ??= makeDecoder(schema);
    decoder = slot.decoders[0] as Decoder;
  } else decoder = decoderFor(schema, options);
  return runDecoder(decoder, bytes) as DecodedMessage<S, O>;
}

function decoderFor(schema: AnySchema, options: DecodeOptions & { limits?: Limits }): Decoder {
  const { decoders } = schema[compiled];
  let decoder: Decoder;
  if (options.into === undefined) {
    const index =
      (options.int64 === "number" ? 1 : 0) |
      (options.bytes === "view" ? 2 : 0) |
      (options.unknownFields === "keep" ? 4 : 0);
    checkOptions(options);
    decoders[index] ??= makeDecoder(schema, options);
    decoder = decoders[index] as Decoder;
  } else decoder = makeDecoder(schema, options);
  return options.limits === undefined
    ? decoder
    : { ...decoder, limits: resolveLimits(options.limits, schema.profile) };
}

const choices = /* @__PURE__ */ Object.freeze({
  int64: ["bigint", "number"],
  bytes: ["copy", "view"],
  unknownFields: ["drop", "keep"],
});

function checkOptions(options: DecodeOptions): void {
  for (const key of ["int64", "bytes", "unknownFields"] as const) {
    const value = options[key];
    if (value !== undefined && !(choices[key] as string[]).includes(value))
      throw iibinErrors.create(
        "KING_IIBIN_OPTION_INVALID",
        `${key}: expected ${choices[key].join(" or ")}, got ${describeValue(value)}`,
        { option: key },
      );
  }
}

/** @internal */
export function makeDecoder(
  schema: AnySchema,
  options: DecodeOptions = {},
  limits?: Limits,
  generate = true,
): Decoder {
  checkOptions(options);
  const { into } = options;
  const classes: MessageClass[] = [];
  const indices = new Map<AnySchema, number>();
  const pairs =
    into === undefined ? [] : typeof into === "function" ? [[schema, into] as const] : [...into];
  const reachable = reachableSchemas(schema);
  for (const [of, made] of pairs) {
    if (typeof made !== "function" || !reachable.includes(of))
      throw iibinErrors.create(
        "KING_IIBIN_OPTION_INVALID",
        `into: expected classes of ${schema.name} and what it holds, got ${describeValue(made)}`,
        { option: "into" },
      );
    indices.set(of, classes.push(made) - 1);
  }
  const variant: DecoderVariant = { ...options, classes: indices };
  return {
    name: schema.name,
    run: (generate && canGenerate() ? generateDecoder : closureDecoder)(schema, variant, classes),
    limits: resolveLimits(limits, schema.profile),
    callsBack: classes.length > 0,
  };
}

const idle = /* @__PURE__ */ new Reader();
/** From so many bytes on a view of the memory costs less than it saves. */
const viewPays = 2_048;

/** @internal */
export function runDecoder(decoder: Decoder, bytes: Uint8Array): unknown {
  const { limits } = decoder;
  if (!(bytes instanceof Uint8Array))
    throw iibinErrors.create(
      "KING_IIBIN_OPTION_INVALID",
      `bytes: expected a Uint8Array, got ${describeValue(bytes)}`,
      { option: "bytes" },
    );
  const { length } = bytes;
  const r = decoder.callsBack ? new Reader() : idle;
  r.items = r.maxItems = limits.maxItems;
  r.maxStringBytes = limits.maxStringBytes;
  r.maxDepth = limits.maxDepth;
  r.v =
    length < viewPays ? undefined : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (length > limits.maxBytes) throw overLimit("maxBytes", limits.maxBytes);
    return decoder.run(bytes, 0, length, r, limits.maxDepth);
  } catch (error) {
    throw error instanceof Fault ? errorOf(error, decoder.name) : error;
  } finally {
    // The bytes are not kept alive until the next call.
    if (r.v !== undefined) r.v = undefined;
  }
}
