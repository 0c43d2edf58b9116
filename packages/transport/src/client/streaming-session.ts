import {
  checkObject,
  optionError,
  type Session,
  streamErrors,
  unknownOption,
} from "@king-runtime/core";
import { token } from "../token.ts";
import type { ClientExchange } from "./client-exchange.ts";
import { ClientSession, maxWaitingRequests } from "./client-session.ts";
import type { ConnectionBelow } from "./connection-below.ts";
import type { Connections } from "./connections.ts";
import { type ExchangeOptions, exchangeOthers } from "./exchange-options.ts";
import type { HttpClientResponse } from "./http-client-response.ts";
import type { HttpClientStream } from "./http-client-stream.ts";
import { parseUrl, prepareRequest } from "./prepare-request.ts";
import type { PreparedRequest } from "./prepared-request.ts";
import { timeoutError } from "./request-error.ts";
import { type SessionUpgradeOptions, type UpgradedRequest, upgradeRefused } from "./upgrade.ts";

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
const upgradeOptions = ["protocol", "path", "headers", "headersTimeoutMs", "signal"];

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
  /**
   * Leaves HTTP for another protocol: over HTTP/1.1 by Upgrade, with the whole connection, which belongs to the stream
   * then; over HTTP/2 and /3 by an extended CONNECT (RFC 8441, RFC 9220), with one stream beside others.
   *
   * @throws {KingError} KING_HTTP_UPGRADE_REFUSED for any other answer; KING_STREAM_UNSUPPORTED where the server takes no
   * extended CONNECT; otherwise what {@link request} throws.
   */
  upgrade(options: SessionUpgradeOptions): Promise<UpgradedRequest>;
}

/** A session whose exchanges are streams. */
export abstract class StreamingSession<Below extends ConnectionBelow = ConnectionBelow>
  extends ClientSession<Below, ClientExchange>
  implements HttpClientSession
{
  abstract override readonly protocol: "h1" | "h2" | "h3";
  /** Where its limits come from. */
  connections: Connections | undefined;
  readonly #waiting: (() => void)[] = [];

  async request(options: SessionRequestOptions = {}): Promise<HttpClientStream> {
    checkObject("options", options);
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
    if (atLimit === "refuse" || this.hasRoom) return this.exchange(request);
    try {
      while (this.state === "open" && !this.hasRoom) await this.#room(signal);
      signal?.throwIfAborted();
      return this.exchange(request);
    } finally {
      // Only one was woken, and there may be room for more, or this one has not used it.
      if (this.hasRoom) this.#wakeOne();
    }
  }

  async upgrade(options: SessionUpgradeOptions): Promise<UpgradedRequest> {
    checkObject("options", options);
    const { protocol, path = "/", headers, headersTimeoutMs, signal } = options;
    const unknown = Object.keys(options).find((name) => !upgradeOptions.includes(name));
    if (unknown !== undefined) throw unknownOption(unknown, upgradeOptions);
    if (typeof protocol !== "string" || !token.test(protocol)) {
      throw optionError("protocol", "expected the name of a protocol");
    }
    if (typeof path !== "string" || !path.startsWith("/")) {
      throw optionError("path", 'expected a path that begins with "/"');
    }
    const own = headersTimeoutMs === undefined ? {} : { headersTimeoutMs };
    const base = this.connections?.limitsOf(own, []) ?? this.limits;
    // What comes on the stream, and when, is the protocol's own business.
    const never = Number.POSITIVE_INFINITY;
    const limits = { ...base, bodyIdleTimeoutMs: never, timeoutMs: never };
    const url = parseUrl(`${this.origin.text}${path}`);
    const asked = {
      ...(headers === undefined ? {} : { headers }),
      ...(signal === undefined ? {} : { signal }),
    };
    const request = prepareRequest(url, this.origin, asked, limits, true);
    signal?.throwIfAborted();
    return await this.change(request, protocol);
  }

  /** Asks for `protocol` as a stream of this connection. */
  protected async change(request: PreparedRequest, protocol: string): Promise<UpgradedRequest> {
    if (!(await this.#told(request, this.takesConnect()))) {
      const message = "the server takes no extended CONNECT";
      const details = { capability: "extended-connect", protocol: this.protocol };
      throw streamErrors.create("KING_STREAM_UNSUPPORTED", message, details);
    }
    const { signal, ...asked } = request;
    // The caller's signal is for the asking alone.
    const exchange = this.exchange({
      ...asked,
      signal: undefined,
      method: "CONNECT",
      connectProtocol: protocol,
    });
    // A request without an end of its own; the server has what it needs to answer.
    exchange.incoming.onSent();
    const onAbort = () => exchange.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    let answer: HttpClientResponse;
    try {
      answer = await exchange.response;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
    const { status, headers } = answer;
    if (status >= 200 && status < 300) return { stream: exchange, headers };
    const refused = upgradeRefused(this.origin, protocol, status);
    exchange.abort(refused);
    throw refused;
  }

  /** What `answer` tells, while the request may wait for it. */
  async #told<Answer>(request: PreparedRequest, answer: Promise<Answer>): Promise<Answer> {
    const { signal, limits } = request;
    const { headersTimeoutMs, clock } = limits;
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal?.reason);
    const timer = clock.after(headersTimeoutMs, () =>
      reject(timeoutError(request, "headers", headersTimeoutMs)),
    );
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([answer, givenUp]);
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Whether the server has said that it takes extended CONNECT, once it has said anything. */
  protected abstract takesConnect(): Promise<boolean>;

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
    this.#wakeOne();
  }

  #wakeOne(): void {
    this.#waiting.shift()?.();
  }

  /** Whoever waits for room waits in vain. */
  #wakeAll(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  protected override retire(): void {
    super.retire();
    this.#wakeAll();
  }

  protected override finish(info: Parameters<ClientSession["finish"]>[0]): void {
    super.finish(info);
    this.#wakeAll();
  }
}
