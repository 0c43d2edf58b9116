import { BaseSession, type SessionClosed, type SessionStats } from "@king-runtime/core";
import type { HttpLimits } from "./limits.ts";
import type { SocketFacts } from "./socket-facts.ts";

/** What connections of HTTP share on the server's side. */
export abstract class HttpSession<Exchange> extends BaseSession {
  override readonly role = "server";
  readonly limits: HttpLimits;
  /** Exchanges under way. */
  protected readonly active = new Set<Exchange>();
  protected exchangesOpened = 0;
  /** Why the session was aborted, once it was. */
  protected aborted: unknown;
  #left: PromiseWithResolvers<void> | undefined;
  #hasLeft = false;

  constructor(facts: SocketFacts, limits: HttpLimits) {
    super();
    this.limits = limits;
    Object.assign(this, facts);
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.closing ? "draining" : "open";
  }

  get streamsActive(): number {
    return this.active.size;
  }

  protected override get clock() {
    return this.limits.clock;
  }

  /** Ends nothing yet, but has the client told that the end comes, where the protocol has words for it. */
  abstract windDown(): void;

  opened(exchange: Exchange): void {
    this.exchangesOpened++;
    this.active.add(exchange);
  }

  /** Resolves when the connection is closed, or belongs to whoever accepted upgrades on it. */
  get left(): Promise<void> {
    this.#left ??= Promise.withResolvers();
    if (this.#hasLeft) this.#left.resolve();
    return this.#left.promise;
  }

  protected leave(): void {
    this.#hasLeft = true;
    this.#left?.resolve();
  }

  /** Told of the end, at no cost of a promise. */
  onEnd: ((session: this) => void) | undefined;

  protected override finish(info: SessionClosed): void {
    super.finish(info);
    this.onEnd?.(this);
  }

  /** The connection is over: `failure` broke it, and `streamsAborted` exchanges were cut short. */
  protected finishConnection(failure: Error | undefined, streamsAborted: number): void {
    const local = this.aborted !== undefined || this.closing;
    const error = this.aborted ?? failure;
    this.finish({
      by: local ? "local" : failure === undefined ? "peer" : "network",
      clean: streamsAborted === 0 && this.aborted === undefined && failure === undefined,
      streamsAborted,
      ...(error instanceof Error ? { error } : {}),
    });
  }

  /** What the connection below can tell. */
  protected abstract connectionStats(): Partial<SessionStats>;

  stats(): SessionStats {
    return {
      ...this.connectionStats(),
      streamsOpened: this.exchangesOpened,
      streamsActive: this.active.size,
    };
  }
}
