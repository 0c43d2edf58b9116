import { optionError } from "@king-runtime/core";
import { parseRoute } from "./route-definition.ts";

/** What a path gave a route. */
export type MatchedParams = Readonly<Record<string, string | readonly string[]>>;

/** What {@link RouteTable.match} found. */
export type RouteMatch<Value> =
  | { readonly type: "found"; readonly value: Value; readonly params: MatchedParams }
  /** The path has routes, but none for the method; `methods` are those it has. */
  | { readonly type: "method"; readonly methods: ReadonlySet<string> }
  | { readonly type: "missing" }
  /** The path is none that a server should look at; `reason` says why. */
  | { readonly type: "malformed"; readonly reason: string };

interface Route<Value> {
  readonly definition: string;
  readonly value: Value;
  /** Names of the params by segment; empty for those that have none. */
  readonly names: readonly string[];
  /** Whether the last name takes all segments from its own on. */
  readonly takesRest: boolean;
}

class Node<Value> {
  readonly fixed = new Map<string, Node<Value>>();
  param: Node<Value> | undefined;
  /** Routes that end here, by method. */
  readonly routes = new Map<string, Route<Value>>();
  /** Routes that take any rest from here on, by method. */
  readonly rests = new Map<string, Route<Value>>();
}

const noParams: MatchedParams = Object.freeze(Object.create(null));
const missing = Object.freeze({ type: "missing" } as const);

/**
 * Routes by path and method, as a tree over segments. Of several routes that match, the one is taken
 * that is more exact in the first segment where they differ: text before `:name` before `*`. In what
 * order they were defined does not matter. A look-up reads the path once, and visits each node of the
 * tree at most once.
 */
export class RouteTable<Value> {
  readonly #root = new Node<Value>();
  readonly #methods = new Set<string>();

  /** @throws {KingError} KING_OPTION_INVALID for a malformed definition, or two for the same. */
  constructor(routes: Readonly<Record<string, Value>>) {
    for (const [definition, value] of Object.entries(routes)) this.#add(definition, value);
  }

  /** The methods of all routes. */
  get methods(): ReadonlySet<string> {
    return this.#methods;
  }

  #add(definition: string, value: Value): void {
    const { method, segments } = parseRoute(definition);
    let node = this.#root;
    for (const segment of segments) {
      if (segment.type === "static") {
        const next = node.fixed.get(segment.text) ?? new Node<Value>();
        node.fixed.set(segment.text, next);
        node = next;
      } else if (segment.type === "param") {
        node.param ??= new Node();
        node = node.param;
      }
    }
    const takesRest = segments.at(-1)?.type === "rest";
    const routes = takesRest ? node.rests : node.routes;
    const other = routes.get(method);
    if (other !== undefined) {
      throw optionError(
        `routes[${JSON.stringify(definition)}]`,
        `expected one route for the same requests, got ${JSON.stringify(other.definition)} too`,
      );
    }
    const names = segments.map((segment) => ("name" in segment ? segment.name : ""));
    routes.set(method, { definition, value, names, takesRest });
    this.#methods.add(method);
  }

  /**
   * The route for a request. `path` is as it came, percent-encoded. Segments are decoded once, after
   * the path was split: an encoded slash is part of its segment. `.` and `..` segments, encoded or
   * not, backslashes, which the URL standard takes for slashes, and encodings that are none are
   * malformed; an empty segment is one like any other, which only `*`, or a pattern that ends with `/`,
   * matches. HEAD falls back on GET.
   */
  match(method: string, path: string): RouteMatch<Value> {
    if (!path.startsWith("/")) return missing;
    if (path.includes("\\")) return { type: "malformed", reason: "path: expected no backslash" };
    const segments = path.slice(1).split("/");
    for (let at = 0; at < segments.length; at++) {
      let segment = segments[at] as string;
      if (segment.includes("%")) {
        try {
          segment = decodeURIComponent(segment);
        } catch {
          return { type: "malformed", reason: "path: expected percent-encoded UTF-8" };
        }
        segments[at] = segment;
      }
      if (segment === "." || segment === "..") {
        return { type: "malformed", reason: "path: expected no . or .. segment" };
      }
    }
    const route = find(this.#root, segments, 0, method);
    if (route !== undefined) {
      return { type: "found", value: route.value, params: paramsOf(route, segments) };
    }
    const methods = new Set<string>();
    collect(this.#root, segments, 0, methods);
    return methods.size > 0 ? { type: "method", methods } : missing;
  }
}

function pick<Value>(
  routes: ReadonlyMap<string, Route<Value>>,
  method: string,
): Route<Value> | undefined {
  if (routes.size === 0) return undefined;
  const exact = routes.get(method) ?? (method === "HEAD" ? routes.get("GET") : undefined);
  // An upgrade is answered by who speaks the protocol.
  return exact ?? (method.includes(" ") ? undefined : routes.get("*"));
}

function find<Value>(
  node: Node<Value>,
  segments: readonly string[],
  at: number,
  method: string,
): Route<Value> | undefined {
  if (at === segments.length) return pick(node.routes, method);
  const segment = segments[at] as string;
  const fixed = node.fixed.get(segment);
  const exact = fixed && find(fixed, segments, at + 1, method);
  if (exact !== undefined) return exact;
  const param = segment === "" ? undefined : node.param;
  return (param && find(param, segments, at + 1, method)) ?? pick(node.rests, method);
}

/** The methods of all routes for a path. */
function collect<Value>(
  node: Node<Value>,
  segments: readonly string[],
  at: number,
  methods: Set<string>,
): void {
  if (at === segments.length) {
    for (const method of node.routes.keys()) methods.add(method);
    return;
  }
  const segment = segments[at] as string;
  const fixed = node.fixed.get(segment);
  if (fixed !== undefined) collect(fixed, segments, at + 1, methods);
  if (segment !== "" && node.param !== undefined) collect(node.param, segments, at + 1, methods);
  for (const method of node.rests.keys()) methods.add(method);
}

function paramsOf<Value>(route: Route<Value>, segments: readonly string[]): MatchedParams {
  const { names, takesRest } = route;
  let params: Record<string, string | readonly string[]> | undefined;
  for (let at = 0; at < names.length; at++) {
    const name = names[at] as string;
    if (name === "") continue;
    params ??= Object.create(null) as Record<string, string | readonly string[]>;
    const isRest = takesRest && at === names.length - 1;
    params[name] = isRest ? segments.slice(at) : (segments[at] as string);
  }
  return params ?? noParams;
}
