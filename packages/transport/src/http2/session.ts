import { constants, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { BaseSession, type CloseOptions, type SessionStats } from "@king-runtime/core";
import { lingerMs } from "../http-exchange.ts";
import type { HttpLimits } from "../limits.ts";
import { socketFacts } from "../socket-facts.ts";
import type { Http2Exchange } from "./exchange.ts";

/** An HTTP/2 connection on the server's side. */
export class Http2Session extends BaseSession {
  override readonly role = "server";
  override readonly protocol = "h2";
  readonly limits: HttpLimits;
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #active = new Set<Http2Exchange>();
  #opened = 0;
  #aborted: unknown;
  #cut = 0;
  #idleMs = 0;

  constructor(session: ServerHttp2Session, socket: Socket, limits: HttpLimits) {
    super();
    this.#session = session;
    this.#socket = socket;
    this.limits = limits;
    Object.assign(this, socketFacts(socket));
    let failure: Error | undefined;
    session.on("error", (error) => {
      failure = error;
    });
    session.on("goaway", (code) => this.emit({ type: "goaway", code }));
    // Those that are under way when the connection breaks; each then closes by itself.
    socket.once("close", () => {
      this.#cut += this.#active.size;
    });
    session.once("close", () => {
      const local = this.#aborted !== undefined || this.closing;
      const error = this.#aborted ?? failure;
      const streamsAborted = this.#cut;
      this.finish({
        by: local ? "local" : failure === undefined ? "peer" : "network",
        clean: streamsAborted === 0 && this.#aborted === undefined && failure === undefined,
        streamsAborted,
        ...(error instanceof Error ? { error } : {}),
      });
    });
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.closing ? "draining" : "open";
  }

  /** Resolves when the connection is closed. */
  get left(): Promise<unknown> {
    return this.closed;
  }

  get exchangesActive(): number {
    return this.#active.size;
  }

  protected override get clock() {
    return this.limits.clock;
  }

  opened(exchange: Http2Exchange): void {
    this.#opened++;
    this.#active.add(exchange);
  }

  released(exchange: Http2Exchange): void {
    this.#active.delete(exchange);
  }

  sweep(tickMs: number): void {
    for (const exchange of this.#active) exchange.sweep(tickMs);
    this.#idleMs = this.#active.size === 0 ? this.#idleMs + tickMs : 0;
    if (!this.closing && this.#idleMs > this.limits.keepAliveTimeoutMs) {
      this.#idleMs = 0;
      void this.close();
    }
    // The client was told, and has nothing more to get: it need not be waited for.
    if (this.closing && this.#idleMs > lingerMs) this.#socket.destroy();
  }

  stats(): SessionStats {
    const plain = this.tls === undefined;
    return {
      ...(plain ? { wireBytesSent: this.#socket.bytesWritten } : {}),
      ...(plain ? { wireBytesReceived: this.#socket.bytesRead } : {}),
      streamsOpened: this.#opened,
      streamsActive: this.#active.size,
    };
  }

  protected override beginClose(options: CloseOptions): void {
    // Tells the client which requests are still served (RFC 9113, section 6.8), then waits for them.
    if (options.code !== undefined) this.#session.goaway(options.code);
    this.#session.close();
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined) return;
    this.#aborted ??= reason ?? new Error("the session was aborted");
    for (const exchange of this.#active) {
      this.#cut++;
      this.#active.delete(exchange);
      exchange.abort(this.#aborted);
    }
    this.#session.destroy(undefined, constants.NGHTTP2_CANCEL);
    // Otherwise node waits for the client to end its half.
    this.#socket.destroy();
  }
}
