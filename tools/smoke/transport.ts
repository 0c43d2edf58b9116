// Uses the installed @king-runtime/transport: a listener, a request in each form, routes, a listener
// for node:http, middleware, a client, a session, TCP, UDP, the admin API, an error.
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { KingError } from "@king-runtime/core";
import {
  connectTcp,
  connectUdp,
  createHttpClient,
  createRouter,
  fromFetch,
  fromNode,
  listenHttp,
  listenTcp,
  listenUdp,
  openHttpSession,
  readLines,
  request,
  writeLine,
} from "@king-runtime/transport";
import { listenAdmin } from "@king-runtime/transport/admin";
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
await rejects(request("http://127.0.0.1:1/"), (error) => KingError.is(error, "KING_NET_CONNECT"));
{
  await using client = createHttpClient({ retry: true });
  const options = { method: "PUT", body: "tea" };
  equal(await (await client.request(`${urlOf(echo)}/`, options)).text(), "tea");
  equal(await (await client.request(`${urlOf(echo)}/`, options)).text(), "tea");
  equal(client.stats().sessionsOpened, 1);
}
{
  await using session = await openHttpSession(urlOf(echo), { protocols: ["h2"] });
  const stream = await session.request({ method: "POST", open: true });
  await stream.end(Buffer.from("tea"));
  equal(await (await stream.response).text(), "tea");
}
{
  await using listener = await listenTcp({
    async onSession({ stream }) {
      for await (const line of readLines(stream)) await writeLine(stream, line.toUpperCase());
      await stream.end();
    },
  });
  await using session = await connectTcp({ host: "127.0.0.1", port: listener.local.port });
  await writeLine(session.stream, "tea");
  await session.stream.end();
  for await (const line of readLines(session.stream)) equal(line, "TEA");
}
{
  await using listener = await listenUdp({ onDatagram: (datagram, peer) => peer.send(datagram) });
  await using session = await connectUdp({ host: "127.0.0.1", port: listener.local.port });
  await session.send(Buffer.from("tea"));
  for await (const datagram of session) {
    equal(Buffer.from(datagram).toString(), "tea");
    break;
  }
}
{
  const token = "a token of thirty-two characters, or of more".replaceAll(/\W/g, "-");
  await using admin = await listenAdmin({ auth: { token }, port: 0 });
  const headers = { authorization: `Bearer ${token}` };
  equal((await request(`${urlOf(admin)}/health`, { headers })).status, 200);
  equal((await request(`${urlOf(admin)}/health`)).status, 401);
}
