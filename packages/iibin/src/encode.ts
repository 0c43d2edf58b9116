import { closureEncoder } from "./closures/encoder.ts";
import { describeValue } from "./describe-value.ts";
import { canGenerate, type EncodeFunction, generateEncoder } from "./emit/generate.ts";
import { iibinErrors } from "./errors.ts";
import { type Limits, type ResolvedLimits, resolveLimits } from "./limits.ts";
import type { MessageInput } from "./message.ts";
import { type AnySchema, compiled } from "./schema.ts";
import { errorOf, Fault, overLimit } from "./wire/fault.ts";
import { Writer } from "./wire/writer.ts";

/** How {@link encode} goes about it. */
export interface EncodeOptions {
  /**
   * Gives the bytes memory of their own. Without it small messages are views on a slab of 64 KiB that
   * they share, which lives as long as any of them. @default false
   */
  readonly copy?: boolean;
  readonly limits?: Limits;
}

/** An encoder and what it has learnt about its messages. @internal */
export interface Encoder {
  readonly name: string;
  readonly run: EncodeFunction;
  readonly limits: ResolvedLimits;
  /** About how many bytes the next message will need. */
  expected: number;
}

/**
 * Writes a message on the protobuf wire: fields in the order of their tags, the same bytes for the
 * same value. Every value is checked, each is read once, and keys the schema lacks are refused.
 *
 * @throws {KingError} `KING_IIBIN_VALUE_INVALID` naming schema, field and what came;
 * `KING_IIBIN_LIMIT` for a message that is too large or too deep, as one that holds itself is.
 */
export function encode<S extends AnySchema>(
  schema: S,
  message: MessageInput<S>,
  options?: EncodeOptions,
): Uint8Array {
  const slot = schema[compiled];
  slot.encoder ??= makeEncoder(schema);
  let encoder = slot.encoder as Encoder;
  if (options?.limits !== undefined)
    encoder = { ...encoder, limits: resolveLimits(options.limits, schema.profile) };
  return runEncoder(encoder, message, options?.copy === true);
}

/** @internal */
export function makeEncoder(schema: AnySchema, limits?: Limits, generate = true): Encoder {
  return {
    name: schema.name,
    run: generate && canGenerate() ? generateEncoder(schema) : closureEncoder(schema),
    limits: resolveLimits(limits, schema.profile),
    expected: 64,
  };
}

const idle = /* @__PURE__ */ new Writer();

/** @internal */
export function runEncoder(encoder: Encoder, message: unknown, copy: boolean): Uint8Array {
  // A getter of the message may encode something itself: that has a writer of its own.
  const w = idle.busy ? new Writer() : idle;
  const end = write(w, encoder, message);
  return w.finish(end, copy);
}

/** Encodes into `target` at `offset`; gives how many bytes that took. @internal */
export function runEncoderInto(
  encoder: Encoder,
  message: unknown,
  target: Uint8Array,
  offset: number,
): number {
  if (!(target instanceof Uint8Array))
    throw iibinErrors.create(
      "KING_IIBIN_OPTION_INVALID",
      `target: expected a Uint8Array, got ${describeValue(target)}`,
      { option: "target" },
    );
  const w = idle.busy ? new Writer() : idle;
  const end = write(w, encoder, message);
  const size = end - w.start;
  if (!Number.isInteger(offset) || offset < 0 || offset + size > target.length)
    throw iibinErrors.create(
      "KING_IIBIN_OPTION_INVALID",
      `target: expected room for ${size} bytes at ${String(offset)}, got ${target.length} bytes in all`,
      { option: "target" },
    );
  target.set(w.b.subarray(w.start, end), offset);
  return size;
}

/** Writes the message behind what was handed out; gives its end. */
function write(w: Writer, encoder: Encoder, message: unknown): number {
  const { limits, name } = encoder;
  w.prepare(encoder.expected);
  w.busy = true;
  w.start = w.p;
  w.maxBytes = limits.maxBytes;
  w.maxDepth = limits.maxDepth;
  w.maxStringBytes = limits.maxStringBytes;
  w.maxItems = limits.maxItems;
  try {
    if (typeof message !== "object" || message === null)
      throw new Fault("value", `expected an object, got ${describeValue(message)}`);
    const end = encoder.run(message, w, w.p, limits.maxDepth);
    const size = end - w.start;
    if (size > limits.maxBytes) throw overLimit("maxBytes", limits.maxBytes);
    if (size > encoder.expected - 512) encoder.expected = size + (size >> 3) + 512;
    else encoder.expected -= (encoder.expected - size) >> 6;
    return end;
  } catch (error) {
    throw error instanceof Fault ? errorOf(error, name) : error;
  } finally {
    w.busy = false;
  }
}
