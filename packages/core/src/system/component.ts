/** A cheap verdict about now. */
export interface Health {
  readonly status: "healthy" | "degraded" | "unhealthy";
  /** Why, when it is not healthy. */
  readonly reason?: string;
}

/** Numbers of a component by name; a unit suffix belongs to the name. */
export type ComponentStats = Readonly<Record<string, number>>;

/** What a component is started with. */
export interface StartContext {
  /** Aborts when the start is given up. */
  readonly signal: AbortSignal;
}

/** What a component is drained with. */
export interface DrainContext {
  /** Aborts at the deadline. */
  readonly signal: AbortSignal;
  /** Time left when the drain began, in milliseconds. */
  readonly deadlineMs: number;
}

/** A part of a {@link System}: a plane's handle either is one or gives one with `.component()`. */
export interface Component {
  /** Unique in its system. */
  readonly name: string;
  /** Names of the components that must be ready before this one starts. */
  readonly dependsOn?: readonly string[];
  /** Kinds of work this component admits, such as `"run.submit"`; unique in the system. */
  readonly gates?: readonly string[];
  start(context: StartContext): void | Promise<void>;
  /** Finishes what is under way; leases of its gates have been returned when this is called. */
  drain?(context: DrainContext): void | Promise<void>;
  /** Releases everything. Called once after each `start` that succeeded. */
  stop(): void | Promise<void>;
  /** A cheap look, no I/O; at most a few microseconds. */
  health?(): Health;
  stats?(): ComponentStats;
}
