/** Which side, and which directions, a stream id stands for (RFC 9000, section 2.1). */
export interface StreamIdFacts {
  readonly openedBy: "client" | "server";
  readonly unidirectional: boolean;
}

/** What the two lowest bits of a stream id say (RFC 9000, section 2.1). */
export function streamIdFacts(id: number): StreamIdFacts {
  // Ids have up to 62 bits: no bit operations of 32.
  const kind = id % 4;
  return { openedBy: kind % 2 === 0 ? "client" : "server", unidirectional: kind >= 2 };
}

/** Counts the ids that one side opens streams with, each direction on its own. */
export class StreamIds {
  readonly #next: { both: number; send: number };

  constructor(role: "client" | "server") {
    const first = role === "client" ? 0 : 1;
    this.#next = { both: first, send: first + 2 };
  }

  /** The next id, which stays the next until it is {@link take | taken}. */
  peek(direction: "both" | "send"): number {
    return this.#next[direction];
  }

  take(direction: "both" | "send"): number {
    const id = this.#next[direction];
    this.#next[direction] = id + 4;
    return id;
  }
}
