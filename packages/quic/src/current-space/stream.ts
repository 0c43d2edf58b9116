import { systemClock, type Timer } from "@king-runtime/core";
import type { EngineStream, StreamEvents } from "../engine-connection.ts";
import type { NativeStream } from "./native.ts";
import { StreamTrial } from "./stream-trial.ts";

/** After how long a stream that the peer did not allow is tried again. */
const retryMs = 5;

/** Options of {@link CurrentSpaceStream}. */
export interface CurrentSpaceStreamOptions {
  readonly direction: "both" | "send" | "receive";
  /** Opened here, without that the engine has asked the peer's limit. */
  readonly unchecked: boolean;
  /** Takes up the stream under its number again, after the engine's object for it is gone. */
  readonly reopen: () => NativeStream;
  readonly onGone: () => void;
}

/** A stream of the engine, which brings bytes whether they are wanted or not. */
export class CurrentSpaceStream implements EngineStream {
  readonly id: number;
  readonly holdsChunks = true;
  events: StreamEvents | undefined;
  #native: NativeStream;
  readonly #options: CurrentSpaceStreamOptions;
  /** While the engine may yet say that the peer does not allow the stream. */
  #trial: StreamTrial | undefined;
  #retry: Timer | undefined;
  /** To be called once the engine wants the next chunk. */
  #taken: (() => void) | undefined;
  #accepted = false;
  /** What is being sent, or was, is the last of it. */
  #last = false;
  #discarding = false;
  #sent: boolean;
  #received: boolean;

  constructor(native: NativeStream, options: CurrentSpaceStreamOptions) {
    this.id = native.id;
    this.#native = native;
    this.#options = options;
    this.#sent = options.direction === "receive";
    this.#received = options.direction === "send";
    if (options.unchecked) this.#trial = new StreamTrial(() => this.#onTrialEnd());
    this.#listen(native);
  }

  /** Whether what was sent may have to be sent again. */
  get unproven(): boolean {
    return this.#trial?.running === true;
  }

  /** The engine has another object for it: it has let go of the one before, and heard of the stream again. */
  renew(native: NativeStream): void {
    if (native === this.#native) return;
    this.#native = native;
    this.#listen(native);
  }

  #listen(native: NativeStream): void {
    native.on("error", (error: Error) => this.#onError(error));
  }

  /** Received bytes, or `null` for the end. */
  push(chunk: Uint8Array | null): void {
    if (this.#received) return;
    if (this.unproven) this.#onTrialEnd();
    if (chunk !== null) {
      if (!this.#discarding && chunk.length > 0) this.events?.onBytes(chunk);
      return;
    }
    this.#received = true;
    this.events?.onEnd();
    this.#settle();
  }

  send(chunk: Uint8Array, last: boolean, taken: () => void): void {
    this.#trial?.add(chunk, last);
    this.#taken = taken;
    this.#last = last;
    this.#write(chunk, last);
  }

  #write(chunk: Uint8Array, last: boolean): void {
    const native = this.#native;
    this.#accepted = false;
    const accepted = () => {
      if (native !== this.#native || native.errored !== null) return;
      this.#accepted = true;
      this.#goOn();
    };
    // What went wrong comes as an event.
    if (last) native.end(chunk, accepted);
    else native.write(chunk, (error) => error || accepted());
  }

  #goOn(): void {
    if (!this.#accepted || (this.#trial?.full === true && !this.#last)) return;
    if (this.#last) this.#sent = true;
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
    this.#settle();
  }

  #onTrialEnd(): void {
    this.#endTrial();
    this.#goOn();
    this.#settle();
  }

  #onError(error: Error): void {
    const match = /Stream(Reset|Stopped)\((\d+)\)/.exec(error.message);
    if (match === null) {
      if (error.message.includes("StreamLimit")) this.#onLimit(error);
      return; // the connection ended, which tells its own
    }
    const code = Number(match[2]);
    this.#endTrial();
    this.#sent = true;
    if (match[1] === "Reset" && !this.#received) {
      // Whether the peer also wants no more, the engine would tell with the next write only.
      this.#received = true;
      this.events?.onReset(code);
    }
    this.events?.onStopped(code);
    this.#native.once("close", () => {
      // The engine has let go of the whole stream, and the peer of one direction only.
      if (!this.#received) this.#reopen();
    });
    this.#settle();
  }

  #reopen(): void {
    this.renew(this.#options.reopen());
  }

  /**
   * The peer does not allow the stream yet. The engine lets go of it with what was sent: all of that is
   * sent again, when the peer may have seen that other streams are over.
   */
  #onLimit(error: Error): void {
    const trial = this.#trial;
    if (trial === undefined) {
      this.#sent = true;
      this.#received = true;
      this.events?.onFailure(error);
      return;
    }
    trial.pause();
    this.#retry = systemClock.after(retryMs, () => {
      this.#reopen();
      trial.restart();
      for (const { chunk, last } of trial.chunks) this.#write(chunk, last);
    });
  }

  #endTrial(): void {
    this.#retry?.cancel();
    this.#trial?.end();
    this.#trial = undefined;
  }

  reset(code: number): void {
    this.#endTrial();
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

  /** The connection is gone. */
  release(): void {
    this.#endTrial();
  }

  /** The engine keeps the stream until it is told that both directions are over. */
  #settle(): void {
    if (!this.#sent || !this.#received || this.unproven) return;
    this.#native.destroy();
    this.#options.onGone();
  }
}
