import { Duplex } from "node:stream";
import type { Stream } from "@king-runtime/core";

/** Larger frames go out in pieces, each waiting for room, so that what the stream queues stays small. */
const pieceBytes = 65_536;

type Callback = (error?: Error | null) => void;

/** A stream as a Node duplex. What was written while it was busy goes out in as few writes as fit. */
export class StreamDuplex extends Duplex {
  readonly #stream: Stream;
  #source: AsyncIterator<Uint8Array, undefined> | undefined;
  #isPulling = false;

  constructor(stream: Stream) {
    super();
    this.#stream = stream;
  }

  override _read(): void {
    if (!this.#isPulling) this.#pull();
  }

  /** Goes on by itself while there is room: what lies there already is then taken in one turn. */
  #pull(): void {
    this.#isPulling = true;
    this.#source ??= this.#stream[Symbol.asyncIterator]();
    this.#source.next().then(
      ({ done, value }) => {
        if (this.push(done ? null : value) && !done) this.#pull();
        else this.#isPulling = false;
      },
      (error) => this.destroy(error),
    );
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: Callback): void {
    this.#send(chunk, 0, callback);
  }

  override _writev(entries: { chunk: Uint8Array }[], callback: Callback): void {
    this.#send(Buffer.concat(entries.map(({ chunk }) => chunk)), 0, callback);
  }

  /** Sends `bytes` from `from` on. */
  #send(bytes: Uint8Array, from: number, callback: Callback): void {
    try {
      for (let at = from; at < bytes.length; at += pieceBytes) {
        const room = this.#stream.write(bytes.subarray(at, at + pieceBytes));
        if (room === undefined) continue;
        room.then(() => this.#send(bytes, at + pieceBytes, callback), callback);
        return;
      }
    } catch (error) {
      callback(error as Error);
      return;
    }
    callback();
  }

  override _final(callback: Callback): void {
    this.#stream.end().then(() => callback(), callback);
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const isWhole = this.writableFinished && this.readableEnded;
    if (error !== null || !isWhole) this.#stream.abort(error ?? undefined);
    callback(error);
  }
}
