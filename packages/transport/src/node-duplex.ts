import { Duplex } from "node:stream";
import type { Stream } from "@king-runtime/core";
import { NodeStream } from "./node-stream.ts";

/**
 * The stream as a Node duplex, for libraries that want one. For a stream that lies on a duplex, such
 * as an upgraded HTTP/1.1 connection, it is that very duplex: use either it or the stream to read.
 */
export function nodeDuplex(stream: Stream): Duplex {
  return stream instanceof NodeStream ? stream.duplex : new StreamDuplex(stream);
}

class StreamDuplex extends Duplex {
  readonly #stream: Stream;
  #source: AsyncIterator<Uint8Array, undefined> | undefined;

  constructor(stream: Stream) {
    super();
    this.#stream = stream;
  }

  override async _read(): Promise<void> {
    try {
      this.#source ??= this.#stream[Symbol.asyncIterator]();
      const { done, value } = await this.#source.next();
      this.push(done ? null : value);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  override async _write(
    chunk: Uint8Array,
    _encoding: BufferEncoding,
    callback: (error?: Error | null) => void,
  ): Promise<void> {
    try {
      await this.#stream.write(chunk);
      callback();
    } catch (error) {
      callback(error as Error);
    }
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#stream.end().then(() => callback(), callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (error !== null || !this.writableFinished || !this.readableEnded) {
      this.#stream.abort(error ?? undefined);
    }
    callback(error);
  }
}
