import { checkChoice, checkOptions } from "./check-options.ts";
import { closureEncoder } from "./closures/encoder.ts";
import { checkSchema, compiledOf } from "./compiled.ts";
import { canGenerate, generateEncoder } from "./emit/generate.ts";
import { type Limits, resolveLimits } from "./limits.ts";
import type { MessageInput } from "./message.ts";
import { type Encoder, runEncoder } from "./run-encoder.ts";
import type { AnySchema } from "./schema.ts";

/** How {@link encode} goes about it. */
export interface EncodeOptions {
  /**
   * Gives the bytes memory of their own. Without it small messages are views on a slab of 64 KiB that
   * they share, which lives as long as any of them. @default false
   */
  readonly copy?: boolean;
  readonly limits?: Limits;
}

/**
 * Writes a message on the protobuf wire: fields in the order of their tags, the same bytes for the
 * same value. Every value is checked, each is read once, and keys the schema lacks are refused.
 *
 * @throws {KingError} `KING_IIBIN_VALUE_INVALID` naming schema, field and what came;
 * `KING_IIBIN_LIMIT` for a message that is too large or too deep, as one that holds itself is;
 * `KING_IIBIN_OPTION_INVALID`, and on first use `KING_IIBIN_SCHEMA_INVALID` when a type that the schema
 * names does not exist.
 */
export function encode<S extends AnySchema>(
  schema: S,
  message: MessageInput<S>,
  options?: EncodeOptions,
): Uint8Array<ArrayBuffer> {
  if (options !== undefined) checkEncodeOptions(options);
  const slot = compiledOf(schema);
  slot.encoder ??= makeEncoder(schema);
  let encoder = slot.encoder as Encoder;
  if (options?.limits !== undefined)
    encoder = { ...encoder, limits: resolveLimits(options.limits, schema.profile) };
  return runEncoder(encoder, message, options?.copy === true) as Uint8Array<ArrayBuffer>;
}

/** @internal */
export function checkEncodeOptions(options: EncodeOptions, known = encodeOptionNames): void {
  checkOptions(options, known);
  checkChoice("copy", options.copy, [true, false]);
}

/** Options that {@link encode} reads. */
export const encodeOptionNames: readonly string[] = ["copy", "limits"];

/** @internal */
export function makeEncoder(schema: AnySchema, limits?: Limits, generate = true): Encoder {
  checkSchema(schema);
  return {
    name: schema.name,
    run: generate && canGenerate() ? generateEncoder(schema) : closureEncoder(schema),
    limits: resolveLimits(limits, schema.profile),
    expected: 64,
  };
}
