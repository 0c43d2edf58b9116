import type { Message } from "./message.ts";

/** The part of a socket that {@link Inbox} holds back. */
export interface PausableSocket {
  pause(): void;
  resume(): void;
}

/**
 * Hands messages to the application one after the other. While it works on one the socket is not
 * read, so that at most what one read brought waits here.
 */
export class Inbox {
  readonly #socket: PausableSocket;
  readonly #onMessage: (message: Message) => void | Promise<void>;
  readonly #onError: (error: unknown) => void;
  #waiting: Message[] = [];
  #working = false;
  #ended = false;
  #released = false;
  #onEmpty: (() => void) | undefined;

  constructor(
    socket: PausableSocket,
    onMessage: (message: Message) => void | Promise<void>,
    onError: (error: unknown) => void,
  ) {
    this.#socket = socket;
    this.#onMessage = onMessage;
    this.#onError = onError;
  }

  /** Does `work`, and `after` once it has succeeded, before any message is handed over. */
  begin(work: () => void | Promise<void>, after: () => void): void {
    this.#run(work, after);
  }

  push(message: Message): void {
    if (this.#working) this.#waiting.push(message);
    else this.#hand(message);
  }

  /** Holds nothing back any more: the peer's answer to our close has to be read. */
  release(): void {
    this.#released = true;
    this.#socket.resume();
  }

  /** Drops what waits. */
  end(): void {
    this.#ended = true;
    this.#waiting = [];
  }

  /** Nothing follows what waits; `onEmpty` is called once that has been handed over. */
  finish(onEmpty: () => void): void {
    this.#onEmpty = onEmpty;
    if (!this.#working) onEmpty();
  }

  #hand(message: Message): void {
    this.#run(() => this.#onMessage(message));
  }

  #run(work: () => void | Promise<void>, after: () => void = () => {}): void {
    try {
      const pending: unknown = work();
      // Callers without types return what they like; only a promise is waited for.
      if (!isThenable(pending)) {
        after();
        return;
      }
      this.#working = true;
      if (!this.#released) this.#socket.pause();
      Promise.resolve(pending)
        .then(after)
        .then(
          () => this.#next(),
          (error) => this.#failed(error),
        );
    } catch (error) {
      this.#failed(error);
    }
  }

  #next(): void {
    this.#working = false;
    while (!this.#working && !this.#ended && this.#waiting.length > 0) {
      this.#hand(this.#waiting.shift() as Message);
    }
    if (this.#working) return;
    if (!this.#ended) this.#socket.resume();
    this.#onEmpty?.();
  }

  #failed(error: unknown): void {
    this.end();
    this.#working = false;
    this.#onError(error);
    // The peer's answer to our close has to be read.
    this.#socket.resume();
    this.#onEmpty?.();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
