import { constants, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { CloseOptions } from "@king-runtime/core";
import { lingerMs } from "../http-exchange.ts";
import { HttpSession } from "../http-session.ts";
import type { HttpLimits } from "../limits.ts";
import type { Http2Exchange } from "./exchange.ts";

/** An HTTP/2 connection on the server's side. */
export class Http2Session extends HttpSession<Http2Exchange> {
  override readonly protocol = "h2";
  readonly #session: ServerHttp2Session;
  #cut = 0;
  #idleMs = 0;

  constructor(session: ServerHttp2Session, socket: Socket, limits: HttpLimits) {
    super(socket, limits);
    this.#session = session;
    let failure: Error | undefined;
    session.on("error", (error) => {
      failure = error;
    });
    session.on("goaway", (code) => this.emit({ type: "goaway", code }));
    // Those that are under way when the connection breaks; each then closes by itself.
    socket.once("close", () => {
      this.#cut += this.active.size;
    });
    session.once("close", () => {
      this.finishConnection(failure, this.#cut);
    });
  }

  /** Resolves when the connection is closed. */
  get left(): Promise<unknown> {
    return this.closed;
  }

  released(exchange: Http2Exchange): void {
    this.active.delete(exchange);
  }

  sweep(tickMs: number): void {
    for (const exchange of this.active) exchange.sweep(tickMs);
    this.#idleMs = this.active.size === 0 ? this.#idleMs + tickMs : 0;
    if (!this.closing && this.#idleMs > this.limits.keepAliveTimeoutMs) {
      this.#idleMs = 0;
      void this.close();
    }
    // The client was told, and has nothing more to get: it need not be waited for.
    if (this.closing && this.#idleMs > lingerMs) this.socket.destroy();
  }

  protected override beginClose(options: CloseOptions): void {
    // Tells the client which requests are still served (RFC 9113, section 6.8), then waits for them.
    if (options.code !== undefined) this.#session.goaway(options.code);
    this.#session.close();
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined) return;
    this.aborted ??= reason ?? new Error("the session was aborted");
    for (const exchange of this.active) {
      this.#cut++;
      this.active.delete(exchange);
      exchange.abort(this.aborted);
    }
    this.#session.destroy(undefined, constants.NGHTTP2_CANCEL);
    // Otherwise node waits for the client to end its half.
    this.socket.destroy();
  }
}
