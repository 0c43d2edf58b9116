import diagnostics from "node:diagnostics_channel";
import { type Clock, type Endpoint, type Exchange, KingError } from "@king-runtime/core";
import type { AdminCaller } from "./admin-caller.ts";
import { AdminProblem } from "./admin-problem.ts";

/** What can be done over the admin API; `"authenticate"` is told of only when it fails. */
export type AdminAction =
  | "authenticate"
  | "close-session"
  | "drain"
  | "reload-tls"
  | "restart"
  | "section-action";

/**
 * What the diagnostics channel `king:transport:admin` tells of each action: when it begins, and how it ended; also of
 * each request for one that is under way already, which then has its end.
 * It has no secret, and nothing of what an action was given or answered with.
 */
export interface AdminEvent {
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  readonly action: AdminAction;
  /** The component, listener or session, or section and action with a slash between. */
  readonly target?: string;
  /** `"refused"`: it was not begun. */
  readonly outcome: "begun" | "done" | "failed" | "refused";
  /** Who asked for it; absent where that is not known. */
  readonly caller?: AdminCaller;
  readonly remote?: Endpoint;
  readonly requestId?: string;
  /** Since it began, in milliseconds. */
  readonly durationMs?: number;
  /** Code or name of what went wrong. */
  readonly error?: string;
}

/** Who asked, and over what. */
export interface AdminOrigin {
  readonly caller?: AdminCaller;
  readonly exchange: Exchange | undefined;
}

const channel = diagnostics.channel("king:transport:admin");

/** Tells of something, if anybody listens. */
export function publishAdmin(
  event: Omit<AdminEvent, "time" | "remote" | "requestId" | "caller">,
  { caller, exchange }: AdminOrigin,
  clock: Clock,
): void {
  if (!channel.hasSubscribers) return;
  const remote = exchange?.session.remote;
  const told: AdminEvent = {
    time: clock.now(),
    ...event,
    ...(caller === undefined ? {} : { caller }),
    ...(remote === undefined ? {} : { remote }),
    ...(exchange === undefined ? {} : { requestId: exchange.requestId }),
  };
  channel.publish(told);
}

/** Does `work`, and tells when it begins and how it ended. */
export async function audited<Value>(
  what: Pick<AdminEvent, "action" | "target">,
  origin: AdminOrigin,
  clock: Clock,
  work: () => Value | Promise<Value>,
): Promise<Value> {
  const since = clock.monotonic();
  const ended = (outcome: "done" | "failed", error?: string) => {
    const durationMs = clock.monotonic() - since;
    const told = { ...what, outcome, durationMs, ...(error === undefined ? {} : { error }) };
    publishAdmin(told, origin, clock);
  };
  publishAdmin({ ...what, outcome: "begun" }, origin, clock);
  try {
    const value = await work();
    ended("done");
    return value;
  } catch (error) {
    ended("failed", nameOf(error));
    throw error;
  }
}

function nameOf(error: unknown): string {
  if (KingError.is(error)) return error.code;
  if (error instanceof AdminProblem) return `status ${error.problem.status}`;
  return error instanceof Error ? error.name : typeof error;
}
