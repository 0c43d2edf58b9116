import type { Closable, Closed } from "./closable.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Session } from "./session.ts";

/** How a listener ended. */
export interface ListenerClosed extends Closed {
  /** Sessions that were still open at the deadline and were cut. */
  readonly sessionsAborted: number;
}

/** Numbers of a listener since it opened. */
export interface ListenerStats {
  readonly sessionsAccepted: number;
  readonly sessionsRefused: number;
  readonly sessionsActive: number;
  /** Exchanges, or streams, under way on all of them. */
  readonly streamsActive: number;
}

/**
 * Something that accepts sessions. What an upgrade took over belongs to whoever accepted it: `close`
 * and `closed` do not wait for it. `abort` cuts it too, also when the listener has closed.
 */
export interface Listener extends Closable<ListenerClosed> {
  readonly local: Endpoint;
  /** Those open now. */
  sessions(): Iterable<Session>;
  stats(): ListenerStats;
}
