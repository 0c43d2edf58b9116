import { optionError, type Session, streamErrors } from "@king-runtime/core";
import type { ClientExchange } from "./client-exchange.ts";
import { ClientSession, maxWaitingRequests } from "./client-session.ts";
import type { ConnectionBelow } from "./connection-below.ts";
import type { Connections } from "./connections.ts";
import { type ExchangeOptions, exchangeOthers } from "./exchange-options.ts";
import type { HttpClientStream } from "./http-client-stream.ts";
import type { IncomingResponse } from "./incoming-response.ts";
import { parseUrl, prepareRequest } from "./prepare-request.ts";
import type { PreparedRequest } from "./prepared-request.ts";

/** What to ask for on a session. Without `body` and with `open`, it is written to the stream. */
export interface SessionRequestOptions extends ExchangeOptions {
  /** Path and query. @default "/" */
  path?: string;
  /** The body is written to the stream and ended there. @default false */
  open?: boolean;
  /** What to do while there is room for no more requests: fail, or wait until there is. @default "refuse" */
  atLimit?: "refuse" | "wait";
}

const others = [...exchangeOthers, "path", "open", "atLimit"];

/** One connection to an origin, opened and closed by its owner. */
export interface HttpClientSession extends Session {
  /** `"h1"` takes one request at a time, `"h2"` and `"h3"` as many as the server allows. */
  readonly protocol: "h1" | "h2" | "h3";
  /**
   * Begins a request. Its response is `(await session.request(…)).response`.
   *
   * @throws {KingError} KING_STREAM_LIMIT when there is no room and `atLimit` does not wait, or too many do;
   * KING_SESSION_CLOSED; KING_HTTP_REQUEST_INVALID, KING_OPTION_INVALID, KING_CONFIG_LOCKED; the reason of `signal`.
   */
  request(options?: SessionRequestOptions): Promise<HttpClientStream>;
}

/** A session whose exchanges are streams. */
export abstract class StreamingSession<Below extends ConnectionBelow = ConnectionBelow>
  extends ClientSession<Below>
  implements HttpClientSession
{
  abstract override readonly protocol: "h1" | "h2" | "h3";
  /** Where its limits come from. */
  connections: Connections | undefined;
  readonly #waiting: (() => void)[] = [];
  #exchange: ClientExchange | undefined;

  /** Begins a request, for which there is room, as a stream. */
  protected abstract open(request: PreparedRequest): ClientExchange;

  protected begin(request: PreparedRequest): IncomingResponse {
    this.#exchange = this.open(request);
    return this.#exchange.incoming;
  }

  async request(options: SessionRequestOptions = {}): Promise<HttpClientStream> {
    const { path = "/", open = false, atLimit = "refuse", signal } = options;
    if (typeof path !== "string" || !path.startsWith("/")) {
      throw optionError("path", 'expected a path that begins with "/"');
    }
    if (typeof open !== "boolean") throw optionError("open", "expected a boolean");
    if (open && options.body !== undefined) throw optionError("open", "expected it without a body");
    if (atLimit !== "refuse" && atLimit !== "wait") {
      throw optionError("atLimit", 'expected "refuse" or "wait"');
    }
    const limits = this.connections?.limitsOf(options, others) ?? this.limits;
    const url = parseUrl(`${this.origin.text}${path}`);
    const request = prepareRequest(url, this.origin, options, limits, open);
    signal?.throwIfAborted();
    if (atLimit === "wait") while (this.state === "open" && !this.hasRoom) await this.#room(signal);
    this.send(request);
    const exchange = this.#exchange as ClientExchange;
    this.#exchange = undefined;
    return exchange;
  }

  #room(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.length >= maxWaitingRequests) {
      throw streamErrors.create("KING_STREAM_LIMIT", "expected fewer requests that wait", {
        limit: maxWaitingRequests,
      });
    }
    return new Promise((resolve, reject) => {
      const settle = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(settle), 1);
        reject(signal?.reason);
      };
      this.#waiting.push(settle);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  protected override roomMade(): void {
    super.roomMade();
    this.#waiting.shift()?.();
  }

  protected override finish(info: Parameters<ClientSession["finish"]>[0]): void {
    super.finish(info);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
