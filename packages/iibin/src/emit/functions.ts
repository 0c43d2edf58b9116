import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";

/** Writes a message at a position with so many levels left; gives the position after it. @internal */
export type EncodeFunction = (message: unknown, w: Writer, p: number, depth: number) => number;

/** Reads the message from `p` to `end` with so many levels left. @internal */
export type DecodeFunction = (
  b: Uint8Array,
  p: number,
  end: number,
  r: Reader,
  depth: number,
) => unknown;
