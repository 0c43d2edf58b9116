import type { Endpoint, TlsFacts } from "./endpoint.ts";
import { EventFeed } from "./event-feed.ts";
import { Lifetime } from "./lifetime.ts";
import type { Session, SessionClosed, SessionEvent, SessionStats } from "./session.ts";

/** What every session shares, for implementers: events and its end. */
export abstract class BaseSession extends Lifetime<SessionClosed> implements Session {
  #events: EventFeed<SessionEvent> | undefined;

  protected readonly kind: string = "session";
  abstract readonly role: "client" | "server";
  abstract readonly protocol: string;
  abstract stats(): SessionStats;
  readonly local?: Endpoint;
  readonly remote?: Endpoint;
  readonly proxy?: Endpoint;
  readonly tls?: TlsFacts;

  events(options?: { signal?: AbortSignal }): AsyncIterable<SessionEvent> {
    if (this.#events === undefined) {
      this.#events = new EventFeed();
      if (this.ended !== undefined) this.#events.end({ type: "closed", closed: this.ended });
    }
    return this.#events.read(options?.signal);
  }

  /** Tells those who listen. */
  protected emit(event: SessionEvent): void {
    this.#events?.emit(event);
  }

  protected override finish(info: SessionClosed): void {
    if (this.ended !== undefined) return;
    super.finish(info);
    this.#events?.end({ type: "closed", closed: info });
  }
}
