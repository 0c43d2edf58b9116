import { type Frame, flag, frameType } from "./http2-frames.ts";

/** What a stream brought, as RFC 9113 frames it. */
export interface StrictStream {
  body: string;
  /** Whether END_STREAM came; nothing behind it counts. */
  ended: boolean;
}

/** The streams in the frames of a client. It looks at no header block, for a second opinion on bodies. */
export function strictStreams(frames: readonly Frame[]): Map<number, StrictStream> {
  const streams = new Map<number, StrictStream>();
  for (const { type, flags, streamId, payload } of frames) {
    if (type === frameType.headers && !streams.has(streamId)) {
      streams.set(streamId, { body: "", ended: false });
    }
    const stream = streams.get(streamId);
    if (stream === undefined || stream.ended) continue;
    if (type === frameType.data) stream.body += content(flags, payload);
    if (type === frameType.data || type === frameType.headers) {
      stream.ended = (flags & flag.endStream) !== 0;
    }
  }
  return streams;
}

/** Section 6.1. */
function content(flags: number, payload: Buffer): string {
  if ((flags & flag.padded) === 0) return payload.toString("latin1");
  return payload.subarray(1, payload.length - (payload[0] ?? 0)).toString("latin1");
}
