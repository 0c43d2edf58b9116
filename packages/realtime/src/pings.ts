import type { Clock } from "@king-runtime/core";

/** One ping at a time whose answer is waited for. */
export class Pings {
  readonly #clock: Clock;
  readonly #send: (payload: string) => void;
  #count = 0;
  #payload = "";
  #sentAt = 0;
  #answer: PromiseWithResolvers<number> | undefined;

  constructor(clock: Clock, send: (payload: string) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** Resolves with the milliseconds until the answer; those who ask meanwhile share it. */
  send(): Promise<number> {
    if (this.#answer === undefined) {
      this.#answer = Promise.withResolvers();
      // Unlike the heartbeat's, which is empty.
      this.#payload = String(++this.#count);
      this.#sentAt = this.#clock.monotonic();
      this.#send(this.#payload);
    }
    return this.#answer.promise;
  }

  /** An answer, or one that nobody asked for (RFC 6455, section 5.5.3). */
  onPong(payload: Buffer): void {
    if (this.#answer === undefined || payload.toString("latin1") !== this.#payload) return;
    this.#answer.resolve(this.#clock.monotonic() - this.#sentAt);
    this.#answer = undefined;
  }

  /** Whoever still waits is told. */
  end(error: Error): void {
    this.#answer?.reject(error);
  }
}
