import { describeValue } from "./describe-value.ts";
import type { EncodeFunction } from "./emit/functions.ts";
import { iibinErrors } from "./errors.ts";
import type { ResolvedLimits } from "./limits.ts";
import { errorOf, Fault, faultIn, overLimit } from "./wire/fault.ts";
import { Writer } from "./wire/writer.ts";

/** An encoder and what it has learnt about its messages. @internal */
export interface Encoder {
  readonly name: string;
  readonly run: EncodeFunction;
  readonly limits: ResolvedLimits;
  /** About how many bytes the next message will need: as many as the last one did, and some more. */
  expected: number;
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
  const from = w.b.subarray(w.start, end);
  w.release();
  if (!Number.isInteger(offset) || offset < 0 || offset + size > target.length)
    throw iibinErrors.create(
      "KING_IIBIN_OPTION_INVALID",
      `target: expected room for ${size} bytes at ${String(offset)}, got ${target.length} bytes in all`,
      { option: "target" },
    );
  // Not its own method, which might encode something itself.
  Uint8Array.prototype.set.call(target, from, offset);
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
    encoder.expected = size + (size >> 3) + 512;
    return end;
  } catch (error) {
    w.release();
    const fault = faultIn(error, limits.maxDepth);
    throw fault === undefined ? error : errorOf(fault, name);
  } finally {
    w.busy = false;
  }
}
