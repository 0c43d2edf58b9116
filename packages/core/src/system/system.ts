import { type Clock, systemClock } from "../clock.ts";
import type { Component, ComponentStats, Health } from "./component.ts";
import { systemErrors } from "./errors.ts";
import { startWaves } from "./waves.ts";

/** Where a component is in its life; `failed`: its start or stop threw. */
export type ComponentState = "stopped" | "starting" | "ready" | "draining" | "failed";

/** Where a system is in its life. A stopped or failed one does not start again. */
export type SystemState = "created" | "starting" | "ready" | "draining" | "stopped" | "failed";

/** Admitted work. `drain` waits for it to be returned; returning it twice is harmless. */
export interface GateLease extends Disposable {
  readonly gate: string;
  release(): void;
}

/** Options of {@link createSystem}. */
export interface CreateSystemOptions {
  components: readonly Component[];
  /** Longest start of one component, in milliseconds. @default 60_000 */
  startTimeoutMs?: number;
  /** Longest `stop` of one component, in milliseconds. @default 5_000 */
  stopTimeoutMs?: number;
  /** @default systemClock */
  clock?: Clock;
}

/** Options of {@link System.drain}. */
export interface DrainOptions {
  /** Time for all components together, in milliseconds. @default 30_000 */
  deadlineMs?: number;
}

/** What a drain came to. */
export interface DrainReport {
  /** Whether everything under way was finished. */
  readonly clean: boolean;
  /** Components that were cut at the deadline, or whose `drain` or `stop` threw or never returned. */
  readonly cut: readonly string[];
  /** Leases not returned at the deadline, by gate. */
  readonly outstanding: Readonly<Record<string, number>>;
  readonly errors: readonly Error[];
}

/** Can work be sent here? For load balancers. */
export interface SystemHealth extends Health {
  readonly components: Readonly<Record<string, Health>>;
}

/** What is going on? For operators. */
export interface SystemStatus {
  readonly state: SystemState;
  /** Since `start` resolved, in milliseconds; 0 before. */
  readonly uptimeMs: number;
  readonly components: Readonly<
    Record<string, { readonly state: ComponentState; readonly restarts: number }>
  >;
  readonly gates: Readonly<Record<string, { readonly open: boolean; readonly leases: number }>>;
}

/** How long did things take? For those who tune. */
export interface SystemPerformance {
  /** Duration of the latest start of each component, in milliseconds. */
  readonly startMs: Readonly<Record<string, number>>;
  readonly gates: Readonly<
    Record<string, { readonly admitted: number; readonly refused: number; readonly heldMs: number }>
  >;
}

/** One component of a running system. */
export interface ComponentHandle {
  readonly name: string;
  readonly state: ComponentState;
  /**
   * Drains, stops and starts this component alone. Its gates, and those of components that depend
   * on it, refuse meanwhile; the dependents run on.
   *
   * @throws {KingError} KING_SYSTEM_START when it does not come back; it is `failed` then.
   */
  restart(options?: DrainOptions): Promise<void>;
}

/** Components with one life: started in order of dependence, drained in reverse. */
export interface System extends AsyncDisposable {
  readonly state: SystemState;
  /**
   * Starts waves of components. When one fails, what had started is stopped, in reverse.
   *
   * @throws {KingError} KING_SYSTEM_START, KING_SYSTEM_STATE
   */
  start(): Promise<void>;
  /**
   * Counts work in.
   *
   * @throws {KingError} KING_SYSTEM_NOT_READY, KING_SYSTEM_UNKNOWN
   */
  admit(gate: string): GateLease;
  /**
   * Refuses new work everywhere, then per component in reverse order: waits for leases, drains,
   * stops. Concurrent calls share one drain. Never rejects: what went wrong is in the report.
   */
  drain(options?: DrainOptions): Promise<DrainReport>;
  /** @throws {KingError} KING_SYSTEM_UNKNOWN */
  component(name: string): ComponentHandle;
  health(): SystemHealth;
  status(): SystemStatus;
  /** Numbers of each component, from its `stats`. */
  metrics(): Readonly<Record<string, ComponentStats>>;
  performance(): SystemPerformance;
}

/**
 * Puts components together; nothing starts yet. `await using` drains.
 *
 * @throws {KingError} KING_SYSTEM_INVALID
 */
export function createSystem(options: CreateSystemOptions): System {
  return new ComponentSystem(options);
}

class Gate {
  readonly name: string;
  readonly owner: Member;
  leases = 0;
  admitted = 0;
  refused = 0;
  heldMs = 0;
  #waiters: (() => void)[] = [];

  constructor(name: string, owner: Member) {
    this.name = name;
    this.owner = owner;
  }

  admit(clock: Clock): GateLease {
    this.leases++;
    this.admitted++;
    const since = clock.monotonic();
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      this.heldMs += clock.monotonic() - since;
      if (--this.leases === 0) for (const wake of this.#waiters.splice(0)) wake();
    };
    return { gate: this.name, release, [Symbol.dispose]: release };
  }

  idle(): Promise<void> {
    if (this.leases === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }
}

class Member {
  readonly component: Component;
  readonly gates: Gate[];
  state: ComponentState = "stopped";
  restarts = 0;
  startMs = 0;
  restarting: Promise<void> | undefined;

  constructor(component: Component) {
    this.component = component;
    this.gates = (component.gates ?? []).map((name) => new Gate(name, this));
  }

  get name(): string {
    return this.component.name;
  }
}

class ComponentSystem implements System {
  readonly #clock: Clock;
  readonly #startTimeoutMs: number;
  readonly #stopTimeoutMs: number;
  readonly #waves: readonly (readonly Member[])[];
  readonly #members = new Map<string, Member>();
  readonly #gates = new Map<string, Gate>();
  #state: SystemState = "created";
  #readyAt = 0;
  #starting: AbortController | undefined;
  #started: Promise<void> | undefined;
  #drained: Promise<DrainReport> | undefined;

  constructor(options: CreateSystemOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#startTimeoutMs = options.startTimeoutMs ?? 60_000;
    this.#stopTimeoutMs = options.stopTimeoutMs ?? 5_000;
    this.#waves = startWaves(options.components).map((wave) =>
      wave.map((each) => new Member(each)),
    );
    for (const member of this.#waves.flat()) {
      this.#members.set(member.name, member);
      for (const gate of member.gates) this.#gates.set(gate.name, gate);
    }
  }

  get state(): SystemState {
    return this.#state;
  }

  async start(): Promise<void> {
    if (this.#state !== "created") {
      throw systemErrors.create(
        "KING_SYSTEM_STATE",
        `start: expected a system that was never started, got one that is ${this.#state}`,
        { state: this.#state },
      );
    }
    this.#state = "starting";
    this.#starting = new AbortController();
    this.#started = this.#startWaves(this.#starting.signal);
    await this.#started;
  }

  async #startWaves(signal: AbortSignal): Promise<void> {
    try {
      for (const wave of this.#waves) {
        signal.throwIfAborted();
        const starts = wave.map((member) => this.#startMember(member, signal));
        const outcomes = await Promise.allSettled(starts);
        const failed = outcomes.find((outcome) => outcome.status === "rejected");
        if (failed !== undefined) throw failed.reason;
      }
      signal.throwIfAborted();
    } catch (error) {
      for (const wave of [...this.#waves].reverse()) {
        await Promise.all(wave.map((member) => this.#stopMember(member, [])));
      }
      this.#state = "failed";
      throw error;
    }
    this.#readyAt = this.#clock.monotonic();
    this.#state = "ready";
  }

  async #startMember(member: Member, outer: AbortSignal): Promise<void> {
    member.state = "starting";
    const since = this.#clock.monotonic();
    const timeout = new AbortController();
    const signal = AbortSignal.any([outer, timeout.signal]);
    try {
      const start = Promise.resolve(member.component.start({ signal }));
      const late = await this.#within(this.#startTimeoutMs, start);
      if (late) {
        timeout.abort();
        // Should it come up after all, it is not left running.
        start.then(() => member.component.stop()).catch(() => undefined);
        throw new Error(`did not start within startTimeoutMs (${this.#startTimeoutMs})`);
      }
      member.startMs = this.#clock.monotonic() - since;
      member.state = "ready";
    } catch (cause) {
      member.state = "failed";
      const why = cause instanceof Error ? cause.message : String(cause);
      throw systemErrors.create(
        "KING_SYSTEM_START",
        `component "${member.name}" did not start: ${why}`,
        { component: member.name },
        { cause },
      );
    }
  }

  admit(name: string): GateLease {
    const gate = this.#gates.get(name);
    if (gate === undefined) throw unknown("gate", name, this.#gates.keys());
    const blocker = this.#blocker(gate.owner);
    if (blocker === undefined) return gate.admit(this.#clock);
    gate.refused++;
    throw systemErrors.create(
      "KING_SYSTEM_NOT_READY",
      `gate "${name}" is closed: ${blocker.component} is ${blocker.state}`,
      { gate: name, ...blocker },
    );
  }

  /** Why work of `member` is refused now. */
  #blocker(member: Member): { component: string; state: string } | undefined {
    if (this.#state !== "ready") return { component: "the system", state: this.#state };
    if (member.state !== "ready") return { component: member.name, state: member.state };
    for (const name of member.component.dependsOn ?? []) {
      const blocker = this.#blocker(this.#members.get(name) as Member);
      if (blocker !== undefined) return blocker;
    }
    return undefined;
  }

  drain(options: DrainOptions = {}): Promise<DrainReport> {
    this.#drained ??= this.#drain(options.deadlineMs ?? 30_000);
    return this.#drained;
  }

  async #drain(deadlineMs: number): Promise<DrainReport> {
    if (this.#state === "starting") {
      this.#starting?.abort(new Error("the system was drained while it started"));
      await this.#started?.catch(() => undefined);
    }
    this.#state = "draining";
    const deadline = this.#clock.monotonic() + deadlineMs;
    const cut = new Set<string>();
    const errors: Error[] = [];
    const outstanding: Record<string, number> = {};
    for (const wave of [...this.#waves].reverse()) {
      await Promise.all(
        wave.map(async (member) => {
          await member.restarting?.catch(() => undefined);
          if (!(await this.#drainMember(member, deadline, errors, outstanding)))
            cut.add(member.name);
          if (!(await this.#stopMember(member, errors))) cut.add(member.name);
        }),
      );
    }
    this.#state = "stopped";
    return { clean: cut.size === 0, cut: [...cut], outstanding, errors };
  }

  /** Whether everything under way in `member` was finished by `deadline`. */
  async #drainMember(
    member: Member,
    deadline: number,
    errors: Error[],
    outstanding: Record<string, number>,
  ): Promise<boolean> {
    if (member.state !== "ready") return true;
    member.state = "draining";
    const left = () => Math.max(0, deadline - this.#clock.monotonic());
    const late = await this.#within(left(), Promise.all(member.gates.map((gate) => gate.idle())));
    for (const { name, leases } of member.gates) if (leases > 0) outstanding[name] = leases;
    if (member.component.drain === undefined) return !late;
    const over = new AbortController();
    try {
      const context = { signal: over.signal, deadlineMs: left() };
      const drain = Promise.resolve(member.component.drain(context));
      const cut = await this.#within(left(), drain);
      if (!cut) return !late;
      over.abort(new Error(`component "${member.name}" did not drain by the deadline`));
      drain.catch(() => undefined);
    } catch (error) {
      errors.push(asError(error));
    }
    return false;
  }

  /** Whether `member` stopped as it should. */
  async #stopMember(member: Member, errors: Error[]): Promise<boolean> {
    if (member.state !== "ready" && member.state !== "draining") return true;
    try {
      const stop = Promise.resolve(member.component.stop());
      if (!(await this.#within(this.#stopTimeoutMs, stop))) {
        member.state = "stopped";
        return true;
      }
      stop.catch(() => undefined);
      errors.push(
        new Error(`component "${member.name}" did not stop within ${this.#stopTimeoutMs} ms`),
      );
    } catch (error) {
      errors.push(asError(error));
    }
    member.state = "failed";
    return false;
  }

  /** Whether `work` is still not done after `timeoutMs`. */
  async #within(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = this.#clock.after(timeoutMs, () => resolve(true));
    try {
      return await Promise.race([work.then(() => false), promise]);
    } finally {
      timer.cancel();
    }
  }

  component(name: string): ComponentHandle {
    const member = this.#members.get(name);
    if (member === undefined) throw unknown("component", name, this.#members.keys());
    return {
      name,
      get state() {
        return member.state;
      },
      restart: (options) => {
        member.restarting ??= this.#restart(member, options?.deadlineMs ?? 30_000).finally(() => {
          member.restarting = undefined;
        });
        return member.restarting;
      },
    };
  }

  async #restart(member: Member, deadlineMs: number): Promise<void> {
    if (this.#state !== "ready") {
      throw systemErrors.create(
        "KING_SYSTEM_STATE",
        `restart: expected a ready system, got one that is ${this.#state}`,
        { state: this.#state },
      );
    }
    const deadline = this.#clock.monotonic() + deadlineMs;
    await this.#drainMember(member, deadline, [], {});
    await this.#stopMember(member, []);
    member.restarts++;
    await this.#startMember(member, (this.#starting as AbortController).signal);
  }

  health(): SystemHealth {
    const components: Record<string, Health> = {};
    let status: Health["status"] = this.#state === "ready" ? "healthy" : "unhealthy";
    let reason = status === "healthy" ? undefined : `the system is ${this.#state}`;
    for (const member of this.#members.values()) {
      const health = memberHealth(member);
      components[member.name] = health;
      if (rank[health.status] <= rank[status]) continue;
      status = health.status;
      reason = `${member.name}: ${health.reason ?? health.status}`;
    }
    return { status, ...(reason === undefined ? {} : { reason }), components };
  }

  status(): SystemStatus {
    const up = this.#state === "ready" || this.#state === "draining";
    return {
      state: this.#state,
      uptimeMs: up ? this.#clock.monotonic() - this.#readyAt : 0,
      components: this.#perMember(({ state, restarts }) => ({ state, restarts })),
      gates: this.#perGate((gate) => ({
        open: this.#blocker(gate.owner) === undefined,
        leases: gate.leases,
      })),
    };
  }

  metrics(): Readonly<Record<string, ComponentStats>> {
    return this.#perMember(({ component, state }) =>
      state === "ready" || state === "draining" ? (component.stats?.() ?? {}) : {},
    );
  }

  performance(): SystemPerformance {
    return {
      startMs: this.#perMember(({ startMs }) => startMs),
      gates: this.#perGate(({ admitted, refused, heldMs }) => ({ admitted, refused, heldMs })),
    };
  }

  #perMember<Value>(value: (member: Member) => Value): Record<string, Value> {
    return Object.fromEntries([...this.#members].map(([name, member]) => [name, value(member)]));
  }

  #perGate<Value>(value: (gate: Gate) => Value): Record<string, Value> {
    return Object.fromEntries([...this.#gates].map(([name, gate]) => [name, value(gate)]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }
}

const rank = { healthy: 0, degraded: 1, unhealthy: 2 } as const;

function memberHealth({ state, component }: Member): Health {
  if (state !== "ready") return { status: "unhealthy", reason: `is ${state}` };
  try {
    return component.health?.() ?? { status: "healthy" };
  } catch (error) {
    return { status: "unhealthy", reason: `health check threw: ${asError(error).message}` };
  }
}

function unknown(kind: string, name: string, names: Iterable<string>) {
  const known = [...names].join(", ") || "none";
  return systemErrors.create(
    "KING_SYSTEM_UNKNOWN",
    `expected a ${kind} of this system (${known}), got "${name}"`,
    { name },
  );
}

const asError = (value: unknown): Error =>
  value instanceof Error ? value : new Error(String(value), { cause: value });
