import { checkChoice, checkOptions } from "./check-options.ts";
import { closureDecoder } from "./closures/decoder.ts";
import { checkSchema, compiledOf } from "./compiled.ts";
import type { DecodeOptions, MessageClass } from "./decode-options.ts";
import { describeValue } from "./describe-value.ts";
import type { DecoderVariant } from "./emit/emit-decoder.ts";
import type { DecodeFunction } from "./emit/functions.ts";
import { canGenerate, generateDecoder } from "./emit/generate.ts";
import { reachableSchemas } from "./emit/message-plan.ts";
import { iibinErrors } from "./errors.ts";
import { type Limits, resolveLimits } from "./limits.ts";
import type { Message } from "./message.ts";
import { type Decoder, runDecoder } from "./run-decoder.ts";
import type { AnySchema } from "./schema.ts";

/** A message as decoding with these options gives it. */
export type DecodedMessage<S extends AnySchema, O extends DecodeOptions> = O extends {
  into: new () => infer Instance;
}
  ? Instance
  : Message<S, O extends { int64: "number" } ? number : bigint>;

/**
 * Reads a message from the protobuf wire. Bytes that are no message of the schema give nothing but the
 * error.
 *
 * @throws {KingError} `KING_IIBIN_WIRE_INVALID` with offset and field path, `KING_IIBIN_LIMIT` for a
 * message that is larger or deeper than allowed; `KING_IIBIN_OPTION_INVALID`, and on first use
 * `KING_IIBIN_SCHEMA_INVALID` when a type that the schema names does not exist.
 */
export function decode<S extends AnySchema, const O extends DecodeOptions & { limits?: Limits }>(
  schema: S,
  bytes: Uint8Array,
  options?: O,
): DecodedMessage<S, O> {
  const slot = compiledOf(schema);
  let decoder: Decoder;
  if (options === undefined) {
    slot.decoders[0] ??= makeDecoder(schema);
    decoder = slot.decoders[0] as Decoder;
  } else decoder = decoderFor(schema, options);
  return runDecoder(decoder, bytes) as DecodedMessage<S, O>;
}

/** A decoder of the schema, made before unless the options bring classes. @internal */
export function decoderFor(
  schema: AnySchema,
  options: DecodeOptions & { limits?: Limits },
): Decoder {
  checkOptions(options, decodeOptionNames);
  const { decoders } = compiledOf(schema);
  let decoder: Decoder;
  if (options.into === undefined) {
    const index =
      (options.int64 === "number" ? 1 : 0) |
      (options.bytes === "view" ? 2 : 0) |
      (options.unknownFields === "keep" ? 4 : 0);
    checkDecodeOptions(options);
    decoders[index] ??= makeDecoder(schema, options);
    decoder = decoders[index] as Decoder;
  } else decoder = makeDecoder(schema, options);
  return options.limits === undefined
    ? decoder
    : { ...decoder, limits: resolveLimits(options.limits, schema.profile) };
}

/** Options that {@link decode} reads. */
export const decodeOptionNames = ["int64", "bytes", "unknownFields", "into", "limits"] as const;

function checkDecodeOptions(options: DecodeOptions): void {
  checkChoice("int64", options.int64, ["bigint", "number"]);
  checkChoice("bytes", options.bytes, ["copy", "view"]);
  checkChoice("unknownFields", options.unknownFields, ["drop", "keep"]);
}

/** @internal */
export function makeDecoder(
  schema: AnySchema,
  options: DecodeOptions = {},
  limits?: Limits,
  generate = true,
): Decoder {
  checkSchema(schema);
  checkDecodeOptions(options);
  const { into, int64 } = options;
  const classes: MessageClass[] = [];
  const indices = new Map<AnySchema, number>();
  const isMap = typeof into === "object" && into !== null && Symbol.iterator in into;
  const pairs = isMap ? [...into] : into === undefined ? [] : [[schema, into] as const];
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
  if (int64 === "number") checkDefaults(reachable);
  const variant: DecoderVariant = { ...options, classes: indices };
  const decoder = {
    name: schema.name,
    limits: resolveLimits(limits, schema.profile),
    callsBack: classes.length > 0,
  };
  const closures = () => closureDecoder(schema, variant, classes);
  if (!(generate && canGenerate())) return { ...decoder, run: closures() };
  // To decode once more for the path of a fault would make instances once more.
  if (decoder.callsBack) return { ...decoder, run: generateDecoder(schema, variant, classes) };
  let explain: DecodeFunction | undefined;
  return {
    ...decoder,
    run: generateDecoder(schema, { ...variant, paths: false }, classes),
    explain() {
      explain ??= closures();
      return explain;
    },
  };
}

/** A default that is no safe number cannot be given as one. */
function checkDefaults(schemas: readonly AnySchema[]): void {
  for (const { name, fields } of schemas)
    for (const field of fields)
      if (typeof field.default === "bigint" && !Number.isSafeInteger(Number(field.default)))
        throw iibinErrors.create(
          "KING_IIBIN_OPTION_INVALID",
          `int64: expected "bigint", as the default of ${name}.${field.name} is no safe integer`,
          { option: "int64" },
        );
}
