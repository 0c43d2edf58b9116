import { once } from "node:events";
import type { ExchangeHandler } from "@king-runtime/core";
import { connectRaw } from "@king-runtime/testkit";
import { describe, expect, expectTypeOf, test } from "vitest";
import { createRouter, type RouteParams, type UpgradeExchange } from "../../src/index.ts";
import { listenHttp } from "../../src/listen-http.ts";
import { connectHttp2 } from "../exchange-harness.ts";

const routes = createRouter({
  "GET /users/:id": (exchange, { id }) => exchange.respond(200, {}, `user ${id}`),
  "DELETE /users/:id": (exchange) => exchange.respond(204),
  "PURGE /cache": (exchange) => exchange.respond(204),
  "GET /files/*path": (exchange, { path }) => exchange.respond(200, {}, path.join("|")),
  "UPGRADE websocket /watch": (exchange) => {
    expect(exchange.upgrade.protocol).toBe("websocket");
    exchange.upgrade.accept().end(Buffer.from("open"));
  },
  "UPGRADE websocket /both": (exchange) => void exchange.upgrade.accept().end(),
  "GET /both": (exchange) => exchange.respond(200, {}, "plain"),
});

async function open(handler: ExchangeHandler) {
  const listener = await listenHttp({ handler, upgradeProtocols: ["websocket", "other"] });
  return {
    listener,
    async ask(head: string) {
      await using socket = await connectRaw({ port: listener.local.port });
      await socket.write(`${head}\r\n\r\n`);
      return (await socket.readToEnd()).toString("latin1");
    },
    async [Symbol.asyncDispose]() {
      listener.abort();
      await listener.closed;
    },
  };
}

const host = "HTTP/1.1\r\nHost: a";
const close = `${host}\r\nConnection: close`;
const upgrade = (protocol: string) => `${host}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}`;

describe("a router of exchanges", () => {
  test.each([
    [`GET /users/a%20b?x=/y ${close}`, 200, ["user a b"]],
    [`HEAD /users/7 ${close}`, 200, []],
    [`DELETE /users/7 ${close}`, 204, []],
    [`PURGE /cache ${close}`, 204, []],
    [`GET /files/a/b%2Fc ${close}`, 200, ["a|b/c"]],
    [`GET http://a/users/8 ${close}`, 200, ["user 8"]],
    [`OPTIONS /users/7 ${close}`, 204, ["allow: DELETE, GET, HEAD, OPTIONS\r\n"]],
    [`OPTIONS * ${close}`, 204, ["allow: DELETE, GET, HEAD, OPTIONS, PURGE\r\n"]],
    [`POST /users/7 ${close}`, 405, ["allow: DELETE, GET, HEAD, OPTIONS\r\n", "problem+json"]],
    [`TRACE /users/7 ${close}`, 405, ["allow: "]],
    [`GET /cache ${close}`, 405, ["allow: OPTIONS, PURGE\r\n"]],
    [`GET /nothing ${close}`, 404, ["problem+json"]],
    [`GET /users/7/ ${close}`, 404, []],
    [`GET /users/../x ${close}`, 400, []],
    [`GET /users/%zz ${close}`, 400, ["percent-encoded"]],
    [`MKCALENDAR /users/7 ${close}`, 501, []],
    [`GET /watch ${close}`, 426, ["connection: upgrade", "upgrade: websocket\r\n"]],
    [`POST /watch ${close}`, 405, ["allow: GET, OPTIONS\r\n"]],
    [`GET /watch ${upgrade("other")}`, 426, ["upgrade: websocket\r\n"]],
    [`GET /watch ${upgrade("websocket")}`, 101, ["open"]],
    [`GET /both ${upgrade("websocket")}`, 101, []],
    [`GET /both ${close}`, 200, ["plain"]],
    [`GET /both ${upgrade("other")}`, 200, ["plain"]],
    [`POST /watch ${upgrade("websocket")}`, 405, ["allow: GET, OPTIONS\r\n"]],
    [`DELETE /both ${upgrade("websocket")}`, 405, ["allow: GET, HEAD, OPTIONS\r\n"]],
    [`DELETE /users/7 ${upgrade("websocket")}`, 204, []],
    [`GET /nothing ${upgrade("websocket")}`, 404, []],
  ])("answers %j with %i", async (head, status, parts) => {
    await using place = await open(routes);
    const answer = await place.ask(head);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    for (const part of parts) expect(answer).toContain(part);
  });

  test.each([
    ["GET", "/watch", 405, "CONNECT, OPTIONS"],
    ["GET", "/users/7", 200, undefined],
    ["POST", "/users/7", 405, "DELETE, GET, HEAD, OPTIONS"],
  ])("answers %s %s on HTTP/2 with %i", async (method, path, status, allow) => {
    await using place = await open(routes);
    const session = connectHttp2(place.listener);
    const client = session.request({ ":method": method, ":path": path });
    const [head] = await once(client, "response");
    expect([head[":status"], head["allow"]]).toEqual([status, allow]);
    session.destroy();
  });

  test.each([
    ["websocket", "/watch", 200, "open"],
    ["websocket", "/users/7", 405, undefined],
    ["websocket", "/nothing", 404, undefined],
    ["other", "/watch", 501, undefined],
  ])("answers an extended CONNECT for %s to %s with %i", async (protocol, path, status, text) => {
    await using place = await open(routes);
    const session = connectHttp2(place.listener);
    await once(session, "remoteSettings");
    const client = session.request(
      { ":method": "CONNECT", ":protocol": protocol, ":path": path },
      { endStream: false },
    );
    const [head] = await once(client, "response");
    expect(head[":status"]).toBe(status);
    if (text !== undefined) {
      const [chunk] = await once(client, "data");
      expect(String(chunk)).toBe(text);
    }
    session.destroy();
  });

  test("hands what has no route to its fallback, but answers 405 itself", async () => {
    const handler = createRouter(
      { "GET /a": (exchange) => exchange.respond(200) },
      { fallback: (exchange) => exchange.respond(200, {}, `fallback ${exchange.path}`) },
    );
    await using place = await open(handler);
    expect(await place.ask(`POST /b ${close}`)).toContain("fallback /b");
    expect(await place.ask(`POST /a ${close}`)).toMatch(/^HTTP\/1.1 405 /);
  });

  test("hands on the promise of a route, so that its failure is answered", async () => {
    const errors: unknown[] = [];
    const failure = new Error("no");
    const handler = createRouter({ "GET /": () => Promise.reject(failure) });
    await using listener = await listenHttp({
      handler,
      onHandlerError: (error) => errors.push(error),
    });
    const response = await fetch(`http://127.0.0.1:${listener.local.port}/`);
    expect([response.status, errors]).toEqual([500, [failure]]);
    listener.abort();
  });

  test("knows the params of a route by its definition", () => {
    expectTypeOf<RouteParams<"GET /a/:id/b/:name">>().toEqualTypeOf<{
      readonly id: string;
      readonly name: string;
    }>();
    expectTypeOf<RouteParams<"UPGRADE websocket /a/*rest">>().toEqualTypeOf<{
      readonly rest: readonly string[];
    }>();
    expectTypeOf<keyof RouteParams<"GET /">>().toEqualTypeOf<never>();
    createRouter({
      "GET /:id": (exchange, params) => {
        expectTypeOf(params).toEqualTypeOf<{ readonly id: string }>();
        exchange.respond(200);
      },
      "UPGRADE websocket /x": (exchange) => {
        expectTypeOf(exchange).toEqualTypeOf<UpgradeExchange>();
      },
    });
  });

  test.each<[string, () => unknown]>([
    ["fallback", () => createRouter({}, { fallback: 1 as never })],
    ["fallBack", () => createRouter({}, { fallBack: () => undefined } as never)],
    ['routes["GET /a"]', () => createRouter({ "GET /a": "b" as never })],
  ])("refuses %s by name", (name, make) => {
    expect(make).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID", details: { option: name } }),
    );
  });
});
