import { type Exchange, type ExchangeHandler, optionError } from "@king-runtime/core";
import { httpErrors } from "../errors.ts";
import { respondProblem } from "../problem.ts";
import { toRequest } from "./exchange-request.ts";
import { toLazyRequest } from "./lazy-request.ts";
import { respondFetch } from "./respond-fetch.ts";

/** What a mounted Fetch handler is told besides the request; Hono calls it `c.env`. */
export interface FetchContext {
  /** For what a `Request` does not have: the session and its peer, early hints, the request id. */
  readonly exchange: Exchange;
}

/** Options of {@link fromFetch}. */
export interface FromFetchOptions {
  /**
   * Hands over requests that become genuine when more than method, URL or signal is asked for, which
   * makes small requests cheaper. They pass `instanceof Request` and have all its members, but the
   * platform's own functions refuse them: write `fetch(request.clone())` and `new Request(request.clone(), …)`.
   *
   * @default false
   */
  lazyRequest?: boolean;
}

/**
 * Mounts a Fetch handler on a listener, such as `fromFetch(app.fetch)`. The request's body streams;
 * its `signal` aborts when the client goes away. A body that fails after the head was sent resets the
 * exchange, so that the client cannot take it for whole.
 *
 * @throws {KingError} KING_OPTION_INVALID
 */
export function fromFetch(
  handler: (request: Request, context: FetchContext) => Response | Promise<Response>,
  options: FromFetchOptions = {},
): ExchangeHandler {
  const { lazyRequest = false, ...unknown } = options;
  const [option] = Object.keys(unknown);
  if (option !== undefined) throw optionError(option, "expected no option but lazyRequest");
  if (typeof handler !== "function") throw optionError("handler", "expected a function");
  if (typeof lazyRequest !== "boolean") throw optionError("lazyRequest", "expected a boolean");
  const makeRequest = lazyRequest ? toLazyRequest : toRequest;
  return (exchange) => {
    let request: Request;
    try {
      request = makeRequest(exchange);
    } catch (error) {
      if (!httpErrors.is(error, "KING_HTTP_REQUEST_INVALID")) throw error;
      respondProblem(exchange, { status: error.details.option === "method" ? 501 : 400 });
      return;
    }
    const outcome = handler(request, { exchange });
    if (outcome instanceof Response) return respondFetch(exchange, outcome);
    return Promise.resolve(outcome).then((response) => respondFetch(exchange, response));
  };
}
