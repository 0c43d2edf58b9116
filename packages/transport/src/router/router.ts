import type { Exchange, ExchangeHandler, Upgrade } from "@king-runtime/core";
import { respondProblem } from "../problem.ts";
import { upgradePrefix } from "./route-definition.ts";
import type { RouteParams } from "./route-params.ts";
import { type MatchedParams, RouteTable } from "./route-table.ts";
import { checkFallback, checkRoutes } from "./router-arguments.ts";
import { answerUnmatched } from "./unmatched.ts";

/** An exchange whose client asks for the protocol of the route. */
export type UpgradeExchange = Exchange & { readonly upgrade: Upgrade };

type RoutedExchange<Definition extends string> = Definition extends `UPGRADE ${string}`
  ? UpgradeExchange
  : Exchange;

/** Serves the exchanges of one route. */
export type RouteHandler<Definition extends string = string> = (
  exchange: RoutedExchange<Definition>,
  params: RouteParams<Definition>,
) => void | Promise<void>;

/** Options of {@link createRouter}. */
export interface RouterOptions {
  /** Serves what has a path of no route. @default a 404 problem document */
  fallback?: ExchangeHandler;
}

/**
 * A handler that hands each exchange to the route it matches.
 *
 * A route is defined by method and path: `"GET /users/:id"`. A segment is plain decoded text, `:name`
 * for one that is not empty, or, at the end, `*name` or `*` for one or more of any kind. The handler
 * gets a segment as string and a rest as array, each decoded once, so that an encoded slash stays
 * within its segment. `* /path` takes every method that has no route of its own there, and
 * `UPGRADE websocket /path` upgrade requests: GET on HTTP/1.1, extended CONNECT on HTTP/2.
 *
 * Of several routes that match, the one is taken that is more exact in the first segment where they
 * differ: text before `:name` before `*`; the order of definition does not matter. Paths are compared
 * strictly: `/users`, `/users/` and `//users` are three, case counts, and `.` or `..` segments, encoded
 * or not, are answered 400, as are backslashes and percent-encoding that is none.
 *
 * By itself it serves HEAD by the route for GET, and answers OPTIONS with 204 and `Allow`; 404; 405
 * with `Allow`; 426 where an HTTP/1.1 client could only upgrade; 501 for a method, or a protocol of an
 * extended CONNECT, that no route knows.
 *
 * @throws {KingError} KING_OPTION_INVALID for a malformed definition, and two for the same requests.
 */
export function createRouter<const Definition extends string>(
  routes: { readonly [Key in Definition]: RouteHandler<Key> },
  options: RouterOptions = {},
): ExchangeHandler {
  checkRoutes(routes);
  const fallback = checkFallback(options);
  const table = new RouteTable<AnyHandler>(
    routes as unknown as Readonly<Record<string, AnyHandler>>,
  );
  return (exchange) => {
    const { method, path, upgrade } = exchange;
    const { protocol } = exchange.session;
    if (upgrade !== undefined && method === (protocol === "h1" ? "GET" : "CONNECT")) {
      const match = table.match(upgradePrefix + upgrade.protocol, path);
      if (match.type === "found") return match.value(exchange, match.params);
    }
    const match = table.match(method, path);
    if (match.type === "found") return match.value(exchange, match.params);
    const asked = upgrade === undefined ? {} : { upgrade: upgrade.protocol };
    const answer = answerUnmatched(match, { method, path, protocol, ...asked }, table.methods);
    if (answer.status === 404 && fallback !== undefined) return fallback(exchange);
    if (answer.status === 204) exchange.respond(204, answer.headers);
    else respondProblem(exchange, answer, answer.headers);
  };
}

type AnyHandler = (exchange: Exchange, params: MatchedParams) => void | Promise<void>;
