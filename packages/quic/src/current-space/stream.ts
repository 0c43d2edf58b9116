import { systemClock } from "@king-runtime/core";
import type { EngineStream, StreamEvents } from "../engine-connection.ts";
import type { NativeStream } from "./native.ts";

/** After how long a stream that the peer did not allow is tried again. */
const retryMs = 5;

/** A stream of the engine, which brings bytes whether they are wanted or not. */
export class CurrentSpaceStream implements EngineStream {
  readonly id: number;
  readonly holdsChunks = true;
  events: StreamEvents | undefined;
  #native: NativeStream;
  /** Takes up the stream under its number again, after the engine's object for it is gone. */
  readonly #reopen: () => NativeStream;
  readonly #onGone: () => void;
  #sending: { chunk: Uint8Array; last: boolean; taken: () => void } | undefined;
  #discarding = false;
  #sent: boolean;
  #received: boolean;

  constructor(
    native: NativeStream,
    direction: "both" | "send" | "receive",
    options: { reopen: () => NativeStream; onGone: () => void },
  ) {
    this.id = native.id;
    this.#native = native;
    this.#reopen = options.reopen;
    this.#onGone = options.onGone;
    this.#sent = direction === "receive";
    this.#received = direction === "send";
    this.#listen(native);
  }

  #listen(native: NativeStream): void {
    native.on("error", (error: Error) => this.#onError(error));
  }

  /** Received bytes, or `null` for the end. */
  push(chunk: Uint8Array | null): void {
    if (this.#received) return;
    if (chunk !== null) {
      if (!this.#discarding && chunk.length > 0) this.events?.onBytes(chunk);
      return;
    }
    this.#received = true;
    this.events?.onEnd();
    this.#settle();
  }

  send(chunk: Uint8Array, last: boolean, taken: () => void): void {
    this.#sending = { chunk, last, taken };
    if (!last) {
      this.#native.write(chunk, (error) => {
        if (error || this.#sent) return;
        this.#sending = undefined;
        taken();
      });
      return;
    }
    this.#native.end(chunk, () => {
      if (this.#sent || this.#native.errored !== null) return;
      this.#sent = true;
      this.#sending = undefined;
      taken();
      this.#settle();
    });
  }

  #onError(error: Error): void {
    const match = /Stream(Reset|Stopped)\((\d+)\)/.exec(error.message);
    if (match === null) {
      if (error.message.includes("StreamLimit")) this.#onLimit();
      return; // the connection ended, which tells its own
    }
    const code = Number(match[2]);
    const { events } = this;
    const wasReceived = this.#received;
    this.#sent = true;
    if (match[1] === "Reset") {
      // Whether the peer also wants no more, the engine would tell with the next write only.
      this.#received = true;
      if (!wasReceived) events?.onReset(code);
    }
    events?.onStopped(code);
    if (!this.#received) this.#native.once("close", () => this.#resume());
    this.#settle();
  }

  /** The engine lets go of the whole stream when the peer wants no more of one direction. */
  #resume(): void {
    if (this.#received) return;
    this.#native = this.#reopen();
    this.#listen(this.#native);
  }

  /**
   * The peer does not allow the stream yet, which the engine tells with the first byte only, and then
   * lets go of it: what was to be sent is, once the peer may have seen that others are over.
   */
  #onLimit(): void {
    systemClock.after(
      retryMs,
      () => {
        const sending = this.#sending;
        if (this.#sent || sending === undefined) return;
        this.#native = this.#reopen();
        this.#listen(this.#native);
        this.send(sending.chunk, sending.last, sending.taken);
      },
      { keepAlive: false },
    );
  }

  reset(code: number): void {
    if (this.#sent && this.#received) return;
    this.#sent = true;
    this.#received = true;
    this.#native.close(code);
    this.#settle();
  }

  stopReading(): void {
    this.#discarding = true;
  }

  resume(): void {}

  /** The engine keeps the stream until it is told that both directions are over. */
  #settle(): void {
    if (!this.#sent || !this.#received) return;
    this.#native.destroy();
    this.#onGone();
  }
}
