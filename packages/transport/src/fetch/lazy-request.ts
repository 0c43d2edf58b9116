import type { Exchange } from "@king-runtime/core";
import { genuineRequest } from "./exchange-request.ts";
import { forwardMembers, genuine } from "./forwarding.ts";
import { checkMethod, requestUrl } from "./request-url.ts";

/** The exchange as a {@link LazyRequest}. @throws as `toRequest` does. */
export function toLazyRequest(exchange: Exchange): Request {
  checkMethod(exchange.method);
  return new LazyRequest(exchange, requestUrl(exchange)) as unknown as Request;
}

/** Whatever the platform's `Request` has, asked of the genuine request. */
const Forwarding = /* @__PURE__ */ (() => {
  function forwarding() {}
  forwarding.prototype = Object.create(Request.prototype);
  forwardMembers(forwarding.prototype, Request.prototype);
  return forwarding as unknown as new () => object;
})();

/** Becomes genuine when more than method, URL or signal is asked for. */
class LazyRequest extends Forwarding {
  readonly #exchange: Exchange;
  readonly #url: string;
  #href: string | undefined;
  #whole: Request | undefined;

  constructor(exchange: Exchange, url: string) {
    super();
    this.#exchange = exchange;
    this.#url = url;
  }

  get [genuine](): Request {
    this.#whole ??= genuineRequest(this.#exchange, this.#url);
    return this.#whole;
  }

  get method(): string {
    return this.#exchange.method;
  }

  get url(): string {
    // What came need not be in its normal form.
    this.#href ??= new URL(this.#url).href;
    return this.#href;
  }

  get signal(): AbortSignal {
    return this.#exchange.signal;
  }
}
