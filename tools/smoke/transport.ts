// Uses the installed @king-runtime/transport: a listener, a request in each form, an error.
import { deepEqual, equal, rejects } from "node:assert/strict";
import { KingError } from "@king-runtime/core";
import { fromFetch, listenHttp, request } from "@king-runtime/transport";

await using echo = await listenHttp({
  maxBodyBytes: 1_000,
  async handler(exchange) {
    exchange.respond(200, { "content-type": "text/plain" }, await exchange.bytes());
  },
});
await using hello = await listenHttp({
  handler: fromFetch(async (given) => Response.json({ path: new URL(given.url).pathname })),
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
await rejects(request("http://127.0.0.1:1/"), (error) => KingError.is(error, "KING_HTTP_CONNECT"));
