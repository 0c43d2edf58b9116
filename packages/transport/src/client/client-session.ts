import {
  abortedHere,
  BaseSession,
  type SessionClosed,
  type SessionStats,
  type Stream,
  streamErrors,
} from "@king-runtime/core";
import type { ConnectionBelow, SocketBelow } from "./connection-below.ts";
import type { IncomingResponse } from "./incoming-response.ts";
import type { Origin, PreparedRequest } from "./prepared-request.ts";
import type { RequestLimits } from "./request-limits.ts";

/** A connection that is ready for HTTP. */
export interface ClientConnection<Below extends ConnectionBelow = SocketBelow> {
  readonly below: Below;
  readonly origin: Origin;
  /** Idle for this long, it ends. */
  readonly keepAliveTimeoutMs: number;
  readonly limits: RequestLimits;
}

/** Requests that wait for room on one session; more are refused. */
export const maxWaitingRequests = 1_024;

/** A request that is under way. */
export interface Begun {
  readonly incoming: IncomingResponse;
}

/** What connections of HTTP share on the client's side. */
export abstract class ClientSession<
  Below extends ConnectionBelow = ConnectionBelow,
  Exchange extends Begun = Begun,
> extends BaseSession {
  override readonly role = "client";
  readonly origin: Origin;
  protected readonly below: Below;
  protected readonly limits: RequestLimits;
  readonly #active = new Set<IncomingResponse>();
  #opened = 0;
  #cut = 0;
  #aborted: { readonly reason: unknown } | undefined;
  #isLeaving = false;
  #isHandedOver = false;
  /** What the connection belongs to since it has left HTTP. */
  #owner: Stream | undefined;
  /** Told when an exchange has ended and there is room for another. */
  onRoom: ((session: ClientSession) => void) | undefined;
  /** Told when it takes no further requests, while some are still under way. */
  onLeaving: ((session: ClientSession) => void) | undefined;
  /** Told of the end. */
  onEnd: ((session: ClientSession) => void) | undefined;

  constructor({ below, origin, limits }: ClientConnection<Below>) {
    super();
    this.below = below;
    this.origin = origin;
    this.limits = limits;
    Object.assign(this, below.facts);
    below.onEnd(() => {
      this.#cut += this.#active.size;
      this.#isLeaving = true;
      // Whoever carries the exchanges fails them first.
      setImmediate(() => this.#end());
    });
  }

  protected override get clock() {
    return this.limits.clock;
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.closing || this.#isLeaving ? "draining" : "open";
  }

  /** What the connection met, once it broke. */
  get failure(): Error | undefined {
    return this.below.failure;
  }

  protected abstract readonly capacity: number;
  /** Begins a request, for which there is room. What it throws has left nothing of the request behind. */
  protected abstract begin(request: PreparedRequest): Exchange;
  /** Ends the connection once nothing is under way. */
  protected abstract leave(code?: number): void;
  /** Ends the connection at once. */
  protected abstract cut(): void;

  /** Whether it takes another request now. */
  get hasRoom(): boolean {
    return this.state === "open" && !this.below.isOver && this.#active.size < this.capacity;
  }

  /** How many requests it takes at a time. */
  get maxRequests(): number {
    return this.capacity;
  }

  get isIdle(): boolean {
    return this.#active.size === 0;
  }

  /** Whether the connection is over, and not some of its exchanges alone. */
  get isGone(): boolean {
    return this.below.isOver;
  }

  /** Whether it has served a request before, so that the server may have given it up meanwhile. */
  get isUsed(): boolean {
    return this.#opened > 1;
  }

  /** Takes no further requests; those under way finish. */
  protected retire(): void {
    this.#isLeaving = true;
    if (this.#active.size === 0) this.leave();
    else this.onLeaving?.(this);
  }

  /**
   * The connection is about to belong to a stream that leaves HTTP: it takes no requests any more. What is given back
   * with is that stream, whose end is the session's, or nothing, when the connection is of no more use.
   *
   * @throws {KingError} KING_STREAM_LIMIT, KING_SESSION_CLOSED.
   */
  protected handOver(): (stream: Stream | undefined) => void {
    this.#checkRoom();
    this.#opened++;
    this.#isLeaving = true;
    this.#isHandedOver = true;
    return (stream) => {
      this.#owner = stream;
      if (stream === undefined) this.cut();
      else void stream.closed.then(() => this.cut());
    };
  }

  #checkRoom(): void {
    if (this.hasRoom) return;
    if (this.state !== "open" || this.isGone) {
      throw streamErrors.create("KING_SESSION_CLOSED", "expected an open session", {});
    }
    const { capacity: limit } = this;
    throw streamErrors.create("KING_STREAM_LIMIT", "expected a free stream, got none", { limit });
  }

  send(request: PreparedRequest): IncomingResponse {
    return this.exchange(request).incoming;
  }

  /**
   * Begins a request.
   *
   * @throws {KingError} KING_STREAM_LIMIT, KING_SESSION_CLOSED, KING_HTTP_REQUEST_INVALID.
   */
  protected exchange(request: PreparedRequest): Exchange {
    this.#checkRoom();
    let begun: Exchange;
    try {
      begun = this.begin(request);
    } catch (error) {
      // It cannot be sent at all: the connection is as it was.
      queueMicrotask(() => this.#goOn());
      throw error;
    }
    this.#opened++;
    // Some requests fail before a byte of them is sent.
    if (begun.incoming.isOver) queueMicrotask(() => this.#goOn());
    else this.#active.add(begun.incoming);
    return begun;
  }

  /** The exchange of `response` is over, and the connection can go on without it. */
  protected released(response: IncomingResponse): void {
    if (this.#active.delete(response)) this.#goOn();
  }

  #goOn(): void {
    if (this.#active.size === 0 && (this.closing || this.#isLeaving)) this.leave();
    else this.roomMade();
  }

  /** There is room for another request. */
  protected roomMade(): void {
    this.onRoom?.(this);
  }

  /** The exchange of `response` was given up here, and the connection with it. */
  protected gaveUp(response: IncomingResponse, reason: unknown): void {
    if (!this.#active.delete(response)) return;
    this.#cut++;
    this.#aborted ??= { reason };
    this.#isLeaving = true;
  }

  protected override beginClose({ code }: { code?: number }): void {
    // A connection that has left HTTP ends with its stream.
    if (this.#active.size === 0 && !this.#isHandedOver) this.leave(code);
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined) return;
    const why = reason ?? abortedHere("session");
    this.#aborted ??= { reason: why };
    this.#isLeaving = true;
    for (const response of this.#active) {
      this.#cut++;
      this.#active.delete(response);
      response.abort(why);
    }
    if (this.#owner !== undefined && this.#owner.state !== "closed") {
      this.#cut++;
      this.#owner.abort(why);
    }
    this.cut();
  }

  /** Why it was ended here, where it was. */
  protected get aborted(): { readonly reason: unknown } | undefined {
    return this.#aborted;
  }

  #end(): void {
    const local = this.#aborted !== undefined || this.closing;
    const error = this.#aborted?.reason ?? this.failure;
    this.finish({
      by: local ? "local" : this.failure === undefined ? "peer" : "network",
      clean: this.#cut === 0 && this.#aborted === undefined && this.failure === undefined,
      streamsAborted: this.#cut,
      ...(error instanceof Error ? { error } : {}),
    });
  }

  protected override finish(info: SessionClosed): void {
    super.finish(info);
    this.onEnd?.(this);
  }

  stats(): SessionStats {
    return {
      ...this.below.stats(),
      streamsOpened: this.#opened,
      streamsActive: this.#active.size,
    };
  }
}
