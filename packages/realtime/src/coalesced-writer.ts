import type { Writable } from "node:stream";

/** As much as this does not wait for the end of the turn. */
const flushBytes = 65_536;

/** What has been written in this turn of the loop and waits for its end. */
export class Turn {
  #waiting: CoalescedWriter[] = [];

  /** Flushes `writer` when the work under way is done. */
  add(writer: CoalescedWriter): void {
    if (this.#waiting.push(writer) > 1) return;
    process.nextTick(() => {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const each of waiting) each.flush();
    });
  }
}

/**
 * Puts the frames of one turn of the loop into one write: a hundred answers to what one read brought
 * are then one call of the system, and one frame of HTTP/2 or HTTP/3, instead of a hundred.
 */
export class CoalescedWriter {
  readonly #output: Writable;
  readonly #turn: Turn;
  #isHolding = false;
  #isListed = false;
  #bytes = 0;

  constructor(output: Writable, turn: Turn) {
    this.#output = output;
    this.#turn = turn;
  }

  write(frame: Uint8Array): void {
    if (!this.#isHolding) {
      this.#output.cork();
      this.#isHolding = true;
      this.#bytes = 0;
      if (!this.#isListed) this.#turn.add(this);
      this.#isListed = true;
    }
    this.#output.write(frame);
    this.#bytes += frame.length;
    if (this.#bytes >= flushBytes) this.#release();
  }

  /** Hands on what is held, now. */
  flush(): void {
    this.#isListed = false;
    this.#release();
  }

  #release(): void {
    if (!this.#isHolding) return;
    this.#isHolding = false;
    this.#output.uncork();
  }
}
