import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { CloseOptions, Stream } from "@king-runtime/core";
import { abortedHere } from "@king-runtime/core";
import { httpErrors } from "../errors.ts";
import { lingerMs } from "../http-exchange.ts";
import type { HttpLimits } from "../limits.ts";
import type { ProxiedEndpoints } from "../proxy-protocol/header.ts";
import { SocketSession } from "../socket-session.ts";
import { ClientBudget } from "./client-budget.ts";
import type { Http2Exchange } from "./exchange.ts";
import type { InputWatch } from "./input-watch.ts";
import { UpgradedHttp2Stream } from "./upgraded-stream.ts";

const untilDone: CloseOptions = { deadlineMs: Number.POSITIVE_INFINITY };

/** An HTTP/2 connection on the server's side. */
export class Http2Session extends SocketSession<Http2Exchange> {
  override readonly protocol = "h2";
  readonly #session: ServerHttp2Session;
  /** Accepted extended CONNECTs, which belong to whoever accepted them. */
  readonly #upgraded = new Set<UpgradedHttp2Stream>();
  readonly #budget = new ClientBudget();
  #cut = 0;
  #idleMs = 0;
  /** Time until the client's SETTINGS came, with which its preface is complete; -1 after that. */
  #prefaceMs = 0;

  constructor(
    session: ServerHttp2Session,
    socket: Socket,
    limits: HttpLimits,
    proxied?: ProxiedEndpoints,
  ) {
    super(socket, limits, proxied);
    this.#session = session;
    let failure: Error | undefined;
    session.on("error", (error) => {
      failure = error;
    });
    session.once("remoteSettings", () => {
      this.#prefaceMs = -1;
    });
    session.on("goaway", (code) => this.emit({ type: "goaway", code }));
    // Those that are under way when the connection breaks; each then closes by itself.
    socket.once("close", () => {
      this.#cut += this.active.size;
    });
    session.once("close", () => {
      this.leave();
      this.finishConnection(failure, this.#cut);
    });
  }

  /** Bytes of a body arrived. */
  arrived(bytes: number): void {
    this.#budget.useful(bytes);
  }

  /** The client gave a stream up, or broke it, before its response was whole. */
  broken(): void {
    if (this.#budget.broken()) this.#calm("fewer streams that end without a response");
  }

  /** Ends the connection of a client that makes us work for nothing (RFC 9113, section 10.5). */
  #calm(expected: string): void {
    if (this.#session.destroyed || this.aborted !== undefined) return;
    const error = httpErrors.create("KING_HTTP_PROTOCOL", `expected ${expected}`, {});
    this.aborted = error;
    this.#cut += this.active.size;
    this.#session.destroy(error, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  released(exchange: Http2Exchange): void {
    this.active.delete(exchange);
    this.#leaveToOwners();
  }

  #leaveToOwners(): void {
    if (this.closing && this.active.size === 0 && this.#upgraded.size > 0) this.leave();
  }

  /** The stream is no longer HTTP's; the connection lives at least until it ends. */
  upgraded(
    exchange: Http2Exchange,
    stream: ServerHttp2Stream,
    input: InputWatch | undefined,
  ): Stream {
    const upgraded = new UpgradedHttp2Stream(stream, input, this.limits);
    this.#upgraded.add(upgraded);
    stream.once("close", () => this.#upgraded.delete(upgraded));
    this.released(exchange);
    return upgraded;
  }

  sweep(tickMs: number): void {
    for (const exchange of this.active) exchange.sweep(tickMs);
    const { bytesRead, bytesWritten } = this.socket;
    if (this.#budget.tick(tickMs, bytesRead, bytesWritten)) this.#calm("fewer frames without use");
    if (this.#prefaceMs !== -1) {
      this.#prefaceMs += tickMs;
      if (this.#prefaceMs > this.limits.headersTimeoutMs) this.socket.destroy();
    }
    const idle = this.active.size === 0 && this.#upgraded.size === 0;
    this.#idleMs = idle ? this.#idleMs + tickMs : 0;
    if (!this.closing && this.#idleMs > this.limits.keepAliveTimeoutMs) {
      this.#idleMs = 0;
      void this.close();
    }
    // The client was told, and has nothing more to get: it need not be waited for.
    const over = this.closing || this.#session.destroyed;
    if (over && this.#idleMs > lingerMs) this.socket.destroy();
  }

  /** Goes on: what comes before the GOAWAY of `close` is served, and later streams are refused unserved. */
  windDown(): void {}

  override opened(exchange: Http2Exchange): void {
    super.opened(exchange);
    this.#budget.useful(exchange.headerBytes);
    if (this.exchangesOpened >= this.limits.maxRequestsPerSession) void this.close(untilDone);
  }

  protected override beginClose(options: CloseOptions): void {
    // Tells the client which requests are still served (RFC 9113, section 6.8), then waits for them.
    if (options.code !== undefined) this.#session.goaway(options.code);
    this.#session.close();
    this.#leaveToOwners();
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined) return;
    this.aborted ??= reason ?? abortedHere("session");
    for (const exchange of this.active) {
      this.#cut++;
      this.active.delete(exchange);
      exchange.abort(this.aborted);
    }
    for (const stream of this.#upgraded) stream.abort(this.aborted);
    this.#session.destroy(undefined, constants.NGHTTP2_CANCEL);
    // Otherwise node waits for the client to end its half.
    this.socket.destroy();
  }
}
