import { type SectionValues, streamErrors, type Timer } from "@king-runtime/core";
import type { poolSection } from "../config.ts";
import { httpErrors } from "../errors.ts";
import type { ClientSession } from "./client-session.ts";
import type { Connections } from "./connections.ts";
import type { IncomingResponse } from "./incoming-response.ts";
import { type Http1Kind, openClientSession } from "./open-client-session.ts";
import type { Origin, PreparedRequest } from "./prepared-request.ts";
import type { QuicTarget } from "./quic-dialler.ts";
import { timeoutError } from "./request-error.ts";
import { RequestQueue, type Waiting } from "./request-queue.ts";

/** What the pools of one client share. */
export interface PoolOwner {
  readonly connections: Connections;
  readonly limits: SectionValues<typeof poolSection>;
  /** Whether another request may wait, to all origins together. */
  readonly mayWait: boolean;
  onWaiting(change: 1 | -1): void;
  onIdle(session: ClientSession, pool: OriginPool): void;
  onBusy(session: ClientSession): void;
  onOpened(): void;
  onEmpty(pool: OriginPool): void;
  /** Where HTTP/3 may be tried for an origin, if anywhere. */
  quicTargetOf(origin: Origin): QuicTarget | undefined;
}

/** A connection that is being made. */
interface Attempt {
  /** Whoever it was begun for waits no longer. */
  isLeft: boolean;
}

/** The connections to one origin, and the requests that wait for one. */
export class OriginPool {
  readonly origin: Origin;
  readonly #kind: Http1Kind;
  readonly #owner: PoolOwner;
  readonly #sessions = new Set<ClientSession>();
  /** Those that take several requests at a time. */
  readonly #multiplexed = new Set<ClientSession>();
  /** Those of them that finish what they have: for how long is the server's affair, and they hold no place. */
  readonly #leaving = new Set<ClientSession>();
  /** Those without a request; the one used last is taken first, so that others can go. */
  readonly #idle: ClientSession[] = [];
  readonly #waiting = new RequestQueue();
  readonly #attempts = new Set<Attempt>();
  /** Requests that a connection takes at a time, as the latest did. */
  #perSession = 1;
  #isClosed = false;
  readonly #giveUp = new AbortController();

  constructor(origin: Origin, kind: Http1Kind, owner: PoolOwner) {
    this.origin = origin;
    this.#kind = kind;
    this.#owner = owner;
  }

  get sessions(): Iterable<ClientSession> {
    return this.#sessions;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get opening(): number {
    return this.#attempts.size;
  }

  /** Attempts that are somebody's. */
  get #pending(): number {
    let count = 0;
    for (const { isLeft } of this.#attempts) if (!isLeft) count++;
    return count;
  }

  /** Connections that take requests, now or later. */
  get #places(): number {
    return this.#sessions.size - this.#leaving.size;
  }

  /** Sends `request` on a connection that has room, or as soon as there is one. */
  send(request: PreparedRequest): IncomingResponse | Promise<IncomingResponse> {
    const session = this.#free();
    if (session !== undefined) return session.send(request);
    return this.#wait(request);
  }

  #free(): ClientSession | undefined {
    for (;;) {
      const session = this.#idle.pop();
      if (session === undefined) break;
      this.#owner.onBusy(session);
      if (session.hasRoom) return session;
    }
    for (const session of this.#multiplexed) if (session.hasRoom) return session;
    return undefined;
  }

  #wait(request: PreparedRequest): Promise<IncomingResponse> {
    const { maxQueuedRequests, queueTimeoutMs } = this.#owner.limits;
    if (!this.#owner.mayWait) {
      throw httpErrors.create(
        "KING_HTTP_QUEUE_LIMIT",
        `expected at most ${maxQueuedRequests} requests that wait for a connection, got another`,
        { limit: maxQueuedRequests },
      );
    }
    this.#owner.onWaiting(1);
    return new Promise((resolve, reject) => {
      const { signal, limits } = request;
      let timer: Timer | undefined;
      const settle = () => {
        this.#owner.onWaiting(-1);
        timer?.cancel();
        signal?.removeEventListener("abort", onAbort);
      };
      const waiting: Waiting = {
        serve: (session) => {
          try {
            resolve(session.send(request));
          } catch (error) {
            reject(error);
          }
          settle();
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      const leave = (error: unknown) => {
        this.#waiting.remove(waiting);
        waiting.fail(error);
        this.#leaveAttempt();
        this.#checkEmpty();
      };
      const onAbort = () => leave(signal?.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      const leftMs = request.deadlineMs - limits.clock.monotonic();
      const [phase, timeoutMs] =
        leftMs < queueTimeoutMs
          ? (["total", limits.timeoutMs] as const)
          : (["queue", queueTimeoutMs] as const);
      timer = limits.clock.after(Math.max(0, Math.min(leftMs, queueTimeoutMs)), () =>
        leave(timeoutError(request, phase, timeoutMs)),
      );
      this.#waiting.push(waiting);
      this.#openMore();
    });
  }

  /** A request waits no longer: an attempt that only it needed may last, and is no reason for others to wait. */
  #leaveAttempt(): void {
    if ((this.#pending - 1) * this.#perSession < this.#waiting.length) return;
    for (const attempt of this.#attempts) {
      if (attempt.isLeft) continue;
      attempt.isLeft = true;
      return;
    }
  }

  /** Opens as many connections as the requests that wait for one need. */
  #openMore(): void {
    const { maxSessionsPerOrigin } = this.#owner.limits;
    while (
      this.#pending * this.#perSession < this.#waiting.length &&
      this.#places + this.#attempts.size < maxSessionsPerOrigin &&
      // The first tells whether one is enough for all.
      !(this.#pending > 0 && this.#places === 0 && this.#mayMultiplex)
    ) {
      void this.#open();
    }
  }

  get #mayMultiplex(): boolean {
    const { connections } = this.#owner;
    return connections.negotiates(this.origin) || !connections.protocols.includes("h1");
  }

  async #open(): Promise<void> {
    const isForAll = this.#places === 0 && this.#mayMultiplex;
    const attempt: Attempt = { isLeft: false };
    this.#attempts.add(attempt);
    const { connections, limits } = this.#owner;
    let session: ClientSession;
    try {
      session = await openClientSession(connections, this.origin, this.#kind, {
        keepAliveTimeoutMs: limits.keepAliveTimeoutMs,
        isLasting: true,
        quic: this.#owner.quicTargetOf(this.origin),
        signal: this.#giveUp.signal,
      });
    } catch (error) {
      this.#attempts.delete(attempt);
      // Whoever waits longest, where others have attempts of their own: else they would time out one by one.
      const concerned = attempt.isLeft ? 0 : isForAll ? this.#waiting.length : 1;
      for (let left = concerned; left > 0; left--) {
        this.#waiting.shift()?.fail(error);
      }
      this.#openMore();
      this.#checkEmpty();
      return;
    }
    this.#attempts.delete(attempt);
    this.#owner.onOpened();
    this.#perSession = Math.max(1, session.maxRequests);
    this.#sessions.add(session);
    if (session.protocol !== "h1") this.#multiplexed.add(session);
    session.onEnd = this.#onEnd;
    session.onRoom = this.#onRoom;
    session.onLeaving = this.#onLeaving;
    if (this.#isClosed) session.abort();
    else this.#onRoom(session);
    this.#openMore();
  }

  readonly #onEnd = (session: ClientSession): void => {
    this.#sessions.delete(session);
    this.#multiplexed.delete(session);
    this.#leaving.delete(session);
    this.#dropIdle(session);
    this.#openMore();
    this.#checkEmpty();
  };

  readonly #onLeaving = (session: ClientSession): void => {
    if (!this.#multiplexed.delete(session)) return;
    this.#leaving.add(session);
    this.#openMore();
  };

  #dropIdle(session: ClientSession): void {
    const at = this.#idle.indexOf(session);
    if (at === -1) return;
    this.#idle.splice(at, 1);
    this.#owner.onBusy(session);
  }

  /** `session` has room: for who waits, or else it is kept, as far as there may be idle ones. */
  readonly #onRoom = (session: ClientSession): void => {
    while (session.hasRoom) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) break;
      waiting.serve(session);
    }
    if (!session.isIdle || !session.hasRoom || this.#idle.includes(session)) return;
    this.#idle.push(session);
    this.#owner.onIdle(session, this);
    if (this.#idle.length > this.#owner.limits.maxIdlePerOrigin) {
      const [longest] = this.#idle;
      if (longest !== undefined) this.retire(longest);
    }
  };

  /** Ends a connection that is idle. */
  retire(session: ClientSession): void {
    this.#dropIdle(session);
    void session.close();
  }

  #checkEmpty(): void {
    if (this.#sessions.size + this.#attempts.size + this.#waiting.length === 0)
      this.#owner.onEmpty(this);
  }

  /** Takes no further requests, and ends what it has once it is done. */
  async close(): Promise<void> {
    this.#refuseWaiting();
    await Promise.all(
      [...this.#sessions].map((session) => session.close({ deadlineMs: Number.POSITIVE_INFINITY })),
    );
  }

  abort(reason: unknown): void {
    this.#refuseWaiting(reason);
    for (const session of this.#sessions) session.abort(reason);
  }

  #refuseWaiting(reason?: unknown): void {
    this.#isClosed = true;
    this.#giveUp.abort(reason);
    const error =
      reason ?? streamErrors.create("KING_SESSION_CLOSED", "the client was closed meanwhile", {});
    for (;;) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return;
      waiting.fail(error);
    }
  }
}
