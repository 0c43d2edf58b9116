import { describe, expect, test } from "vitest";
import { type CorsOptions, cors } from "../../src/middleware/index.ts";

const app = "https://app.example";

async function ask(
  options: CorsOptions,
  headers: Record<string, string>,
  method = "GET",
  response: () => Response = () => new Response("body"),
) {
  let asked = 0;
  const handler = cors(options)(() => {
    asked++;
    return response();
  });
  const answer = await handler(new Request("http://a/", { method, headers }));
  const shared = [...answer.headers].filter(([name]) => name.startsWith("access-control-"));
  return {
    status: answer.status,
    asked,
    vary: answer.headers.get("vary"),
    shared: Object.fromEntries(shared.map(([name, value]) => [name.slice(15), value])),
  };
}

const preflight = { origin: app, "access-control-request-method": "PUT" };

describe("cors", () => {
  test("shares with exact origins alone", async () => {
    const options = { origins: [app] };
    expect(await ask(options, { origin: app })).toEqual({
      status: 200,
      asked: 1,
      vary: "origin",
      shared: { "allow-origin": app },
    });
    for (const origin of [
      "https://app.example.evil",
      "https://evil-app.example",
      "http://app.example",
      "https://app.example:444",
      "https://APP.example",
      "null",
      `${app}, https://evil`,
    ]) {
      expect(await ask(options, { origin })).toMatchObject({
        asked: 1,
        vary: "origin",
        shared: {},
      });
    }
    expect(await ask(options, {})).toMatchObject({ asked: 1, vary: "origin", shared: {} });
  });

  test("shares with whom a predicate allows, and with anybody", async () => {
    const origins = (origin: string) => origin.endsWith(".app.example");
    expect((await ask({ origins }, { origin: "https://a.app.example" })).shared).toEqual({
      "allow-origin": "https://a.app.example",
    });
    expect((await ask({ origins }, { origin: app })).shared).toEqual({});
    const truthy = () => "yes" as unknown as boolean;
    expect((await ask({ origins: truthy }, { origin: app })).shared).toEqual({});
    expect(await ask({ origins: "*" }, { origin: app })).toMatchObject({
      shared: { "allow-origin": "*" },
      vary: null,
    });
  });

  test("tells everybody, also who does not say where it comes from, that anybody may read", async () => {
    const shared = { "allow-origin": "*", "expose-headers": "x-b" };
    const options: CorsOptions = { origins: "*", exposeHeaders: ["x-b"] };
    expect(await ask(options, {})).toMatchObject({ shared, vary: null });
    expect(await ask(options, { origin: app })).toMatchObject({ shared, vary: null });
  });

  test("takes off whatever the handler says about sharing", async () => {
    const names = ["origin", "credentials", "methods", "headers", "private-network"];
    const all = [...names.map((name) => `allow-${name}`), "expose-headers", "max-age"];
    const headers = Object.fromEntries(all.map((name) => [`access-control-${name}`, "9"]));
    const response = () => new Response("body", { headers });
    const options = { origins: [app] };
    const evil = { origin: "https://evil.example" };
    expect((await ask(options, evil, "GET", response)).shared).toEqual({});
    expect((await ask(options, { origin: app }, "GET", response)).shared).toEqual({
      "allow-origin": app,
    });
  });

  test("answers a preflight by itself, with what is allowed", async () => {
    const options = {
      origins: [app],
      methods: ["GET", "PUT"],
      allowHeaders: ["x-a", "content-type"],
      exposeHeaders: ["x-b"],
      credentials: true,
      maxAgeSeconds: 60,
    };
    expect(await ask(options, preflight, "OPTIONS")).toEqual({
      status: 204,
      asked: 0,
      vary: "access-control-request-method, access-control-request-headers, origin",
      shared: {
        "allow-origin": app,
        "allow-credentials": "true",
        "allow-methods": "GET, PUT",
        "allow-headers": "x-a, content-type",
        "max-age": "60",
      },
    });
    expect((await ask(options, { origin: app })).shared).toEqual({
      "allow-origin": app,
      "allow-credentials": "true",
      "expose-headers": "x-b",
    });
  });

  test("answers the preflight of another origin, and one into a private network, without permission", async () => {
    const other = { ...preflight, origin: "https://evil.example" };
    expect(await ask({ origins: [app] }, other, "OPTIONS")).toMatchObject({
      status: 204,
      asked: 0,
      shared: {},
    });
    const inside = { ...preflight, "access-control-request-private-network": "true" };
    const { shared } = await ask({ origins: [app] }, inside, "OPTIONS");
    expect(shared).not.toHaveProperty("allow-private-network");
  });

  test("leaves an OPTIONS that is no preflight to the handler", async () => {
    expect((await ask({ origins: [app] }, { origin: app }, "OPTIONS")).asked).toBe(1);
  });

  test("has the last word on what is shared, and keeps other fields and lines", async () => {
    const shared = new Response("body", {
      headers: [
        ["access-control-allow-origin", "*"],
        ["access-control-allow-credentials", "true"],
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
        ["vary", "accept"],
      ],
    });
    const handler = cors({ origins: [app] })(() => shared);
    const answer = await handler(new Request("http://a/", { headers: { origin: "https://b" } }));
    expect([...answer.headers]).toEqual([
      ["content-type", "text/plain;charset=UTF-8"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["vary", "accept, origin"],
    ]);
    expect(shared.headers.get("access-control-allow-origin")).toBe("*");
  });

  test("takes a response that cannot be changed, such as a redirect", async () => {
    const { status, shared } = await ask({ origins: [app] }, { origin: app }, "GET", () =>
      Response.redirect("http://b/"),
    );
    expect([status, shared]).toEqual([302, { "allow-origin": app }]);
  });

  test.each<[string, object]>([
    ["origins", {}],
    ["origins", { origins: app }],
    ["origins", { origins: ["*"] }],
    ["origins", { origins: ["null"] }],
    ["origins", { origins: [`${app}/`] }],
    ["origins", { origins: ["https://APP.example"] }],
    ["origins", { origins: ["https://app.example:443"] }],
    ["origins", { origins: ["app.example"] }],
    ["credentials", { origins: "*", credentials: true }],
    ["methods", { origins: "*", methods: ["*"] }],
    ["allowHeaders", { origins: "*", allowHeaders: ["a\r\nb"] }],
    ["exposeHeaders", { origins: "*", exposeHeaders: ["a, b"] }],
    ["maxAge", { origins: "*", maxAge: 1 }],
  ])("refuses %s of %j", (option, options) => {
    expect(() => cors(options as CorsOptions)).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID", details: { option } }),
    );
  });
});
