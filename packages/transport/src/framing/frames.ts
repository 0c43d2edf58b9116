import { describeValue, optionError, type Stream } from "@king-runtime/core";
import { netErrors } from "../net-errors.ts";
import {
  checkFramingOptions,
  checkLimit,
  checkSource,
  checkTarget,
  chunkBytes,
} from "./framing-options.ts";
import { GatheredBytes } from "./gathered-bytes.ts";

/** How frames are told apart: each begins with the length of what follows, as an unsigned integer. */
export interface FrameOptions {
  /** Size of the length. @default 4 */
  lengthBytes?: 1 | 2 | 4;
  /** Order of its bytes; `"big"` is that of networks. @default "big" */
  endian?: "big" | "little";
  /** Largest frame, in bytes without its length. @default 1_048_576 */
  maxFrameBytes?: number;
}

/**
 * The frames of `source`, each without its length. A frame that came within one chunk is a view of it.
 * At most some twice `maxFrameBytes` are held, and never more than twice what has come. Leaving the loop
 * releases the source.
 *
 * @throws {KingError} KING_NET_FRAME_LIMIT as soon as a length is too large; KING_NET_FRAME_TRUNCATED when
 * the source ends within a frame; KING_OPTION_INVALID; what the source throws.
 */
export function readFrames(
  source: AsyncIterable<Uint8Array>,
  options: FrameOptions = {},
): AsyncGenerator<Uint8Array, undefined> {
  const resolved = checked(options);
  checkSource(source);
  return frames(source, resolved);
}

async function* frames(
  source: AsyncIterable<Uint8Array>,
  { lengthBytes, endian, maxFrameBytes }: Required<FrameOptions>,
): AsyncGenerator<Uint8Array, undefined> {
  const head = Buffer.alloc(lengthBytes);
  let headLength = 0;
  const begun = new GatheredBytes();
  for await (const chunk of source) {
    const bytes = chunkBytes(chunk);
    let at = 0;
    for (;;) {
      while (headLength < lengthBytes && at < bytes.length) {
        head[headLength++] = bytes[at++] as number;
      }
      if (headLength < lengthBytes) break;
      const length =
        endian === "big" ? head.readUIntBE(0, lengthBytes) : head.readUIntLE(0, lengthBytes);
      if (length > maxFrameBytes) throw tooLong(length, maxFrameBytes);
      const end = at + length - begun.length;
      if (end > bytes.length) {
        if (at < bytes.length) begun.append(bytes.subarray(at), length);
        break;
      }
      let frame = bytes.subarray(at, end);
      if (begun.length > 0) {
        begun.append(frame, length);
        frame = begun.take();
      }
      at = end;
      headLength = 0;
      yield frame;
    }
  }
  if (headLength > 0) throw truncated(headLength + begun.length);
  return undefined;
}

/**
 * Writes `payload` as one frame, in one piece; resolves when there is room for more.
 *
 * @throws {KingError} KING_NET_FRAME_LIMIT for a payload that is too large for `maxFrameBytes`, or for its
 * length to be written in `lengthBytes`; KING_OPTION_INVALID; what the stream throws.
 */
export async function writeFrame(
  stream: Pick<Stream, "write">,
  payload: Uint8Array,
  options: FrameOptions = {},
): Promise<void> {
  const { lengthBytes, endian, maxFrameBytes } = checked(options);
  checkTarget(stream);
  if (!(payload instanceof Uint8Array)) {
    throw optionError("payload", `expected a Uint8Array, got ${describeValue(payload)}`);
  }
  if (payload.length > maxFrameBytes) throw tooLong(payload.length, maxFrameBytes);
  const frame = Buffer.allocUnsafeSlow(lengthBytes + payload.length);
  if (endian === "big") frame.writeUIntBE(payload.length, 0, lengthBytes);
  else frame.writeUIntLE(payload.length, 0, lengthBytes);
  frame.set(payload, lengthBytes);
  await stream.write(frame, { transfer: true });
}

function checked(options: FrameOptions): Required<FrameOptions> {
  checkFramingOptions(options, ["lengthBytes", "endian", "maxFrameBytes"]);
  const { lengthBytes = 4, endian = "big", maxFrameBytes = 1_048_576 } = options;
  if (![1, 2, 4].includes(lengthBytes)) {
    throw optionError("lengthBytes", `expected 1, 2 or 4, got ${describeValue(lengthBytes)}`);
  }
  if (endian !== "big" && endian !== "little") {
    throw optionError("endian", `expected "big" or "little", got ${describeValue(endian)}`);
  }
  checkLimit("maxFrameBytes", maxFrameBytes);
  const largest = 2 ** (8 * lengthBytes) - 1;
  return { lengthBytes, endian, maxFrameBytes: Math.min(maxFrameBytes, largest) };
}

function tooLong(bytes: number, limitBytes: number) {
  return netErrors.create(
    "KING_NET_FRAME_LIMIT",
    `frame: expected at most ${limitBytes} bytes, got ${bytes}`,
    { limitBytes, bytes },
  );
}

function truncated(bytes: number) {
  return netErrors.create(
    "KING_NET_FRAME_TRUNCATED",
    `frame: expected it whole, got its first ${bytes} bytes and the end`,
    { bytes },
  );
}
