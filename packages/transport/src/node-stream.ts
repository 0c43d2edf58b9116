import type { Duplex } from "node:stream";
import {
  abortedHere,
  BaseStream,
  type StreamCapability,
  streamErrors,
  type WriteOptions,
} from "@king-runtime/core";
import { cutSocket } from "./cut-socket.ts";
import { NodeWriter } from "./node-writer.ts";

const capabilities: ReadonlySet<StreamCapability> = new Set(["half-close", "receive-backpressure"]);

/** Options of {@link NodeStream}. */
export interface NodeStreamOptions {
  maxWriteBufferBytes: number;
}

/** A stream over a Node duplex, such as the socket of an accepted upgrade; a subclass ends it its own way. */
export class NodeStream extends BaseStream {
  /** The duplex itself, for libraries that want one; see `nodeDuplex`. */
  readonly duplex: Duplex;
  readonly #writer: NodeWriter;
  #bytesRead = 0;
  #reset = false;
  #aborted: unknown;
  #reading = false;

  constructor(duplex: Duplex, options: NodeStreamOptions) {
    super();
    this.duplex = duplex;
    this.#writer = new NodeWriter(duplex, options.maxWriteBufferBytes, () => this.#failure());
    duplex.on("error", (error) => {
      this.#aborted ??= error;
    });
    duplex.once("close", () => this.#onClose());
    duplex.once("end", () => {
      if (duplex.writableFinished) this.release();
    });
    duplex.once("finish", () => {
      if (duplex.readableEnded) this.release();
    });
  }

  get capabilities(): ReadonlySet<StreamCapability> {
    return capabilities;
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.#writer.ended || this.closing ? "draining" : "open";
  }

  write(chunk: Uint8Array, options?: WriteOptions): undefined | Promise<void> {
    if (this.ended !== undefined || this.#reset) throw this.#failure();
    return this.#writer.write(chunk, options);
  }

  end(chunk?: Uint8Array): Promise<void> {
    try {
      if (!this.#writer.ended && (this.ended !== undefined || this.#reset)) throw this.#failure();
      return this.#writer.end(chunk);
    } catch (error) {
      const failed = Promise.reject(error);
      failed.catch(() => undefined);
      return failed;
    }
  }

  reset(code?: number): void {
    if (this.ended !== undefined) return;
    this.#reset = true;
    // First, for TLS tells of room when the connection below it is cut.
    this.#writer.close();
    this.cut(code);
  }

  /** Ends both directions at once on the wire. */
  protected cut(_code: number | undefined): void {
    cutSocket(this.duplex);
  }

  /** Both directions are done: node keeps a half-open socket until somebody destroys it. */
  protected release(): void {
    this.duplex.destroy();
  }

  /** Whether what looks like the end of the input is none. */
  protected get inputBroken(): boolean {
    return false;
  }

  /** The code with which the stream was reset, by either side, where the protocol has one. */
  protected get resetCode(): number | undefined {
    return undefined;
  }

  stopReading(): void {
    // TCP cannot ask its peer to stop: what still comes is discarded.
    if (!this.#reading) this.duplex.resume();
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined) return;
    this.#aborted ??= reason ?? abortedHere("stream");
    this.reset();
  }

  protected async *read(): AsyncGenerator<Uint8Array, undefined> {
    if (this.ended !== undefined && !this.duplex.readableEnded) throw this.#failure();
    this.#reading = true;
    let whole = false;
    try {
      for await (const chunk of this.duplex.iterator({ destroyOnReturn: false })) {
        this.#bytesRead += chunk.length;
        yield chunk;
      }
      if (this.#reset || this.inputBroken) throw this.#failure();
      whole = true;
    } catch {
      throw this.#failure();
    } finally {
      this.#reading = false;
      if (!whole) this.stopReading();
    }
  }

  #failure(): Error {
    if (this.#aborted instanceof Error && this.#reset) return this.#aborted;
    if (this.#reset) {
      return streamErrors.create("KING_STREAM_CLOSED", "the stream was reset here", {});
    }
    return streamErrors.create(
      "KING_STREAM_RESET",
      "the connection ended before the stream",
      { by: "peer" },
      { cause: this.#aborted },
    );
  }

  #onClose(): void {
    const { duplex } = this;
    const error = this.#aborted instanceof Error ? this.#aborted : undefined;
    const code = this.resetCode;
    const broken = this.#reset || this.inputBroken || code !== undefined;
    const clean = duplex.readableEnded && duplex.writableFinished && !broken;
    const peer = error === undefined || code !== undefined;
    this.finish({
      by: this.#reset || this.closing ? "local" : peer ? "peer" : "network",
      clean,
      bytesRead: this.#bytesRead,
      bytesWritten: this.#writer.bytes,
      ...(code === undefined ? {} : { code }),
      ...(error === undefined ? {} : { error }),
    });
    this.#writer.close();
  }
}
