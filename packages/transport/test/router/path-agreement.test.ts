import { once } from "node:events";
import type { Exchange } from "@king-runtime/core";
import { connectRaw } from "@king-runtime/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRouter, fromFetch, listenHttp, toRequest } from "../../src/index.ts";
import { RouteTable } from "../../src/router/route-table.ts";
import { connectHttp2 } from "../exchange-harness.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 1_000);

/** A guard that a path would have to get round. */
const guarded = createRouter(
  {
    "* /admin": (exchange) => exchange.respond(403, {}, ""),
    "* /admin/*": (exchange) => exchange.respond(403, {}, ""),
  },
  { fallback: fromFetch((request) => new Response(new URL(request.url).pathname)) },
);
const bare = fromFetch((request) => new Response(new URL(request.url).pathname));

const asked: [string, number][] = [
  ["/admin", 403],
  ["/admin/secret", 403],
  ["/%61dmin", 403],
  ["/x\\..\\admin", 400],
  ["/\\admin", 400],
  ["/x/..\\admin", 400],
  ["/admin\\secret", 400],
  ["\\admin", 400],
  ["/x/../admin", 400],
  ["/x/%2e%2E/admin", 400],
  ["/./admin", 400],
  ["/.%2e/admin", 400],
  ["/x/..", 400],
  ["/x?/../\\admin", 200],
  ["/...", 200],
  ["/x|[]^`{}\"<>'", 200],
  ["/%5Cadmin", 200],
];

async function overHttp1(port: number, target: string): Promise<number> {
  await using socket = await connectRaw({ port });
  await socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  return Number((await socket.readToEnd()).toString("latin1").split(" ")[1]);
}

describe("a path that the URL standard reads otherwise is served to nobody", () => {
  test.each(asked)("over HTTP/1.1: %s is %i", async (target, status) => {
    await using listener = await listenHttp({ handler: guarded });
    expect(await overHttp1(listener.local.port, target)).toBe(status);
    if (target.startsWith("/")) {
      expect(await overHttp1(listener.local.port, `http://a${target}`)).toBe(status);
    }
    listener.abort();
  });

  test.each(asked.filter(([target]) => target.startsWith("/")))(
    "over HTTP/2: %s is %i",
    async (target, status) => {
      await using listener = await listenHttp({ handler: guarded });
      const session = connectHttp2(listener);
      const [head] = await once(session.request({ ":path": target }), "response");
      expect(head[":status"]).toBe(status);
      session.destroy();
      listener.abort();
    },
  );

  test("over HTTP/2 nor is one that is not ASCII, which node refuses over HTTP/1.1", async () => {
    await using listener = await listenHttp({ handler: bare });
    const session = connectHttp2(listener);
    const [head] = await once(session.request({ ":path": "/\xc3\xa9" }), "response");
    expect([head[":status"], await overHttp1(listener.local.port, "/\xc3\xa9")]).toEqual([
      400, 400,
    ]);
    session.destroy();
    listener.abort();
  });

  test("also where no router was asked before", async () => {
    await using listener = await listenHttp({ handler: bare });
    for (const target of ["/x/../admin", "/x/%2e%2e/admin", "/x\\..\\admin", "/x/."]) {
      expect([target, await overHttp1(listener.local.port, target)]).toEqual([target, 400]);
    }
    listener.abort();
  });
});

test("of any target, a router and a Request see the same path, or it is refused", () => {
  const table = new RouteTable({ "GET /*all": true });
  const piece = fc.oneof(
    fc.constantFrom(
      "/",
      ".",
      "..",
      "%2e",
      "%2F",
      "%5c",
      "\\",
      "?",
      "#",
      "%",
      "%25",
      "@",
      ":",
      "\t",
    ),
    fc.string({ unit: "binary-ascii", maxLength: 3 }),
    fc.constantFrom("é", "\xa0", "\ufeff", "http://", "//b"),
  );
  const target = fc
    .tuple(fc.constantFrom("/", "", "http://a", "https://a/"), fc.array(piece, { maxLength: 8 }))
    .map(([start, pieces]) => start + pieces.join(""));
  let agreed = 0;
  fc.assert(
    fc.property(target, (target) => {
      const [, rest = target] = /^https?:\/\/[^/?#]*(.*)$/is.exec(target) ?? [];
      const [path = ""] = rest.split("?");
      const exchange = { method: "GET", scheme: "http", authority: "a", target, path: path || "/" };
      let request: Request;
      try {
        const others = { headers: new Map(), session: {}, signal: AbortSignal.abort() };
        request = toRequest({ ...exchange, ...others } as unknown as Exchange);
      } catch (error) {
        expect(error).toMatchObject({ code: "KING_HTTP_REQUEST_INVALID" });
        return;
      }
      const { pathname, origin } = new URL(request.url);
      expect(origin).toBe("http://a");
      const seen = table.match("GET", exchange.path);
      const expected = table.match("GET", pathname);
      expect(seen).toEqual(expected);
      if (seen.type === "found") agreed++;
    }),
    { numRuns },
  );
  expect(agreed).toBeGreaterThan(numRuns / 20);
});

test.each([
  ["GET https://a/x HTTP/1.1\r\nHost: a", "http://a/x"],
  ["GET HTTPS://b:443?x HTTP/1.1\r\nHost: b:443", "http://b:443/?x"],
])("a Request over a plain connection is none for https: %j", async (head, url) => {
  await using listener = await listenHttp({ handler: fromFetch(({ url }) => new Response(url)) });
  await using socket = await connectRaw({ port: listener.local.port });
  await socket.write(`${head}\r\nConnection: close\r\n\r\n`);
  const [, body = ""] = (await socket.readToEnd()).toString().split("\r\n\r\n");
  expect(body).toBe(url);
  listener.abort();
});

test("nor is one over plain HTTP/2, whatever :scheme says", async () => {
  await using listener = await listenHttp({ handler: fromFetch(({ url }) => new Response(url)) });
  const session = connectHttp2(listener);
  const head = { ":scheme": "https", ":authority": "a", ":path": "/x" };
  let url = "";
  for await (const chunk of session.request(head).setEncoding("utf8")) url += chunk;
  expect(url).toBe("http://a/x");
  session.destroy();
  listener.abort();
});
