import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RouteTable } from "../../src/router/route-table.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 500);

const table = (...definitions: string[]) =>
  new RouteTable(Object.fromEntries(definitions.map((each) => [each, each])));

function found(routes: RouteTable<string>, method: string, path: string) {
  const match = routes.match(method, path);
  return match.type === "found" ? [match.value, { ...match.params }] : match.type;
}

describe("a route table", () => {
  const users = table(
    "GET /",
    "GET /users",
    "GET /users/",
    "GET /users/me",
    "GET /users/:id",
    "DELETE /users/:name",
    "GET /users/:id/posts/:post",
    "GET /users/me/posts/last",
    "GET /files/*path",
    "GET /files/index",
    "* /any",
    "POST /any",
    "GET /café",
  );
  test.each<[string, string, unknown]>([
    ["GET", "/", ["GET /", {}]],
    ["GET", "/users", ["GET /users", {}]],
    ["GET", "/users/", ["GET /users/", {}]],
    ["GET", "/users/me", ["GET /users/me", {}]],
    ["GET", "/users/Me", ["GET /users/:id", { id: "Me" }]],
    ["DELETE", "/users/me", ["DELETE /users/:name", { name: "me" }]],
    ["GET", "/users/me/posts/1", ["GET /users/:id/posts/:post", { id: "me", post: "1" }]],
    ["GET", "/users/me/posts/last", ["GET /users/me/posts/last", {}]],
    ["GET", "/users//posts/1", "missing"],
    ["GET", "//users", "missing"],
    ["GET", "/users/1/", "missing"],
    ["GET", "/files", "missing"],
    ["GET", "/files/", ["GET /files/*path", { path: [""] }]],
    ["GET", "/files/a//b/", ["GET /files/*path", { path: ["a", "", "b", ""] }]],
    ["GET", "/files/index", ["GET /files/index", {}]],
    ["GET", "/files/index/x", ["GET /files/*path", { path: ["index", "x"] }]],
    ["HEAD", "/users", ["GET /users", {}]],
    ["PURGE", "/any", ["* /any", {}]],
    ["POST", "/any", ["POST /any", {}]],
    ["UPGRADE websocket", "/any", "method"],
    ["POST", "/users", "method"],
    ["get", "/users", "method"],
    ["GET", "", "missing"],
    ["GET", "*", "missing"],
    ["GET", "http://a/users", "missing"],
  ])("finds for %s %s: %j", (method, path, expected) => {
    expect(found(users, method, path)).toEqual(expected);
  });

  test.each<[string, unknown]>([
    ["/users/a%2Fb", ["GET /users/:id", { id: "a/b" }]],
    ["/users/..%2Fb", ["GET /users/:id", { id: "../b" }]],
    ["/users/%2561", ["GET /users/:id", { id: "%61" }]],
    ["/%75sers/m%65", ["GET /users/me", {}]],
    ["/users%2Fme", "missing"],
    ["/caf%C3%A9", ["GET /café", {}]],
    ["/files/a%2Fb/c", ["GET /files/*path", { path: ["a/b", "c"] }]],
    ["/users/%", "malformed"],
    ["/users/%zz", "malformed"],
    ["/users/%C3", "malformed"],
    ["/users/%c0%ae", "malformed"],
    ["/users/..", "malformed"],
    ["/users/.", "malformed"],
    ["/users/%2e%2E", "malformed"],
    ["/users/.%2e/x", "malformed"],
    ["/files/../users", "malformed"],
    ["/files\\x", "malformed"],
    ["\\files", "missing"],
    ["/users/...", ["GET /users/:id", { id: "..." }]],
    ["/users/+", ["GET /users/:id", { id: "+" }]],
  ])("decodes %s once, by segment: %j", (path, expected) => {
    expect(found(users, "GET", path)).toEqual(expected);
  });

  test("names the methods that a path has, of every route that matches it", () => {
    const match = users.match("PUT", "/users/me");
    expect(match).toEqual({ type: "method", methods: new Set(["GET", "DELETE"]) });
  });

  test("has params without a prototype, whatever their names", () => {
    const match = table("GET /:__proto__/:constructor").match("GET", "/a/b");
    if (match.type !== "found") throw new Error(match.type);
    expect(Object.entries(match.params)).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });

  test("does not take names of Object.prototype for routes", () => {
    expect(found(table("GET /a"), "GET", "/constructor")).toBe("missing");
    expect(found(table("GET /a"), "constructor", "/a")).toBe("method");
  });

  test.each([
    ["/users"],
    ["GET"],
    ["GET  /users"],
    ["GET users"],
    ["GET /users /more"],
    ["G(T /users"],
    [" /users"],
    ["UPGRADE /watch"],
    ["UPGRADE  /watch"],
    ["UPGRADE a b /watch"],
    ["GET /:"],
    ["GET /:id.json"],
    ["GET /:1"],
    ["GET /a:id"],
    ["GET /a*"],
    ["GET /*rest/more"],
    ["GET /*a-b"],
    ["GET //users"],
    ["GET /a/../b"],
    ["GET /a/."],
    ["GET /a%20b"],
    ["GET /a?b"],
    ["GET /a#b"],
    ["GET /a\\b"],
    ["GET /(a|b)"],
    ["GET /{id}"],
    ["GET /:id/:id"],
    ["GET /:id/*id"],
  ])("refuses the definition %j by name", (definition) => {
    expect(() => table(definition)).toThrow(
      expect.objectContaining({
        code: "KING_OPTION_INVALID",
        message: expect.stringContaining(JSON.stringify(definition)),
      }),
    );
  });

  test.each([
    ["GET /users/:id", "GET /users/:name"],
    ["GET /*", "GET /*rest"],
    ["UPGRADE websocket /a", "UPGRADE WebSocket /a"],
  ])("refuses %s beside %s: they are for the same requests", (first, second) => {
    expect(() => table(first, second)).toThrow(
      expect.objectContaining({
        code: "KING_OPTION_INVALID",
        message: expect.stringMatching(/one route for the same requests/),
      }),
    );
  });

  test("looks at a path of many segments and at many alike routes in no time", () => {
    const definitions: string[] = [];
    for (let bits = 0; bits < 1024; bits++) {
      const segments = [...bits.toString(2).padStart(10, "0")].map((bit, at) =>
        bit === "1" ? "a" : `:p${at}`,
      );
      definitions.push(`GET /${segments.join("/")}/end`);
    }
    const routes = table(...definitions);
    const hostile = [`/${"a/".repeat(10)}x`, `/${"a/".repeat(16_000)}`, `/${"%61".repeat(10_000)}`];
    const startedAt = performance.now();
    for (let i = 0; i < 20; i++) for (const path of hostile) routes.match("GET", path);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

/** The same rules without a tree: every route is tried, the most exact one is kept. */
function oracle(definitions: readonly string[], method: string, path: string) {
  if (!path.startsWith("/")) return "missing";
  if (path.includes("\\")) return "malformed";
  const raw = path.slice(1).split("/");
  const segments: string[] = [];
  for (const each of raw) {
    try {
      segments.push(decodeURIComponent(each));
    } catch {
      return "malformed";
    }
    if ([".", ".."].includes(segments.at(-1) as string)) return "malformed";
  }
  let best: { definition: string; rank: string; params: object } | undefined;
  let fits = false;
  for (const definition of definitions) {
    const [routeMethod, pattern] = definition.split(" ") as [string, string];
    const params: Record<string, unknown> = {};
    let rank = "";
    let matches = true;
    const parts = pattern.slice(1).split("/");
    const rest = (parts.at(-1) as string).startsWith("*");
    if (rest ? segments.length < parts.length : segments.length !== parts.length) continue;
    parts.forEach((part, at) => {
      const segment = segments[at] as string;
      if (part.startsWith("*")) {
        if (part !== "*") params[part.slice(1)] = segments.slice(at);
        rank += "2";
      } else if (part.startsWith(":")) {
        if (segment === "") matches = false;
        params[part.slice(1)] = segment;
        rank += "1";
      } else {
        if (segment !== part) matches = false;
        rank += "0";
      }
    });
    if (!matches) continue;
    fits = true;
    const fallback = { HEAD: 1, GET: 2, "*": 3 }[routeMethod];
    const methodRank =
      routeMethod === method
        ? 0
        : routeMethod === "*" || (method === "HEAD" && routeMethod === "GET")
          ? fallback
          : undefined;
    if (methodRank === undefined) continue;
    const whole = `${rank}.${methodRank}`;
    if (best === undefined || whole < best.rank) best = { definition, rank: whole, params };
  }
  if (best !== undefined) return [best.definition, best.params];
  return fits ? "method" : "missing";
}

test("finds what trying every route would find, in whatever order they are defined", () => {
  const part = fc.constantFrom("a", "b", ":x", "ä", "a.b");
  const definition = fc
    .tuple(
      fc.constantFrom("GET", "POST", "HEAD", "*"),
      fc.array(part, { maxLength: 3 }),
      fc.constantFrom("", "a", ":z", "*", "*rest"),
    )
    .map(([method, parts, last]) => {
      const named = parts.map((each, at) => (each === ":x" ? `:x${at}` : each));
      return `${method} /${[...named, last].join("/")}`;
    });
  const segment = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom("a", "b", "c", "", "%61", "%C3%A4", "a%2Fb", "a.b") },
    { weight: 1, arbitrary: fc.constantFrom(".", "%2e", "..", "%", "%ff", "*", ":x") },
    { weight: 1, arbitrary: fc.string() },
  );
  const path = fc.array(segment, { maxLength: 5 }).map((each) => `/${each.join("/")}`);
  fc.assert(
    fc.property(
      fc.uniqueArray(definition, {
        selector: (each) => each.replace(/:\w+/g, ":").replace(/\*\w+$/, "*"),
        maxLength: 12,
      }),
      fc.constantFrom("GET", "POST", "HEAD", "PUT"),
      path,
      (definitions, method, where) => {
        const expected = oracle(definitions, method, where);
        expect(found(table(...definitions), method, where)).toEqual(expected);
        expect(found(table(...definitions.toReversed()), method, where)).toEqual(expected);
      },
    ),
    { numRuns },
  );
});
