import { checkOptions } from "./check-options.ts";
import type { Codec } from "./codec.ts";
import { type DecodedMessage, decoderFor } from "./decode.ts";
import type { DecodeOptions } from "./decode-options.ts";
import { describeValue } from "./describe-value.ts";
import { type EncodeOptions, encode } from "./encode.ts";
import { iibinErrors } from "./errors.ts";
import { type Limits, resolveLimits } from "./limits.ts";
import type { MessageInput } from "./message.ts";
import { runDecoder } from "./run-decoder.ts";
import { type AnySchema, isSchema } from "./schema.ts";

/**
 * Encodes records one by one: their messages, in order, without anything between them. The first
 * record that fails ends it.
 *
 * @throws {KingError} `KING_IIBIN_BATCH` with the record's index and the error as `cause`;
 * `KING_IIBIN_LIMIT` for more records than `maxBatch`, before any is looked at.
 */
export function encodeBatch<S extends AnySchema>(
  schema: S,
  records: readonly MessageInput<S>[],
  options?: EncodeOptions,
): Uint8Array<ArrayBuffer>[];
export function encodeBatch<In>(
  codec: Codec<In, unknown>,
  records: readonly In[],
): Uint8Array<ArrayBuffer>[];
export function encodeBatch(
  by: AnySchema | Codec<unknown>,
  records: readonly object[],
  options?: EncodeOptions,
): Uint8Array<ArrayBuffer>[] {
  return eachRecord(by, records, options, () =>
    isSchema(by) ? (record) => encode(by, record, options) : (record) => by.encode(record),
  );
}

/**
 * Decodes messages one by one, in order. The first that fails ends it.
 *
 * @throws {KingError} `KING_IIBIN_BATCH` with the message's index and the error as `cause`;
 * `KING_IIBIN_LIMIT` for more messages than `maxBatch`, before any is looked at.
 */
export function decodeBatch<
  S extends AnySchema,
  const O extends DecodeOptions & { limits?: Limits },
>(schema: S, messages: readonly Uint8Array[], options?: O): DecodedMessage<S, O>[];
export function decodeBatch<Out>(codec: Codec<never, Out>, messages: readonly Uint8Array[]): Out[];
export function decodeBatch(
  by: AnySchema | Codec<never, unknown>,
  messages: readonly Uint8Array[],
  options?: DecodeOptions & { limits?: Limits },
): unknown[] {
  return eachRecord(by, messages, options, () => {
    if (!isSchema(by)) return (bytes) => by.decode(bytes);
    const decoder = decoderFor(by, options ?? {});
    return (bytes) => runDecoder(decoder, bytes);
  });
}

function eachRecord<In, Out>(
  by: AnySchema | Codec<never, unknown>,
  records: readonly In[],
  options: { readonly limits?: Limits } | undefined,
  prepare: () => (record: In) => Out,
): Out[] {
  // Those of a codec are decided.
  if (!isSchema(by)) checkOptions(options, []);
  const maxBatch = isSchema(by) ? resolveLimits(options?.limits, by.profile).maxBatch : by.maxBatch;
  const schema = by.name;
  if (!Array.isArray(records))
    throw iibinErrors.create(
      "KING_IIBIN_OPTION_INVALID",
      `records: expected an array, got ${describeValue(records)}`,
      { option: "records" },
    );
  const { length } = records;
  if (length > maxBatch)
    throw iibinErrors.create(
      "KING_IIBIN_LIMIT",
      `${schema}: ${length} records are more than maxBatch (${maxBatch}) allows`,
      { schema, limit: "maxBatch", max: maxBatch, path: "" },
    );
  const handle = prepare();
  const results: Out[] = [];
  for (let index = 0; index < length; index++)
    try {
      results.push(handle(records[index] as In));
    } catch (cause) {
      throw iibinErrors.create(
        "KING_IIBIN_BATCH",
        `record ${index} of ${schema} failed: ${cause instanceof Error ? cause.message : describeValue(cause)}`,
        { schema, index },
        { cause },
      );
    }
  return results;
}
