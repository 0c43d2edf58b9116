import type { Socket } from "node:net";
import type { CloseOptions, Stream } from "@king-runtime/core";
import { abortedHere } from "@king-runtime/core";
import { lingerMs } from "../http-exchange.ts";
import type { HttpLimits } from "../limits.ts";
import { NodeStream } from "../node-stream.ts";
import type { ProxiedEndpoints } from "../proxy-protocol/header.ts";
import { SocketSession } from "../socket-session.ts";
import type { Http1Exchange } from "./exchange.ts";

/** An HTTP/1.1 connection on the server's side. */
export class Http1Session extends SocketSession<Http1Exchange> {
  override readonly protocol = "h1";
  #waiting: (() => void)[] = [];
  #upgraded: NodeStream | undefined;
  /** Exchanges that `abort` ended. */
  #cut = 0;
  #lingering = -1;
  #openedSeen = 0;
  #idleBytes = -1;
  #idleMs = 0;
  #headMs = 0;
  #windingDown = false;

  constructor(socket: Socket, limits: HttpLimits, proxied?: ProxiedEndpoints) {
    super(socket, limits, proxied);
    let failure: Error | undefined;
    socket.on("error", (error) => {
      failure = error;
    });
    socket.once("close", () => {
      this.#waiting = [];
      const streamsAborted = this.#cut + this.active.size;
      for (const exchange of [...this.active]) exchange.onSocketClose();
      this.active.clear();
      this.leave();
      this.finishConnection(failure, streamsAborted);
    });
  }

  /** Also where node has forgotten it: it takes its socket from a request that was read in part. */
  get connection(): Socket {
    return this.socket;
  }

  /**
   * Stands in for node, which takes its listeners off the connection when an upgrade or CONNECT comes, while
   * the response before it still waits for room.
   */
  detached(): void {
    this.socket.on("drain", () => {
      for (const exchange of this.active) exchange.onDrain();
    });
  }

  /** Whether the response under way tells the client that the connection ends. */
  get draining(): boolean {
    if (this.exchangesOpened >= this.limits.maxRequestsPerSession) return true;
    return (this.closing || this.#windingDown) && this.#waiting.length === 0;
  }

  windDown(): void {
    this.#windingDown = true;
    for (const exchange of this.active) exchange.onDraining();
  }

  /**
   * Serves requests of a client that sends several at once (RFC 9112, section 9.3.2) one after the
   * other: the next begins when the one before is over.
   */
  inTurn(serve: () => void): void {
    // After a response that ends the connection nothing more is served (RFC 9112, section 9.6).
    if (!this.socket.writable) return;
    // The next request has come, so the one before has arrived whole, read or not.
    for (const exchange of this.active) exchange.supersede();
    if (this.active.size === 0) serve();
    else if (this.#waiting.push(serve) > this.limits.maxPipelinedRequests) {
      this.abort(new Error("more requests at once than maxPipelinedRequests"));
    }
  }

  released(exchange: Http1Exchange): void {
    this.active.delete(exchange);
    if (this.active.size > 0 || this.#upgraded !== undefined) return;
    if (!this.socket.writable) this.#waiting = [];
    const next = this.#waiting.shift();
    if (next !== undefined) next();
    else if (this.closing) this.socket.destroySoon();
  }

  /**
   * What came is not HTTP: ends the connection after the request under way, with it when that is the
   * one that is broken.
   *
   * @returns whether there was one; otherwise nobody has answered yet.
   */
  onParseError(error: Error): boolean {
    const [exchange] = this.active;
    if (exchange === undefined) return false;
    void this.close();
    exchange.onParseError(error);
    return true;
  }

  /** The connection is no longer HTTP's; it lives until the stream ends. */
  upgraded(exchange: Http1Exchange, socket: Socket): Stream {
    this.active.delete(exchange);
    this.#upgraded = new NodeStream(socket, this.limits);
    this.leave();
    return this.#upgraded;
  }

  /**
   * Lets the client finish its request, or at least read the response, when the connection ends with
   * the response (RFC 9112, section 9.6).
   */
  linger(): void {
    if (this.#lingering !== -1) return;
    this.#lingering = 0;
    const socket = this.socket;
    socket.destroySoon = () => {
      if (!socket.writableEnded) socket.end();
    };
  }

  sweep(tickMs: number): void {
    for (const exchange of this.active) exchange.sweep(tickMs);
    if (this.active.size > 0 || this.#upgraded !== undefined) return;
    if (this.#lingering !== -1) {
      this.#lingering += tickMs;
      if (this.#lingering > lingerMs) this.socket.destroy();
    } else this.#sweepIdle(tickMs);
  }

  /** Ends a connection that has been served and then was silent for the keep-alive time. */
  #sweepIdle(tickMs: number): void {
    const { bytesRead } = this.socket;
    if (this.exchangesOpened !== this.#openedSeen) {
      this.#openedSeen = this.exchangesOpened;
      this.#idleBytes = bytesRead;
      this.#idleMs = 0;
      this.#headMs = 0;
    }
    // Further bytes should be the head of a request; whatever they are, they do not go on for ever.
    if (bytesRead !== this.#idleBytes) {
      this.#headMs += tickMs;
      if (this.#headMs > this.limits.headersTimeoutMs + 2 * tickMs) this.socket.destroy();
      return;
    }
    this.#idleMs += tickMs;
    if (this.#idleMs <= this.limits.keepAliveTimeoutMs) return;
    if (this.socket.writableEnded) this.socket.destroy();
    else this.socket.destroySoon();
  }

  protected override beginClose(_options: CloseOptions): void {
    for (const exchange of this.active) exchange.onDraining();
    if (this.active.size === 0 && this.#upgraded === undefined) this.socket.destroySoon();
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined) return;
    this.aborted ??= reason ?? abortedHere("session");
    this.#waiting = [];
    for (const exchange of this.active) {
      this.#cut++;
      this.active.delete(exchange);
      exchange.abort(this.aborted);
    }
    this.#upgraded?.abort(this.aborted);
    this.socket.destroy();
  }
}
