import { OutcomeWindow } from "./outcome-window.ts";

/** Whether an origin is asked: yes, no, or to find out whether it works again. */
export type CircuitState = "closed" | "open" | "half-open";

/** What a {@link Circuit} is ruled by; see `CircuitBreakerOptions`. */
export interface CircuitRules {
  readonly failures: number;
  readonly rate: number;
  readonly minimum: number;
  readonly windowMs: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
  readonly probes: number;
}

/** What a request came to, as far as its origin is concerned. */
export type Outcome = "success" | "failure" | "neither";

/** Leave to send one request; to be told what became of it, once. */
export type Pass = (outcome: Outcome, nowMs: number) => void;

/** The circuit of one origin. Times are monotonic, in milliseconds. */
export class Circuit {
  readonly #rules: CircuitRules;
  readonly #onChange: (state: CircuitState, previous: CircuitState) => void;
  readonly #window: OutcomeWindow;
  #state: CircuitState = "closed";
  #inARow = 0;
  /** Requests that try whether it works again. */
  #probing = 0;
  #openUntilMs = 0;
  #openMs: number;
  /** One more with each change: what was sent before it says nothing of what is now. */
  #era = 0;

  constructor(
    rules: CircuitRules,
    onChange: (state: CircuitState, previous: CircuitState) => void,
  ) {
    this.#rules = rules;
    this.#onChange = onChange;
    this.#window = new OutcomeWindow(rules.windowMs);
    this.#openMs = rules.openMs;
  }

  state(nowMs: number): CircuitState {
    if (this.#state === "open" && nowMs >= this.#openUntilMs) this.#change("half-open");
    return this.#state;
  }

  /** Until it may let a request through, as far as is known. */
  retryAfterMs(nowMs: number): number {
    return Math.max(0, Math.ceil(this.#openUntilMs - nowMs));
  }

  /** Leave to send a request; `undefined` when none may be sent now. */
  admit(nowMs: number): Pass | undefined {
    const state = this.state(nowMs);
    const isProbe = state === "half-open";
    if (state === "open" || (isProbe && this.#probing >= this.#rules.probes)) return undefined;
    if (isProbe) this.#probing++;
    const era = this.#era;
    return (outcome, thenMs) => {
      if (era !== this.#era) return;
      if (isProbe) this.#onProbe(outcome, thenMs);
      else if (outcome !== "neither") this.#count(outcome === "failure", thenMs);
    };
  }

  #count(isFailure: boolean, nowMs: number): void {
    this.#window.add(isFailure, nowMs);
    this.#inARow = isFailure ? this.#inARow + 1 : 0;
    if (!isFailure) return;
    const { failures, rate, minimum, openMs } = this.#rules;
    const { total, failed } = this.#window.counts(nowMs);
    if (this.#inARow < failures && (total < minimum || failed < rate * total)) return;
    this.#open(openMs, nowMs);
  }

  #onProbe(outcome: Outcome, nowMs: number): void {
    this.#probing--;
    if (outcome === "success") this.#change("closed");
    else if (outcome === "failure") {
      this.#open(Math.min(this.#rules.maxOpenMs, this.#openMs * 2), nowMs);
    }
  }

  #open(forMs: number, nowMs: number): void {
    this.#openMs = forMs;
    this.#openUntilMs = nowMs + forMs;
    this.#change("open");
  }

  #change(state: CircuitState): void {
    const previous = this.#state;
    this.#state = state;
    this.#era++;
    this.#probing = 0;
    this.#inARow = 0;
    this.#window.clear();
    this.#onChange(state, previous);
  }
}
