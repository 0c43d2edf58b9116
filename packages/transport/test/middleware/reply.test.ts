import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { fromFetch, listenHttp, reply, replyJson } from "../../src/index.ts";
import { compress, cors, rateLimit, securityHeaders, stack } from "../../src/middleware/index.ts";

const guard = stack(securityHeaders(), cors({ origins: ["https://app.example"] }), compress());
const headers = { "accept-encoding": "gzip", origin: "https://app.example" };

test("a light reply goes through middleware as any Response does", async () => {
  const light = reply("tea ".repeat(1_000), {
    status: 201,
    headers: { "content-type": "text/plain", "set-cookie": ["a=1", "b=2"], etag: '"x"' },
  });
  const response = await guard(() => light)(new Request("https://a/", { headers }));
  expect(response.status).toBe(201);
  expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "access-control-allow-origin": "https://app.example",
    "content-encoding": "gzip",
    "content-type": "text/plain",
    etag: 'W/"x"',
    "x-content-type-options": "nosniff",
  });
  const body = gunzipSync(Buffer.from(await response.arrayBuffer()));
  expect(body.toString()).toBe("tea ".repeat(1_000));
});

test("so does a small one of JSON, and one without a body", async () => {
  const json = await guard(() => replyJson({ a: 1 }))(new Request("https://a/", { headers }));
  expect([json.headers.get("content-encoding"), await json.json()]).toEqual([null, { a: 1 }]);
  const empty = await guard(() => reply(null, { status: 204 }))(new Request("https://a/"));
  expect([empty.status, empty.body]).toEqual([204, null]);
});

test.each<[string, Record<string, string>]>([
  ["as they are", {}],
  ["compressed", { "accept-encoding": "gzip" }],
])("the same reply can be given again and again behind middleware, %s", async (_, fields) => {
  const light = reply("tea ".repeat(1_000), { headers: { "content-type": "text/plain" } });
  const all = stack(guard, rateLimit({ limit: 10, key: () => "all" }));
  await using listener = await listenHttp({ handler: fromFetch(all(() => light)) });
  for (let at = 0; at < 3; at++) {
    const response = await fetch(`http://127.0.0.1:${listener.local.port}`, { headers: fields });
    expect([response.status, await response.text()]).toEqual([200, "tea ".repeat(1_000)]);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  }
  listener.abort();
});
