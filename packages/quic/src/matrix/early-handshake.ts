import type { EarlyHandshake } from "../engine-connection.ts";

/** A handshake that goes on while streams are used. */
export class MatrixEarlyHandshake implements EarlyHandshake {
  readonly #done = Promise.withResolvers<void>();
  #isComplete = false;
  /** The server did not take what was sent early. */
  isRejected = false;

  constructor() {
    this.handshake.catch(() => undefined); // who does not ask learns of it by the session's end
  }

  get state(): "pending" | "accepted" | "rejected" {
    if (!this.#isComplete) return "pending";
    return this.isRejected ? "rejected" : "accepted";
  }

  get handshake(): Promise<void> {
    return this.#done.promise;
  }

  complete(): void {
    this.#isComplete = true;
    this.#done.resolve();
  }

  fail(error: Error): void {
    this.#done.reject(error);
  }
}
