import { constants, type Http2Stream } from "node:http2";

const { NGHTTP2_STREAM_STATE_HALF_CLOSED_REMOTE: halfClosedRemote } = constants;

/**
 * Sees what arrives on a stream: how many bytes, and whether its end is one. Node ends the readable side
 * alike for END_STREAM and for RST_STREAM with NO_ERROR, which breaks a body off (RFC 9113, section 8.1).
 */
export class InputWatch {
  #ended: boolean;

  constructor(stream: Http2Stream, onBytes?: (bytes: number) => void) {
    // What came together with the head is in the stream before anybody is told of the stream.
    this.#ended = stream.state.state === halfClosedRemote;
    if (stream.readableLength > 0) onBytes?.(stream.readableLength);
    if (this.#ended) return;
    const push = stream.push.bind(stream);
    stream.push = (chunk: Uint8Array | null) => {
      if (chunk !== null) onBytes?.(chunk.length);
      else if (!stream.closed) this.#ended = true;
      return push(chunk);
    };
  }

  /** Whether the client has ended its direction. */
  get ended(): boolean {
    return this.#ended;
  }
}
