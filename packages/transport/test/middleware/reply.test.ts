import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { reply, replyJson } from "../../src/index.ts";
import { compress, cors, securityHeaders, stack } from "../../src/middleware/index.ts";

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
