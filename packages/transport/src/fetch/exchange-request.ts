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

function initOf(exchange: Exchange): RequestInit | undefined {
  const { method } = exchange;
  if (method === "GET") return undefined;
  if (method === "HEAD") return { method };
  return { method, body: exchange.readable, duplex: "half" } as RequestInit;
}
