import diagnostics from "node:diagnostics_channel";
import {
  type Clock,
  defineSection,
  durationKey,
  integerKey,
  KingError,
  optionError,
  resolveOptions,
} from "@king-runtime/core";
import { httpErrors } from "../../errors.ts";
import type { PreparedRequest } from "../prepared-request.ts";
import type { Send } from "../send.ts";
import { Circuit, type CircuitRules, type CircuitState, type Outcome } from "./circuit.ts";
import { fractionOption } from "./fraction-option.ts";

/** When an origin is left alone, and for how long. */
export interface CircuitBreakerOptions {
  /** Failures in a row that open a circuit, 1 to 10,000. @default 5 */
  failures?: number;
  /** Share of failures within `windowMs` that opens it, from 0 to 1. @default 0.5 */
  rate?: number;
  /** Requests within `windowMs` below which `rate` says nothing, 1 to 1,000,000. @default 20 */
  minimum?: number;
  /** How far back `rate` looks, to a tenth of it, in milliseconds. @default 10_000 */
  windowMs?: number;
  /** How long an open circuit stays so, in milliseconds; twice as long after each probe that fails. @default 10_000 */
  openMs?: number;
  /** The longest that it stays open, in milliseconds; at least `openMs`. @default 120_000 */
  maxOpenMs?: number;
  /** Requests that may try at a time whether the origin works again, 1 to 1,000. @default 1 */
  probes?: number;
  /**
   * Origins that are remembered, 1 to 1,000,000; for a further one the closed circuit is forgotten that was not
   * used for longest, or else the one that opened first. @default 1_000
   */
  maxOrigins?: number;
}

/** What the diagnostics channel `king:transport:circuit` tells of each change. */
export interface CircuitEvent {
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  /** Such as `"https://example.com"`. */
  readonly origin: string;
  readonly state: CircuitState;
  readonly previous: CircuitState;
  /** Until the origin is tried again; with `"open"` alone. */
  readonly retryAfterMs?: number;
}

/** {@link CircuitBreakerOptions}, looked at. */
export interface CircuitBreakerPolicy extends CircuitRules {
  readonly maxOrigins: number;
}

const circuitSection = defineSection("circuitBreaker", {
  failures: integerKey({ default: 5, min: 1, max: 10_000, doc: "Failures in a row." }),
  minimum: integerKey({ default: 20, min: 1, max: 1_000_000, doc: "Requests for the rate." }),
  windowMs: durationKey({ default: 10_000, min: 10, max: 3_600_000, doc: "What the rate is of." }),
  openMs: durationKey({ default: 10_000, min: 1, max: 86_400_000, doc: "First time open." }),
  maxOpenMs: durationKey({ default: 120_000, min: 1, max: 86_400_000, doc: "Longest time open." }),
  probes: integerKey({ default: 1, min: 1, max: 1_000, doc: "Probes at a time." }),
  maxOrigins: integerKey({ default: 1_000, min: 1, max: 1_000_000, doc: "Origins remembered." }),
});

/** @throws {KingError} KING_OPTION_INVALID */
export function circuitBreakerPolicy(options: CircuitBreakerOptions = {}): CircuitBreakerPolicy {
  const section = resolveOptions(circuitSection, options, { others: ["rate"] });
  const { openMs, maxOpenMs } = section;
  if (maxOpenMs < openMs) {
    throw optionError("maxOpenMs", `expected ${openMs} (openMs) or more, got ${maxOpenMs}`);
  }
  return { ...section, rate: fractionOption("rate", options.rate ?? 0.5) };
}

const changes = diagnostics.channel("king:transport:circuit");

/**
 * Leaves an origin alone that fails, so that it can recover and callers learn of it at once.
 *
 * A failure is an error of the network, TLS, protocol or a deadline, and a status from 500 other than 501. What
 * the caller ends counts neither way, nor does what never came to the origin: limits, what is forbidden, and
 * the wait for a connection. A response is judged by its head.
 */
export class CircuitBreaker {
  readonly #policy: CircuitBreakerPolicy;
  readonly #clock: Clock;
  /** By origin, the one not used for longest first. */
  readonly #closed = new Map<string, Circuit>();
  /** Open and half-open, the one opened first before others. */
  readonly #tripped = new Map<string, Circuit>();

  constructor(policy: CircuitBreakerPolicy, clock: Clock) {
    this.#policy = policy;
    this.#clock = clock;
  }

  /** Origins that are remembered. */
  get size(): number {
    return this.#closed.size + this.#tripped.size;
  }

  /** Of an origin such as `"https://example.com"`; one that is not known is closed. */
  state(origin: string): CircuitState {
    const circuit = this.#tripped.get(origin) ?? this.#closed.get(origin);
    return circuit?.state(this.#clock.monotonic()) ?? "closed";
  }

  /** `send` under this breaker: refuses with KING_HTTP_CIRCUIT_OPEN while the circuit of the origin is open. */
  guarding(send: Send): Send {
    return async (request) => {
      const { text } = request.origin;
      const circuit = this.#circuitOf(text);
      const nowMs = this.#clock.monotonic();
      const settle = circuit.admit(nowMs);
      if (settle === undefined) {
        throw httpErrors.create(
          "KING_HTTP_CIRCUIT_OPEN",
          `${text}: expected a circuit that is closed, got one that is ${circuit.state(nowMs)}`,
          { origin: text },
          { retryAfterMs: circuit.retryAfterMs(nowMs) },
        );
      }
      let outcome: Outcome = "neither";
      try {
        const response = await send(request);
        outcome = isFailureStatus(response.status) ? "failure" : "success";
        return response;
      } catch (error) {
        outcome = outcomeOf(error, request);
        throw error;
      } finally {
        settle(outcome, this.#clock.monotonic());
      }
    };
  }

  #circuitOf(origin: string): Circuit {
    const known = this.#tripped.get(origin) ?? this.#closed.get(origin);
    if (known !== undefined) {
      if (this.#closed.delete(origin)) this.#closed.set(origin, known);
      return known;
    }
    if (this.size >= this.#policy.maxOrigins) this.#forgetOne();
    const circuit: Circuit = new Circuit(this.#policy, (state, previous) =>
      this.#onChange(origin, circuit, state, previous),
    );
    this.#closed.set(origin, circuit);
    return circuit;
  }

  #forgetOne(): void {
    for (const circuits of [this.#closed, this.#tripped]) {
      for (const origin of circuits.keys()) {
        circuits.delete(origin);
        return;
      }
    }
  }

  #onChange(origin: string, circuit: Circuit, state: CircuitState, previous: CircuitState): void {
    const from = previous === "closed" ? this.#closed : this.#tripped;
    // One that is forgotten meanwhile stays so.
    if (from.get(origin) !== circuit) return;
    if (state === "closed" || previous === "closed") {
      from.delete(origin);
      (state === "closed" ? this.#closed : this.#tripped).set(origin, circuit);
    }
    if (!changes.hasSubscribers) return;
    const retryAfterMs = circuit.retryAfterMs(this.#clock.monotonic());
    const event: CircuitEvent = {
      time: this.#clock.now(),
      origin,
      state,
      previous,
      ...(state === "open" ? { retryAfterMs } : {}),
    };
    changes.publish(event);
  }
}

const isFailureStatus = (status: number): boolean => status >= 500 && status !== 501;

const failures: ReadonlySet<string> = new Set(["network", "timeout", "protocol", "tls"]);

function outcomeOf(error: unknown, { signal }: PreparedRequest): Outcome {
  if (signal?.aborted || !KingError.is(error)) return "neither";
  if (error.code === "KING_HTTP_TIMEOUT" && error.details["phase"] === "queue") return "neither";
  return failures.has(error.category) ? "failure" : "neither";
}
