/** What a datagram takes beside its bytes: many small ones fill memory like few large ones. */
export const datagramCost = 256;

/** What the received datagrams of all sessions of a listener take together, in bytes. */
export interface ByteBudget {
  readonly limitBytes: number;
  usedBytes: number;
}

/** Received datagrams that wait for a reader; when there are too many the oldest give way. */
export class DatagramQueue {
  readonly #limit: number;
  readonly #budget: ByteBudget;
  #waiting: Uint8Array[] = [];
  /** Of the first one: an array whose beginning is cut off each time would be moved each time. */
  #first = 0;
  dropped = 0;

  constructor(limit: number, budget: ByteBudget) {
    this.#limit = limit;
    this.#budget = budget;
  }

  get length(): number {
    return this.#waiting.length - this.#first;
  }

  /**
   * @param isAwaited whether a reader takes it at once: such a datagram is kept whatever others hold, or
   * readers that keep up would miss theirs for those that do not.
   */
  push(datagram: Uint8Array, isAwaited = false): void {
    const budget = this.#budget;
    const cost = costOf(datagram);
    if (this.length >= this.#limit) this.#drop();
    while (this.length > 0 && budget.usedBytes + cost > budget.limitBytes) this.#drop();
    if (budget.usedBytes + cost > budget.limitBytes && !isAwaited) {
      this.dropped++; // the others have it all
      return;
    }
    budget.usedBytes += cost;
    this.#waiting.push(datagram);
  }

  #drop(): void {
    this.shift();
    this.dropped++;
  }

  shift(): Uint8Array | undefined {
    const datagram = this.#waiting[this.#first];
    if (datagram === undefined) return undefined;
    this.#waiting[this.#first++] = empty;
    if (this.#first === this.#waiting.length) {
      this.#waiting.length = 0;
      this.#first = 0;
    } else if (this.#first >= 64 && this.#first * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    this.#budget.usedBytes -= costOf(datagram);
    return datagram;
  }

  clear(): void {
    while (this.shift() !== undefined);
  }
}

const costOf = (datagram: Uint8Array) => datagramCost + datagram.length;

const empty = new Uint8Array();
