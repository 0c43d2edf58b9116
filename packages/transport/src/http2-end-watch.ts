import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";

const data = 0;
const headers = 1;
const endStream = 1;
const frameHeaderBytes = 9;

/**
 * The socket of an HTTP/2 client, which looks at the frames that pass for the end of the response.
 *
 * Node ends the readable side of a stream alike for END_STREAM and for RST_STREAM, so that the
 * client above takes a response that was cut for whole. What the server sent tells them apart.
 */
export class Http2EndWatch extends Duplex {
  readonly alpnProtocol = "h2";
  readonly #socket: TLSSocket;
  readonly #header = Buffer.alloc(frameHeaderBytes);
  #headerBytes = 0;
  #payloadBytes = 0;
  #streamId = 0;
  #ends = false;
  #ended = false;

  constructor(socket: TLSSocket) {
    super();
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#scan(chunk);
      if (!this.push(chunk)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  /** Whether the server has ended the stream it answered last (RFC 9113, section 5.1). */
  get ended(): boolean {
    return this.#ended;
  }

  #scan(chunk: Buffer): void {
    let at = 0;
    for (;;) {
      if (this.#headerBytes < frameHeaderBytes) {
        const copied = chunk.copy(this.#header, this.#headerBytes, at);
        this.#headerBytes += copied;
        at += copied;
        if (this.#headerBytes < frameHeaderBytes) return;
        this.#beginFrame();
      }
      const skipped = Math.min(this.#payloadBytes, chunk.length - at);
      this.#payloadBytes -= skipped;
      at += skipped;
      if (this.#payloadBytes > 0) return;
      this.#ended ||= this.#ends;
      this.#headerBytes = 0;
    }
  }

  /** RFC 9113, section 4.1. */
  #beginFrame(): void {
    this.#payloadBytes = this.#header.readUIntBE(0, 3);
    const type = this.#header[3];
    this.#ends = false;
    if (type !== data && type !== headers) return;
    const streamId = this.#header.readUInt32BE(5) & 0x7fffffff;
    // The library below may repeat a refused request on a further stream.
    if (streamId !== this.#streamId) this.#ended = false;
    this.#streamId = streamId;
    this.#ends = ((this.#header[4] as number) & endStream) !== 0;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#socket.write(chunk, callback);
  }

  override _final(callback: () => void): void {
    this.#socket.end(callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }
}
