import type { Exchange } from "@king-runtime/core";
import { withFields } from "../middleware/middleware.ts";
import { TokenBuckets } from "../middleware/token-buckets.ts";
import type { Problem } from "../problem.ts";
import { problemResponse } from "../problem-response.ts";
import { createFetchRouter, type FetchRouteHandler } from "../router/fetch-router.ts";
import { adminAuthentication } from "./admin-caller.ts";
import { type AdminOrigin, publishAdmin } from "./admin-event.ts";
import { type AdminOptions, type AdminSubject, resolveAdminOptions } from "./admin-options.ts";
import { AdminProblem } from "./admin-problem.ts";
import { type AdminRoute, adminRoute } from "./admin-route.ts";
import { browserRefusal } from "./browser-refusal.ts";
import { configRoute } from "./config-route.ts";
import { DrainControl } from "./drain-control.ts";
import { readJsonBody } from "./json-body.ts";
import { metricsRoute } from "./metrics-route.ts";
import { openApiDocument } from "./openapi-document.ts";
import { readMembers, readQuery } from "./parameters.ts";
import { probeRoutes } from "./probe-routes.ts";
import { sectionRoutes } from "./section-routes.ts";
import { sessionRoutes } from "./session-routes.ts";
import { statusRoute } from "./status-route.ts";
import { systemRoutes } from "./system-routes.ts";
import { tlsRoute } from "./tls-route.ts";

/**
 * A Fetch handler. Its second argument is the context that `fromFetch` gives: without it nobody shows a
 * certificate, and every request counts as one over loopback.
 */
export type AdminHandler = (
  request: Request,
  context?: { readonly exchange?: Exchange },
) => Promise<Response>;

/** Refused requests of a client that are told of: these at once, and within a minute. */
const refusals = { limit: 10, windowMs: 60_000, maxKeys: 1_000 };

/**
 * Makes the admin API of a running system: what is going on in it, and what an operator may do to it. It serves
 * what it was given something for, and says so in `GET /openapi.json`. Every request has to be authenticated;
 * none of a page in a browser is served. Every action is told of on the diagnostics channel
 * `king:transport:admin`.
 *
 * @throws {KingError} KING_OPTION_INVALID, also where `auth` has neither token nor certificates.
 */
export function createAdminHandler(options: AdminOptions): AdminHandler {
  const subject = resolveAdminOptions(options);
  const { clock, allowedHosts } = subject;
  const authenticate = adminAuthentication(options.auth, clock);
  const serve = routerOf(subject, routesOf(subject, options.auth));
  const buckets = new TokenBuckets(refusals);

  const refuse = (response: Response, exchange: Exchange | undefined): Response => {
    const client = exchange?.session.remote?.address ?? "";
    const { taken, nextMs } = buckets.take(client, clock.monotonic());
    if (!taken) {
      const retryAfter = String(Math.ceil(nextMs / 1_000));
      return problemResponse({ status: 429 }, { "retry-after": retryAfter });
    }
    publishAdmin({ action: "authenticate", outcome: "refused" }, { exchange }, clock);
    return response;
  };

  return async (request, context) => {
    const exchange = context?.exchange;
    const problem = browserRefusal(request, exchange, allowedHosts);
    if (problem !== undefined) {
      await request.body?.cancel();
      return guarded(refuse(problemResponse(problem), exchange));
    }
    const { admitted, response } = await authenticate(request, exchange, (caller) =>
      serve(request, { caller, exchange }),
    );
    return guarded(admitted ? response : refuse(response, exchange));
  };
}

const guarded = (response: Response) =>
  withFields(response, (headers) => {
    headers.set("cache-control", "no-store");
    headers.set("x-content-type-options", "nosniff");
  });

function routesOf(subject: AdminSubject, auth: AdminOptions["auth"]): readonly AdminRoute[] {
  const { system, config, listeners, reloadTls, sections } = subject;
  const drain = system === undefined ? undefined : new DrainControl(system, subject);
  const routes = [
    ...probeRoutes(subject),
    statusRoute(subject, drain),
    metricsRoute(subject),
    ...(system === undefined || drain === undefined ? [] : systemRoutes(system, drain, subject)),
    ...(config === undefined ? [] : [configRoute(config)]),
    ...(listeners === undefined ? [] : sessionRoutes(subject)),
    ...(reloadTls.size === 0 ? [] : [tlsRoute(subject)]),
    ...(sections.size === 0 ? [] : sectionRoutes(subject)),
  ];
  let text = "";
  const description = adminRoute({
    method: "GET",
    path: "/openapi.json",
    id: "openapi",
    summary: "This document",
    answers: { 200: { description: "It.", schema: { type: "object" } } },
    serve: () => new Response(text, { headers: { "content-type": "application/json" } }),
  });
  const all = [...routes, description];
  text = JSON.stringify(openApiDocument(all, auth));
  return all;
}

/** Serves the routes; what fails is a problem, and nobody else's. */
function routerOf(subject: AdminSubject, routes: readonly AdminRoute[]) {
  const handlers = routes.map((route): [string, FetchRouteHandler<string, AdminOrigin>] => [
    `${route.method} ${route.path.replace(/\{(\w+)\}/g, ":$1")}`,
    (request, params, origin) =>
      serveRoute(route, subject, request, params as Readonly<Record<string, string>>, origin),
  ]);
  const router = createFetchRouter<string, AdminOrigin>(Object.fromEntries(handlers));
  return async (request: Request, origin: AdminOrigin): Promise<Response> => {
    try {
      return await router(request, origin);
    } catch (error) {
      if (error instanceof AdminProblem) return problemResponse(error.problem, error.headers);
      // Who went away while the body was read needs no answer, but gets this one.
      if (!request.signal.aborted) subject.report(error);
      return problemResponse(faultOfOurs);
    }
  };
}

const faultOfOurs: Problem = { status: 500 };

async function serveRoute(
  { query = {}, body, serve }: AdminRoute,
  { maxBodyBytes }: AdminSubject,
  request: Request,
  params: Readonly<Record<string, string>>,
  origin: AdminOrigin,
): Promise<Response> {
  const values = readQuery(new URL(request.url).searchParams, query);
  const input = body === undefined ? undefined : await readJsonBody(request, maxBodyBytes);
  const members = body === undefined || body === "any" ? {} : readMembers(input, body);
  return serve({ request, params, query: values, body: members, input, origin });
}
