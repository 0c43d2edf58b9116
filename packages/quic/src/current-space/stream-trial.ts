import { systemClock, type Timer } from "@king-runtime/core";

/** The engine's thread has said by then whether it could open a stream. */
const trialMs = 50;
/** What is kept to be sent again; then the writer waits for the end of the trial. */
const trialBytes = 65_536;

/**
 * Keeps what was sent on a stream that the engine opened without asking the peer's limit: when it is
 * over that, the engine says so late, and has dropped what it had accepted.
 */
export class StreamTrial {
  readonly chunks: { chunk: Uint8Array; last: boolean }[] = [];
  readonly #onEnd: () => void;
  #bytes = 0;
  #timer: Timer | undefined;
  /** Counts the starts: what a timer of an earlier one brings about is void. */
  #start = 0;
  #paused = false;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  get full(): boolean {
    return this.#bytes >= trialBytes;
  }

  /** Whether something was sent that may not have been. */
  get running(): boolean {
    return this.#timer !== undefined || this.#paused;
  }

  add(chunk: Uint8Array, last: boolean): void {
    this.chunks.push({ chunk, last });
    this.#bytes += chunk.length;
    if (!this.running) this.restart();
  }

  /** The stream was refused, and waits to be tried again. */
  pause(): void {
    this.end();
    this.#paused = true;
  }

  restart(): void {
    this.end();
    const start = this.#start;
    this.#timer = systemClock.after(trialMs, () => {
      // After a pause of this thread, what the engine has to say is heard before the timer counts.
      setImmediate(() => {
        if (start !== this.#start) return;
        this.end();
        this.#onEnd();
      });
    });
  }

  end(): void {
    this.#start++;
    this.#paused = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
