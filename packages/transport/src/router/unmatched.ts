import type { HeaderFields } from "@king-runtime/core";
import { upgradePrefix } from "./route-definition.ts";
import type { RouteMatch } from "./route-table.ts";

/** What a router answers by itself; a problem, but for a status below 400. */
export interface RouterAnswer {
  readonly status: 204 | 400 | 404 | 405 | 426 | 501;
  readonly detail?: string;
  readonly headers?: HeaderFields;
}

/** A request as far as its answer depends on it. */
export interface UnmatchedRequest {
  readonly method: string;
  readonly path: string;
  /** Protocol of the session: upgrades are a GET on `"h1"` alone. */
  readonly protocol: string;
  /** The protocol that an upgrade asked for. */
  readonly upgrade?: string;
}

// RFC 9110, section 9.3, and RFC 5789: known whether or not a route has them.
const knownMethods = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
]);

/** What to answer where no route matched; `all` are the methods of all routes. */
export function answerUnmatched(
  match: Exclude<RouteMatch<unknown>, { type: "found" }>,
  request: UnmatchedRequest,
  all: ReadonlySet<string>,
): RouterAnswer {
  const { method, path, protocol, upgrade } = request;
  if (match.type === "malformed") return { status: 400, detail: match.reason };
  // Of the server as a whole (RFC 9110, section 9.3.7).
  if (method === "OPTIONS" && path === "*") {
    return { status: 204, headers: { allow: allowOf(all, protocol) } };
  }
  // A method, or a protocol of an extended CONNECT, that no resource here knows (RFC 9110, section
  // 15.6.2; RFC 9220, section 3).
  const isKnown = knownMethods.has(method) || all.has(method);
  const isForeign = method === "CONNECT" && upgrade !== undefined;
  if (!isKnown || (isForeign && !all.has(upgradePrefix + upgrade))) return { status: 501 };
  if (match.type === "missing") return { status: 404 };
  const allow = allowOf(match.methods, protocol);
  if (method === "OPTIONS") return { status: 204, headers: { allow } };
  const upgrades = upgradesOf(match.methods);
  const isGet = method === "GET" || method === "HEAD";
  if (!isGet || upgrades.length === 0 || protocol !== "h1") {
    return { status: 405, headers: { allow } };
  }
  // The field and its connection option belong together (RFC 9110, sections 7.8 and 15.5.22). Said
  // at all, "close" has to be said too where the connection ends; so it always does.
  return {
    status: 426,
    detail: `expected an upgrade to ${upgrades.join(" or ")}`,
    headers: { connection: "upgrade, close", upgrade: upgrades.join(", ") },
  };
}

const upgradesOf = (methods: ReadonlySet<string>) =>
  [...methods]
    .filter((method) => method.startsWith(upgradePrefix))
    .map((method) => method.slice(upgradePrefix.length));

function allowOf(methods: ReadonlySet<string>, protocol: string): string {
  const allowed = new Set(["OPTIONS"]);
  for (const method of methods) {
    if (method === "*") continue;
    if (method.startsWith(upgradePrefix)) allowed.add(protocol === "h1" ? "GET" : "CONNECT");
    else allowed.add(method);
    if (method === "GET") allowed.add("HEAD");
  }
  return [...allowed].sort().join(", ");
}
