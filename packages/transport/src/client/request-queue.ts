import type { ClientSession } from "./client-session.ts";

/** A request that waits for a connection. */
export interface Waiting {
  serve(session: ClientSession): void;
  fail(error: unknown): void;
}

/** Requests that wait, first come, first served; each step in constant time. */
export class RequestQueue {
  // A set keeps the order of insertion, and any of its members can leave.
  readonly #waiting = new Set<Waiting>();

  get length(): number {
    return this.#waiting.size;
  }

  push(waiting: Waiting): void {
    this.#waiting.add(waiting);
  }

  shift(): Waiting | undefined {
    for (const first of this.#waiting) {
      this.#waiting.delete(first);
      return first;
    }
    return undefined;
  }

  remove(waiting: Waiting): void {
    this.#waiting.delete(waiting);
  }
}
