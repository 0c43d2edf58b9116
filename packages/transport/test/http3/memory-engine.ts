import {
  type Endpoint,
  Lifetime,
  type Listener,
  type ListenerClosed,
  type ListenerStats,
  type QuicEngine,
  type QuicSession,
  type Session,
  streamErrors,
} from "@king-runtime/core";
import { memoryPair } from "@king-runtime/testkit";

/** Accepts the sessions of a {@link memoryEngine} on one port. */
class MemoryListener extends Lifetime<ListenerClosed> implements Listener {
  protected readonly kind = "listener";
  readonly local: Endpoint;
  readonly #sessions = new Set<QuicSession>();
  readonly #onSession: (session: QuicSession) => void;
  readonly #release: () => void;
  #accepted = 0;

  constructor(local: Endpoint, onSession: (session: QuicSession) => void, release: () => void) {
    super();
    this.local = local;
    this.#onSession = onSession;
    this.#release = release;
  }

  accept(session: QuicSession): void {
    this.#accepted++;
    this.#sessions.add(session);
    session.closed.then(() => this.#sessions.delete(session));
    this.#onSession(session);
  }

  get state(): "open" | "closed" {
    return this.ended === undefined ? "open" : "closed";
  }

  sessions(): Iterable<Session> {
    return [...this.#sessions];
  }

  stats(): ListenerStats {
    const sessionsActive = this.#sessions.size;
    return {
      sessionsAccepted: this.#accepted,
      sessionsRefused: 0,
      sessionsActive,
      streamsActive: 0,
    };
  }

  protected beginClose(): void {
    this.#release();
    const ends = [...this.#sessions].map((session) => session.closed);
    void Promise.all(ends).then(() =>
      this.finish({ by: "local", clean: true, sessionsAborted: 0 }),
    );
  }

  abort(reason?: unknown): void {
    for (const session of this.#sessions) session.abort(reason);
    if (!this.closing) void this.close();
  }
}

/**
 * A QUIC engine without a network: what the contracts of sessions and streams say, and nothing of a wire. Ports are its own;
 * a handshake does not fail.
 *
 * @param streamLimit how many streams each side of a connection may have open.
 */
export function memoryEngine(streamLimit = 1_000): QuicEngine {
  const listeners = new Map<number, MemoryListener>();
  let lastPort = 0;
  return {
    name: "memory",
    capabilities: new Set(),
    async connect({ remote, signal }) {
      signal?.throwIfAborted();
      const listener = listeners.get(remote.port);
      if (listener === undefined) {
        throw streamErrors.create("KING_SESSION_CLOSED", "expected somebody to listen", {});
      }
      const { client, server } = memoryPair(streamLimit);
      // As QUIC does, and no engine (RFC 9000, section 20.2).
      for (const session of [client, server]) Object.assign(session, { largestCode: 2 ** 62 - 1 });
      listener.accept(server);
      return client;
    },
    async listen({ local, onSession }) {
      const port = local.port === 0 ? ++lastPort : local.port;
      const listener = new MemoryListener({ ...local, port }, onSession, () =>
        listeners.delete(port),
      );
      listeners.set(port, listener);
      return listener;
    },
  };
}
