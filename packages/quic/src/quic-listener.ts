import {
  type CloseOptions,
  type Endpoint,
  Lifetime,
  type Listener,
  type ListenerClosed,
  type ListenerStats,
  type QuicSession as QuicSessionContract,
  type Session,
} from "@king-runtime/core";
import type { EngineConnection } from "./engine-connection.ts";
import type { QuicLimits } from "./limits.ts";
import { QuicSession } from "./quic-session.ts";

/** What accepts connections for an engine. */
export interface EngineEndpoint {
  readonly local: Endpoint;
  /** Connections that were refused for want of room. */
  readonly refused: number;
  /** Lets go of the address; resolves when the engine has. */
  close(): Promise<void>;
}

/** Accepts QUIC connections. */
export class QuicListener extends Lifetime<ListenerClosed> implements Listener {
  protected readonly kind = "listener";
  readonly #limits: QuicLimits;
  readonly #onSession: (session: QuicSessionContract) => void;
  readonly #sessions = new Set<QuicSession>();
  #endpoint: EngineEndpoint | undefined;
  #accepted = 0;
  #refused = 0;
  #aborting = false;
  #aborted = 0;

  constructor(limits: QuicLimits, onSession: (session: QuicSessionContract) => void) {
    super();
    this.#limits = limits;
    this.#onSession = onSession;
  }

  /** It listens there from now on. */
  onListening(endpoint: EngineEndpoint): this {
    this.#endpoint = endpoint;
    return this;
  }

  /** A connection whose handshake is complete. */
  onConnection(connection: EngineConnection): void {
    if (this.closing || this.#sessions.size >= this.#limits.maxSessions) {
      this.#refused++;
      void connection.close(0, "");
      return;
    }
    this.#accepted++;
    const session = new QuicSession(connection, this.#limits);
    this.#sessions.add(session);
    session.closed.then(() => this.#sessions.delete(session));
    this.#onSession(session);
  }

  get local(): Endpoint {
    return (this.#endpoint as EngineEndpoint).local;
  }

  get state(): "opening" | "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    if (this.closing) return "draining";
    return this.#endpoint === undefined ? "opening" : "open";
  }

  sessions(): Iterable<Session> {
    return [...this.#sessions];
  }

  stats(): ListenerStats {
    let streamsActive = 0;
    for (const session of this.#sessions) streamsActive += session.stats().streamsActive;
    return {
      sessionsAccepted: this.#accepted,
      sessionsRefused: this.#refused + (this.#endpoint?.refused ?? 0),
      sessionsActive: this.#sessions.size,
      streamsActive,
    };
  }

  protected beginClose(options: CloseOptions): void {
    void this.#end(options);
  }

  async #end(options: CloseOptions): Promise<void> {
    // The listener's deadline ends its sessions: they have none of their own.
    const forwarded = { ...options, deadlineMs: Number.POSITIVE_INFINITY };
    await Promise.all([...this.#sessions].map((session) => session.close(forwarded)));
    await this.#endpoint?.close();
    const sessionsAborted = this.#aborted;
    this.finish({ by: "local", clean: sessionsAborted === 0, sessionsAborted });
  }

  abort(reason?: unknown): void {
    if (this.#aborting || this.ended !== undefined) return;
    this.#aborting = true;
    this.#aborted = this.#sessions.size;
    for (const session of this.#sessions) session.abort(reason);
    if (!this.closing) void this.close();
  }
}
