import { type Clock, systemClock } from "../clock.ts";
import { unknownOption } from "../config/options.ts";
import type { Component, ComponentStats, Health } from "./component.ts";
import { systemErrors } from "./errors.ts";
import { startWaves } from "./waves.ts";

/** Where a component is in its life; `failed`: its start or stop threw. */
export type ComponentState = "stopped" | "starting" | "ready" | "draining" | "failed";

/**
 * Where a system is in its life. A stopped or failed one does not start again; `failed`: its start
 * failed, which a drain does not change.
 */
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
  /**
   * Components that were cut at the deadline, or whose `drain` or `stop` threw or never returned;
   * also in a start or restart that failed before.
   */
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
   * on it, refuse meanwhile; the dependents run on. The report says what came to grief before it
   * was started anew.
   *
   * @throws {KingError} KING_SYSTEM_START when it does not stop or does not come back; it is `failed`
   * then. It is not started over a stop that failed. KING_SYSTEM_STATE when the system is not ready.
   */
  restart(options?: DrainOptions): Promise<DrainReport>;
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
   * stops. A start or restart under way is told at once, and given up at the deadline; each `stop`
   * still has its `stopTimeoutMs`. Concurrent calls share one drain. Never rejects: what went wrong
   * is in the report.
   */
  drain(options?: DrainOptions): Promise<DrainReport>;
  /** @throws {KingError} KING_SYSTEM_UNKNOWN */
  component(name: string): ComponentHandle;
  health(): SystemHealth;
  status(): SystemStatus;
  /** Numbers of each component, from its `stats`; none of one whose `stats` throws. */
  metrics(): Readonly<Record<string, ComponentStats>>;
  performance(): SystemPerformance;
}

/**
 * Puts components together; nothing starts yet. `await using` drains.
 *
 * @throws {KingError} KING_SYSTEM_INVALID, KING_OPTION_INVALID
 */
export function createSystem(options: CreateSystemOptions): System {
  for (const name of Object.keys(options)) {
    if (!optionNames.includes(name)) throw unknownOption(name, optionNames);
  }
  return new ComponentSystem(options);
}

const optionNames: readonly string[] = ["components", "startTimeoutMs", "stopTimeoutMs", "clock"];

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
  restarting: Promise<DrainReport> | undefined;
  /** Tells the start under way to end. */
  starting: AbortController | undefined;
  /** When its drain is cut, on the system's monotonic clock. */
  deadline = 0;
  /** Ends the wait under way as its deadline does. */
  cut: (() => void) | undefined;
  /** Why it cannot be started: what was given up may still hold what it had. */
  stuck: Error | undefined;

  constructor(component: Component) {
    this.component = component;
    this.gates = (component.gates ?? []).map((name) => new Gate(name, this));
  }

  get name(): string {
    return this.component.name;
  }

  /** Keeps it from being started, until `work` ends well. */
  stick(error: Error, work: Promise<unknown>): void {
    this.stuck = error;
    work.then(
      () => {
        this.stuck = undefined;
      },
      (reason) => {
        this.stuck = asError(reason);
      },
    );
  }
}

/** A {@link DrainReport} in the making. */
class Tally {
  readonly cut = new Set<string>();
  readonly outstanding: Record<string, number> = {};
  readonly errors: Error[] = [];

  report(): DrainReport {
    const { cut, outstanding, errors } = this;
    return { clean: cut.size === 0, cut: [...cut], outstanding, errors };
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
  #readyAt: number | undefined;
  /** Resolves at the end of the start, however it ends. */
  #startOver: Promise<void> | undefined;
  readonly #tally = new Tally();
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
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#startOver = promise;
    try {
      await this.#startWaves();
    } finally {
      resolve();
    }
  }

  async #startWaves(): Promise<void> {
    try {
      for (const wave of this.#waves) {
        const starts = wave.map((member) => this.#startMember(member));
        const outcomes = await Promise.allSettled(starts);
        const failed = outcomes.find((outcome) => outcome.status === "rejected");
        if (failed !== undefined) throw failed.reason;
        if (this.#state !== "starting") throw drainedMeanwhile(this.#state);
      }
    } catch (error) {
      if (this.#state === "starting") this.#state = "failed";
      await this.#inReverse((member) => this.#stopMember(member, this.#tally));
      throw error;
    }
    this.#readyAt = this.#clock.monotonic();
    this.#state = "ready";
  }

  async #startMember(member: Member): Promise<void> {
    member.state = "starting";
    const since = this.#clock.monotonic();
    const starting = new AbortController();
    member.starting = starting;
    try {
      if (member.stuck !== undefined) throw member.stuck;
      const start = Promise.resolve(member.component.start({ signal: starting.signal }));
      if (await this.#within(this.#startTimeoutMs, start, member)) {
        const limit = starting.signal.aborted
          ? "by the deadline of the drain"
          : `within startTimeoutMs (${this.#startTimeoutMs})`;
        const late = new Error(`did not start ${limit}`);
        starting.abort(late);
        // Should it come up after all, it is not left running.
        const stopped = start.then(
          () => member.component.stop(),
          () => undefined,
        );
        member.stick(late, stopped);
        throw late;
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
    } finally {
      member.starting = undefined;
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
    const deadline = this.#clock.monotonic() + deadlineMs;
    if (this.#state !== "failed") this.#state = "draining";
    const members = [...this.#members.values()];
    for (const { starting } of members) starting?.abort(drainedMeanwhile(this.#state));
    if (this.#startOver !== undefined) await this.#cutAt(deadline, members, this.#startOver);
    await this.#inReverse(async (member) => {
      if (member.restarting !== undefined) {
        member.deadline = Math.min(member.deadline, deadline);
        await this.#cutAt(deadline, [member], Promise.allSettled([member.restarting]));
      }
      member.deadline = deadline;
      await this.#drainMember(member, this.#tally);
      await this.#stopMember(member, this.#tally);
    });
    if (this.#state === "draining") this.#state = "stopped";
    return this.#tally.report();
  }

  async #inReverse(work: (member: Member) => Promise<void>): Promise<void> {
    for (const wave of [...this.#waves].reverse()) await Promise.all(wave.map(work));
  }

  /** Waits for `work`; cuts, from `deadline` on, what it awaits of `members`. */
  async #cutAt(
    deadline: number,
    members: readonly Member[],
    work: Promise<unknown>,
  ): Promise<void> {
    if (!(await this.#within(this.#left(deadline), work))) return;
    for (const { name, cut } of members) {
      if (cut === undefined) continue;
      this.#tally.cut.add(name);
      cut();
    }
    await work;
  }

  /** Waits until everything under way in `member` is finished, or its deadline is there. */
  async #drainMember(member: Member, tally: Tally): Promise<void> {
    const drains = member.state === "ready";
    if (drains) {
      member.state = "draining";
      const idle = Promise.all(member.gates.map((gate) => gate.idle()));
      await this.#within(this.#left(member.deadline), idle, member);
    }
    for (const { name, leases } of member.gates) {
      if (leases === 0) continue;
      tally.outstanding[name] = leases;
      tally.cut.add(member.name);
    }
    if (!drains || member.component.drain === undefined) return;
    const over = new AbortController();
    try {
      const context = { signal: over.signal, deadlineMs: this.#left(member.deadline) };
      const drain = Promise.resolve(member.component.drain(context));
      if (!(await this.#within(this.#left(member.deadline), drain, member))) return;
      over.abort(new Error(`component "${member.name}" did not drain by the deadline`));
      drain.catch(() => undefined);
    } catch (error) {
      tally.errors.push(asError(error));
    }
    tally.cut.add(member.name);
  }

  async #stopMember(member: Member, tally: Tally): Promise<void> {
    if (member.state !== "ready" && member.state !== "draining") return;
    let failure: Error;
    try {
      const stop = Promise.resolve(member.component.stop());
      if (!(await this.#within(this.#stopTimeoutMs, stop))) {
        member.state = "stopped";
        return;
      }
      failure = new Error(
        `component "${member.name}" did not stop within ${this.#stopTimeoutMs} ms`,
      );
      member.stick(failure, stop);
    } catch (error) {
      failure = asError(error);
      member.stuck = failure;
    }
    member.state = "failed";
    tally.cut.add(member.name);
    tally.errors.push(failure);
  }

  #left(deadline: number): number {
    return Math.max(0, deadline - this.#clock.monotonic());
  }

  /** Whether `work` is still not done after `timeoutMs`, or when `member` is cut. */
  async #within(timeoutMs: number, work: Promise<unknown>, member?: Member): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const giveUp = () => resolve(true);
    const timer = this.#clock.after(timeoutMs, giveUp);
    if (member !== undefined) member.cut = giveUp;
    try {
      return await Promise.race([work.then(() => false), promise]);
    } finally {
      timer.cancel();
      if (member !== undefined) member.cut = undefined;
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

  async #restart(member: Member, deadlineMs: number): Promise<DrainReport> {
    this.#expectReady();
    const tally = new Tally();
    try {
      member.deadline = this.#clock.monotonic() + deadlineMs;
      await this.#drainMember(member, tally);
      await this.#stopMember(member, tally);
      this.#expectReady();
      member.restarts++;
      await this.#startMember(member);
    } catch (error) {
      // Nobody gets this report: that of the system's drain tells it.
      for (const name of tally.cut) this.#tally.cut.add(name);
      this.#tally.errors.push(...tally.errors);
      throw error;
    }
    return tally.report();
  }

  #expectReady(): void {
    if (this.#state === "ready") return;
    throw systemErrors.create(
      "KING_SYSTEM_STATE",
      `restart: expected a ready system, got one that is ${this.#state}`,
      { state: this.#state },
    );
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
    const now = this.#clock.monotonic();
    return {
      state: this.#state,
      uptimeMs: up ? now - (this.#readyAt ?? now) : 0,
      components: this.#perMember(({ state, restarts }) => ({ state, restarts })),
      gates: this.#perGate((gate) => ({
        open: this.#blocker(gate.owner) === undefined,
        leases: gate.leases,
      })),
    };
  }

  metrics(): Readonly<Record<string, ComponentStats>> {
    return this.#perMember(memberStats);
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

function memberStats({ state, component }: Member): ComponentStats {
  if (state !== "ready" && state !== "draining") return {};
  try {
    return component.stats?.() ?? {};
  } catch {
    // One that cannot count does not hide the numbers of all others; its health is its own matter.
    return {};
  }
}

const drainedMeanwhile = (state: SystemState) =>
  systemErrors.create("KING_SYSTEM_STATE", "the system was drained while it started", { state });

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
