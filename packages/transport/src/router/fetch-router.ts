import { optionError } from "@king-runtime/core";
import { problemResponse } from "../problem-response.ts";
import { upgradePrefix } from "./route-definition.ts";
import type { RouteParams } from "./route-params.ts";
import { type MatchedParams, RouteTable } from "./route-table.ts";
import { checkFallback, checkRoutes } from "./router-arguments.ts";
import { answerUnmatched } from "./unmatched.ts";

/** Serves the requests of one route; `context` is what the router itself was called with. */
export type FetchRouteHandler<Definition extends string = string, Context = unknown> = (
  request: Request,
  params: RouteParams<Definition>,
  context: Context,
) => Response | Promise<Response>;

/** Options of {@link createFetchRouter}. */
export interface FetchRouterOptions<Context = unknown> {
  /** Serves what has a path of no route. @default a 404 problem document */
  fallback?: (request: Request, context: Context) => Response | Promise<Response>;
}

/**
 * {@link createRouter} for Fetch handlers: the same definitions, but for upgrades, which a `Request`
 * cannot make. A second argument, such as the context of `fromFetch`, is handed on to the routes.
 *
 * The URL of a `Request` has gone through the URL standard, which takes `.` and `..` segments out,
 * encoded or not, and makes `/` of `\`. `fromFetch` refuses paths of which that would make others; a request
 * that comes from elsewhere is routed by what it has become.
 *
 * @throws {KingError} KING_OPTION_INVALID for a malformed definition, and two for the same requests.
 */
export function createFetchRouter<const Definition extends string, Context = unknown>(
  routes: { readonly [Key in Definition]: FetchRouteHandler<Key, Context> },
  options: FetchRouterOptions<Context> = {},
): (request: Request, context?: Context) => Response | Promise<Response> {
  checkRoutes(routes);
  const upgrade = Object.keys(routes).find((definition) => definition.startsWith(upgradePrefix));
  if (upgrade !== undefined) {
    throw optionError(`routes[${JSON.stringify(upgrade)}]`, "expected no upgrade of a Request");
  }
  const fallback = checkFallback(options);
  const table = new RouteTable<AnyHandler<Context>>(
    routes as unknown as Readonly<Record<string, AnyHandler<Context>>>,
  );
  return (request, context) => {
    const { method } = request;
    const path = pathOf(request.url);
    const match = table.match(method, path);
    if (match.type === "found") return match.value(request, match.params, context as Context);
    const answer = answerUnmatched(match, { method, path, protocol: "fetch" }, table.methods);
    if (answer.status === 404 && fallback !== undefined)
      return fallback(request, context as Context);
    const headers = answer.headers as Record<string, string> | undefined;
    if (answer.status === 204) return new Response(null, { status: 204, headers: { ...headers } });
    return problemResponse(answer, headers);
  };
}

type AnyHandler<Context> = (
  request: Request,
  params: MatchedParams,
  context: Context,
) => Response | Promise<Response>;

/** The path of an absolute URL that the URL standard has written, without parsing it again. */
function pathOf(url: string): string {
  const from = url.indexOf("/", url.indexOf("://") + 3);
  const to = url.slice(from).search(/[?#]/);
  return to === -1 ? url.slice(from) : url.slice(from, from + to);
}
