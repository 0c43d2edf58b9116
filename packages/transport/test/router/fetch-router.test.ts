import fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { createFetchRouter } from "../../src/index.ts";

const router = createFetchRouter({
  "GET /users/:id": (_request, { id }) => new Response(`user ${id}`),
  "POST /users/:id": async (request, { id }) => new Response(`${id} ${await request.text()}`),
  "GET /files/*path": (_request, { path }) => Response.json(path),
});

describe("a router of Fetch handlers", () => {
  test.each([
    ["GET", "/users/a%2Fb?q", 200, "user a/b"],
    ["POST", "/users/1", 200, "1 body"],
    ["GET", "/files/a/b", 200, '["a","b"]'],
    ["GET", "/users/x/../7", 200, "user 7"],
    ["GET", "/users/%zz", 400, undefined],
    ["GET", "/", 404, undefined],
    ["OPTIONS", "/users/1", 204, ""],
    ["DELETE", "/users/1", 405, undefined],
    ["FOO", "/users/1", 501, undefined],
  ])("answers %s %s with %i", async (method, path, status, text) => {
    const body = method === "POST" ? { body: "body" } : {};
    const response = await router(new Request(`http://a${path}`, { method, ...body }));
    expect(response.status).toBe(status);
    if (text !== undefined) expect(await response.text()).toBe(text);
    else expect(await response.json()).toMatchObject({ status, type: "about:blank" });
    const hasAllow = status === 405 || status === 204;
    expect(response.headers.get("allow")).toBe(hasAllow ? "GET, HEAD, OPTIONS, POST" : null);
  });

  test("takes the path of any URL for what the URL standard takes it for", () => {
    const paths = createFetchRouter({ "GET /*path": (_request, { path }) => Response.json(path) });
    const fragment = fc.oneof(fc.string(), fc.constantFrom("/", "?", "#", "%2f", "//", "@", "é"));
    return fc.assert(
      fc.asyncProperty(fc.webUrl(), fc.array(fragment), async (base, more) => {
        const url = base + more.join("");
        if (!URL.canParse(url) || new URL(url).username !== "") return;
        const request = new Request(url);
        const segments = new URL(request.url).pathname.slice(1).split("/");
        if (segments.some((each) => /%(?![\da-f]{2})|%[89a-f]/i.test(each))) return;
        const seen = await (await paths(request)).json();
        expect(seen).toEqual(segments.map(decodeURIComponent));
      }),
      { numRuns: Number(process.env["KING_FUZZ_RUNS"] ?? 300) },
    );
  });

  test("hands its second argument to routes and fallback", async () => {
    const handler = createFetchRouter(
      {
        "GET /a": (_request, _params, context: { user: string }) => {
          expectTypeOf(context).toEqualTypeOf<{ user: string }>();
          return new Response(context.user);
        },
      },
      {
        fallback: (request, { user }) =>
          new Response(`${user} at ${new URL(request.url).pathname}`),
      },
    );
    const ask = async (path: string) =>
      (await handler(new Request(`http://a${path}`), { user: "me" })).text();
    expect(await ask("/a")).toBe("me");
    expect(await ask("/b")).toBe("me at /b");
  });

  test("refuses upgrades: a Request cannot be one", () => {
    const make = () => createFetchRouter({ "UPGRADE websocket /a": () => new Response() });
    expect(make).toThrow(expect.objectContaining({ code: "KING_OPTION_INVALID" }));
  });
});
