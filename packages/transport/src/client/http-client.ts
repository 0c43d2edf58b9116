import {
  abortedHere,
  type Closable,
  type Closed,
  type CloseOptions,
  checkObject,
  type HasSection,
  KingError,
  Lifetime,
  optionError,
  type Random,
  resolveOptions,
  type Session,
  streamErrors,
  systemRandom,
} from "@king-runtime/core";
import { poolSection, type requestSection, type tlsSection } from "../config.ts";
import { type Alternative, AltSvcCache } from "./alt-svc.ts";
import type { ClientSession } from "./client-session.ts";
import { observed } from "./client-telemetry.ts";
import { type ConnectionOptions, connectionOthers } from "./connection-options.ts";
import { Connections } from "./connections.ts";
import { type ExchangeOptions, exchangeOthers } from "./exchange-options.ts";
import type { HttpClientResponse } from "./http-client-response.ts";
import type { IncomingResponse } from "./incoming-response.ts";
import { http1KindFor } from "./open-client-session.ts";
import { OriginPool, type PoolOwner } from "./origin-pool.ts";
import type { CircuitState } from "./policies/circuit.ts";
import {
  type ExchangePolicyOptions,
  exchangePolicyNames,
  Policies,
  type PolicyOptions,
  policyNames,
} from "./policies/policies.ts";
import { originOf, parseUrl, prepareRequest } from "./prepare-request.ts";
import type { Origin, PreparedRequest } from "./prepared-request.ts";
import type { QuicTarget } from "./quic-dialler.ts";
import { isRepeatable } from "./request-body.ts";

/** Options of {@link createHttpClient}; keys of the sections `request` and `pool` may be given here too. */
export interface CreateHttpClientOptions
  extends ConnectionOptions,
    PolicyOptions,
    Omit<ExchangeOptions, (typeof exchangeOthers)[number]> {
  config?: HasSection<typeof requestSection> &
    HasSection<typeof tlsSection> &
    HasSection<typeof poolSection>;
  maxSessionsPerOrigin?: number;
  maxIdlePerOrigin?: number;
  maxIdleSessions?: number;
  maxQueuedRequests?: number;
  queueTimeoutMs?: number;
  keepAliveTimeoutMs?: number;
  /** For delays at random. @default systemRandom */
  random?: Random;
}

/** What one request of a client is. */
export interface ClientRequestOptions extends ExchangeOptions, ExchangePolicyOptions {}

/** Numbers of a client since it was made. */
export interface HttpClientStats {
  readonly sessionsOpened: number;
  readonly sessionsActive: number;
  readonly sessionsIdle: number;
  readonly sessionsOpening: number;
  readonly requestsSent: number;
  /** Those that wait for a connection. */
  readonly requestsWaiting: number;
  /** Sent once more because a connection had gone that was kept: the server has not seen them. */
  readonly requestsRepeated: number;
  /** Attempts beyond the first that `retry` and `hedge` made. */
  readonly retries: number;
  /** Those they did not make, for the budget was spent. */
  readonly refusedByBudget: number;
}

/** Makes requests on connections that it owns and keeps. */
export interface HttpClient extends Closable<Closed> {
  /**
   * Makes a request. Read the body or dispose of the response (`await using`): until then it occupies
   * its connection.
   *
   * A request that the server cannot have seen is sent again by itself, one that is idempotent also when the
   * connection it was sent on had been kept and ended without a byte of an answer.
   *
   * @throws {KingError} KING_NET_*, KING_HTTP_*, KING_SESSION_CLOSED when the client is closed; the reason of `signal`.
   */
  request(url: string | URL, options?: ClientRequestOptions): Promise<HttpClientResponse>;
  /** Of an origin such as `"https://example.com"`; `"closed"` without `circuitBreaker`. */
  circuit(origin: string): CircuitState;
  /** Where else an https: origin has said that it can be asked (Alt-Svc, RFC 7838). Nothing is sent there. */
  alternatives(origin: string): readonly Alternative[];
  /** Connections that are open now. */
  sessions(): Iterable<Session>;
  stats(): HttpClientStats;
}

const others = [...connectionOthers, ...Object.keys(poolSection.keys), ...policyNames, "random"];
const requestOthers = [...exchangeOthers, ...exchangePolicyNames];
/** How often a request is sent again that the server cannot have seen. */
const maxRepeats = 3;

/**
 * Makes a client with a pool of its own: nothing is shared with another. The caller closes it.
 *
 * @throws {KingError} KING_OPTION_INVALID, KING_CONFIG_LOCKED, KING_NET_TLS when key and certificate do not fit.
 */
export function createHttpClient(options: CreateHttpClientOptions = {}): HttpClient {
  checkObject("options", options);
  return new PooledHttpClient(options);
}

class PooledHttpClient extends Lifetime<Closed> implements HttpClient, PoolOwner {
  protected override readonly kind = "client";
  readonly connections: Connections;
  readonly limits: PoolOwner["limits"];
  readonly #pools = new Map<string, OriginPool>();
  /** Of all pools; the one idle for longest is the first. */
  readonly #idle = new Map<ClientSession, OriginPool>();
  readonly #policies: Policies;
  readonly #altSvc: AltSvcCache;
  /** Ends what the policies wait for. */
  readonly #cut = new AbortController();
  /** Requests whose outcome is open: with further attempts and redirects still to come. */
  #calls = 0;
  #waiting = 0;
  #opened = 0;
  #sent = 0;
  #repeated = 0;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(options: CreateHttpClientOptions) {
    super();
    this.connections = new Connections(options, others);
    const pooling = Object.fromEntries(
      Object.entries(options).filter(([name]) => Object.hasOwn(poolSection.keys, name)),
    );
    this.limits = resolveOptions(poolSection, pooling, { config: options.config });
    const { random = systemRandom } = options;
    if (typeof random?.next !== "function") throw optionError("random", "expected a Random");
    const { clock } = this.connections.limits;
    const send = observed((request) => this.#dispatch(request));
    this.#policies = new Policies(options, send, { clock, random, cut: this.#cut.signal });
    this.#altSvc = new AltSvcCache({ clock });
  }

  protected override get clock() {
    return this.connections.limits.clock;
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.closing || this.#aborted !== undefined ? "draining" : "open";
  }

  async request(
    url: string | URL,
    options: ClientRequestOptions = {},
  ): Promise<HttpClientResponse> {
    if (this.state !== "open") {
      throw streamErrors.create("KING_SESSION_CLOSED", "expected a client that is open", {});
    }
    checkObject("options", options);
    const parsed = parseUrl(url);
    const limits = this.connections.limitsOf(options, requestOthers);
    const request = prepareRequest(parsed, this.#originOf(parsed), options, limits);
    options.signal?.throwIfAborted();
    this.#calls++;
    try {
      return await this.#policies.send(request, options);
    } finally {
      this.#calls--;
      if (this.#calls === 0 && this.closing) void this.#endSessions();
    }
  }

  #originOf(url: URL) {
    return this.#pools.get(url.origin)?.origin ?? originOf(url);
  }

  async #dispatch(request: PreparedRequest): Promise<IncomingResponse> {
    for (let repeats = 0; ; repeats++) {
      let response: IncomingResponse | undefined;
      if (this.#aborted !== undefined) throw this.#aborted.reason;
      try {
        const sent = this.#poolFor(request).send(request);
        this.#sent++;
        response = sent instanceof Promise ? await sent : sent;
        await response.arrived;
        if (request.origin.secure) this.#learnAlternatives(request, response);
        return response;
      } catch (error) {
        if (repeats >= maxRepeats || this.#aborted !== undefined) throw error;
        if (!isUnseen(error, request, response)) throw error;
        this.#repeated++;
      }
    }
  }

  #learnAlternatives({ origin }: PreparedRequest, response: IncomingResponse): void {
    const field = response.fieldOf("alt-svc");
    if (field === undefined) return;
    const age = Number(response.fieldOf("age") ?? 0);
    this.#altSvc.learn(origin, field, { ageSeconds: Number.isFinite(age) ? age : 0 });
  }

  circuit(origin: string): CircuitState {
    return this.#policies.circuit(origin);
  }

  alternatives(origin: string): readonly Alternative[] {
    return this.#altSvc.alternatives({ text: origin });
  }

  #poolFor(request: PreparedRequest): OriginPool {
    const { origin } = request;
    const kind = http1KindFor(request);
    const key = kind === "plain" ? origin.text : `${origin.text} ${kind}`;
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = new OriginPool(origin, kind, this);
      this.#pools.set(key, pool);
    }
    return pool;
  }

  get mayWait(): boolean {
    return this.#waiting < this.limits.maxQueuedRequests;
  }

  onWaiting(change: 1 | -1): void {
    this.#waiting += change;
  }

  onOpened(): void {
    this.#opened++;
  }

  onIdle(session: ClientSession, pool: OriginPool): void {
    this.#idle.set(session, pool);
    if (this.#idle.size <= this.limits.maxIdleSessions) return;
    for (const [longest, its] of this.#idle) {
      its.retire(longest);
      return;
    }
  }

  onBusy(session: ClientSession): void {
    this.#idle.delete(session);
  }

  onEmpty(pool: OriginPool): void {
    for (const [key, each] of this.#pools) if (each === pool) this.#pools.delete(key);
    this.#checkEnd();
  }

  quicTargetOf(origin: Origin): QuicTarget | undefined {
    if (!this.connections.protocols.includes("h3")) return undefined;
    return this.#altSvc.alternatives(origin).find(({ protocol }) => protocol === "h3");
  }

  *sessions(): Iterable<Session> {
    for (const pool of this.#pools.values()) yield* pool.sessions;
  }

  stats(): HttpClientStats {
    let sessionsActive = 0;
    let sessionsOpening = 0;
    for (const pool of this.#pools.values()) {
      sessionsActive += [...pool.sessions].length;
      sessionsOpening += pool.opening;
    }
    return {
      sessionsOpened: this.#opened,
      sessionsActive,
      sessionsIdle: this.#idle.size,
      sessionsOpening,
      requestsSent: this.#sent,
      requestsWaiting: this.#waiting,
      requestsRepeated: this.#repeated,
      ...this.#policies.stats(),
    };
  }

  protected override beginClose(_options: CloseOptions): void {
    if (this.#calls === 0) void this.#endSessions();
  }

  async #endSessions(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
    this.#checkEnd();
  }

  #checkEnd(): void {
    const over = (this.closing && this.#calls === 0) || this.#aborted !== undefined;
    if (!over || this.#pools.size > 0) return;
    const error = this.#aborted?.reason;
    this.finish({
      by: "local",
      clean: this.#aborted === undefined,
      ...(error instanceof Error ? { error } : {}),
    });
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined || this.#aborted !== undefined) return;
    this.#aborted = { reason: reason ?? abortedHere("client") };
    this.#cut.abort(this.#aborted.reason);
    for (const pool of [...this.#pools.values()]) pool.abort(this.#aborted.reason);
    this.#checkEnd();
  }
}

/** Whether the server cannot have acted on a request that failed, as far as anybody can tell. */
function isUnseen(
  error: unknown,
  request: PreparedRequest,
  response: IncomingResponse | undefined,
): boolean {
  if (response === undefined || !KingError.is(error, "KING_HTTP_ABORTED")) return false;
  if (!isRepeatable(request.body) || response.isAnswered) return false;
  if (error.details["processed"] === false) return true;
  // The server may end a connection that is kept just when a request is on its way (RFC 9112, section 9.3.1).
  const { isGone, isUsed } = response.session as ClientSession;
  return request.idempotent && isUsed && isGone;
}
