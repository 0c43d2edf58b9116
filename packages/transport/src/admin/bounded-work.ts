import type { Clock } from "@king-runtime/core";
import { AdminProblem } from "./admin-problem.ts";

/**
 * Work of the application that is waited for until a deadline. What does not end by then counts until it
 * does, so that what never ends cannot pile up.
 */
export class BoundedWork {
  readonly #clock: Clock;
  readonly #most: number;
  #pending = 0;

  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  /** @throws {AdminProblem} 503 at the deadline, or when too much is under way; what `work` throws. */
  async run<Value>(
    what: string,
    deadlineMs: number,
    work: (signal: AbortSignal) => Value | Promise<Value>,
  ): Promise<Value> {
    if (this.#pending >= this.#most) {
      throw new AdminProblem(
        { status: 503, detail: `expected less than ${this.#most} calls under way` },
        { "retry-after": "1" },
      );
    }
    this.#pending++;
    const over = new AbortController();
    const outcome = new Promise<Value>((resolve) => resolve(work(over.signal)));
    const done = () => void this.#pending--;
    outcome.then(done, done);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = this.#clock.after(deadlineMs, () => {
      const detail = `${what} did not end within ${deadlineMs} ms`;
      const error = new AdminProblem({ status: 503, detail });
      reject(error);
      over.abort(error);
    });
    try {
      return await Promise.race([outcome, late]);
    } finally {
      timer.cancel();
    }
  }
}
