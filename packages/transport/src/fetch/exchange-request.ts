import type { Exchange } from "@king-runtime/core";
import { checkMethod, requestUrl } from "./request-url.ts";

/**
 * The exchange as a genuine `Request`. Its `signal` aborts when the client goes away; a copy made by
 * `new Request(request)` has a signal of its own, unless it is given this one. `clone()` keeps it.
 *
 * @throws {KingError} KING_HTTP_REQUEST_INVALID when its method, scheme, target or authority is one that a
 * `Request` cannot have; `details.option` names it.
 */
export function toRequest(exchange: Exchange): Request {
  checkMethod(exchange.method);
  return genuineRequest(exchange, requestUrl(exchange));
}

/** @internal */
export function genuineRequest(exchange: Exchange, url: string): Request {
  return new ExchangeRequest(exchange, url) as unknown as Request;
}

// The platform's types have properties where the platform has accessors and methods.
const RequestBase = Request as unknown as new (
  url: string,
  init: RequestInit | undefined,
) => { readonly headers: Headers };

/** Follows the client's end by itself: to have the platform follow a signal costs more than all else. */
class ExchangeRequest extends RequestBase {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange, url: string) {
    super(url, initOf(exchange));
    this.#exchange = exchange;
    const { headers } = this;
    for (const [name, value] of exchange.headers) headers.append(name, value);
  }

  get signal(): AbortSignal {
    return this.#exchange.signal;
  }

  clone(): Request {
    const copy = Request.prototype.clone.call(this);
    return new Request(copy, { signal: this.signal });
  }
}

/**
 * Whether there is a body, as far as the head says: over HTTP/1.1 by its framing (RFC 9112, section 6.3),
 * over others unless it is announced to be empty.
 */
function bringsBody({ headers, session }: Exchange): boolean {
  const length = headers.get("content-length");
  if (length !== undefined) return Number(length) > 0;
  return session.protocol !== "h1" || headers.get("transfer-encoding") !== undefined;
}

function initOf(exchange: Exchange): RequestInit | undefined {
  const { method } = exchange;
  if (method === "GET") return undefined;
  if (method === "HEAD" || !bringsBody(exchange)) return { method };
  return { method, body: exchange.readable, duplex: "half" } as RequestInit;
}
