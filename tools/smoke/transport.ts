// Uses the installed @king-runtime/transport: a listener, a request in each form, routes, a listener
// for node:http, middleware, an error.
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { KingError } from "@king-runtime/core";
import { createRouter, fromFetch, fromNode, listenHttp, request } from "@king-runtime/transport";
import { compress, securityHeaders, stack } from "@king-runtime/transport/middleware";

await using echo = await listenHttp({
  maxBodyBytes: 1_000,
  async handler(exchange) {
    exchange.respond(200, { "content-type": "text/plain" }, await exchange.bytes());
  },
});
await using hello = await listenHttp({
  handler: fromFetch(async (given) => Response.json({ path: new URL(given.url).pathname })),
});
const guarded = stack(securityHeaders(), compress());
await using routed = await listenHttp({
  handler: createRouter({
    "GET /text": fromFetch(guarded(() => new Response("tea ".repeat(1_000)))),
    "* /node/*rest": fromNode((given, response) => response.end(given.url)),
  }),
});
const urlOf = ({ local }: typeof echo) => `http://127.0.0.1:${local.port}`;

{
  await using response = await request(`${urlOf(echo)}/`, { method: "POST", body: "tea" });
  equal(response.status, 200);
  equal(await response.text(), "tea");
}
{
  await using response = await request(`${urlOf(hello)}/cup`);
  deepEqual(await response.json(), { path: "/cup" });
}
{
  const body = new Uint8Array(2_000);
  await using response = await request(`${urlOf(echo)}/`, { method: "POST", body });
  equal(response.status, 413);
}
{
  const headers = { "accept-encoding": "gzip" };
  await using response = await request(`${urlOf(routed)}/text`, { headers });
  equal(response.headers.get("content-encoding"), "gzip");
  equal(response.headers.get("x-content-type-options"), "nosniff");
  ok((await response.bytes()).length < 1_000);
}
{
  await using response = await request(`${urlOf(routed)}/node/cup?full`);
  equal(await response.text(), "/node/cup?full");
}
{
  await using response = await request(`${urlOf(routed)}/text`, { method: "DELETE" });
  equal(response.status, 405);
  equal(response.headers.get("allow"), "GET, HEAD, OPTIONS");
}
await rejects(request("http://127.0.0.1:1/"), (error) => KingError.is(error, "KING_HTTP_CONNECT"));
