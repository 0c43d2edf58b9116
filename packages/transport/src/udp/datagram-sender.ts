import { streamErrors } from "@king-runtime/core";

/** Hands `datagram` to the system, which calls back when it has taken it. */
export type Transmit = (datagram: Uint8Array, done: (error: Error | null) => void) => void;

/** Bytes that wait for the system before a sender is asked to wait. */
const roomBytes = 65_536;

/** The sending side of a UDP session: bounded. */
export class DatagramSender {
  readonly #transmit: Transmit;
  readonly #limitBytes: number;
  #room: PromiseWithResolvers<void> | undefined;
  #idle: (() => void) | undefined;
  #ended = false;
  /** Handed to the system and not taken yet. */
  queued = 0;
  queuedBytes = 0;
  /** Taken by the system. */
  sent = 0;
  sentBytes = 0;
  failed = 0;
  onError: ((error: Error) => void) | undefined;

  constructor(transmit: Transmit, limitBytes: number) {
    this.#transmit = transmit;
    this.#limitBytes = limitBytes;
  }

  send(datagram: Uint8Array): undefined | Promise<void> {
    const { length } = datagram;
    const limitBytes = this.#limitBytes;
    if (this.queued > 0 && this.queuedBytes + length > limitBytes) {
      throw streamErrors.create(
        "KING_STREAM_BUFFER_FULL",
        `expected at most ${limitBytes} unsent bytes, got ${this.queuedBytes + length}`,
        { limitBytes },
      );
    }
    this.queued++;
    this.queuedBytes += length;
    try {
      this.#transmit(datagram, (error) => this.#onTaken(length, error));
    } catch (error) {
      // It was not handed over, and nobody calls back.
      this.queued--;
      this.queuedBytes -= length;
      throw error;
    }
    if (this.queuedBytes <= roomBytes) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  #onTaken(length: number, error: Error | null): void {
    if (this.#ended) return;
    this.queued--;
    this.queuedBytes -= length;
    if (error === null) {
      this.sent++;
      this.sentBytes += length;
    } else {
      this.failed++;
      this.onError?.(error);
    }
    if (this.queuedBytes <= roomBytes) {
      this.#room?.resolve();
      this.#room = undefined;
    }
    if (this.queued === 0) this.#idle?.();
  }

  /** Calls back once, when the system has taken everything. */
  whenIdle(callback: () => void): void {
    if (this.queued === 0) callback();
    else this.#idle = callback;
  }

  /** Nothing more is sent: whoever waits for room is told why. */
  end(reason: unknown): void {
    this.#ended = true;
    this.#room?.promise.catch(() => undefined);
    this.#room?.reject(reason);
  }
}
