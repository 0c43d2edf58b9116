import { gunzipSync } from "node:zlib";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { compress as honoCompress } from "hono/compress";
import { getCookie, setCookie } from "hono/cookie";
import { HTTPException } from "hono/http-exception";
import { streamSSE } from "hono/streaming";
import { describe, expect, test } from "vitest";
import { type FetchContext, fromFetch } from "../../src/fetch/from-fetch.ts";
import { compress, cors, rateLimit, securityHeaders, stack } from "../../src/middleware/index.ts";
import { openPlace, wires } from "./node-handler-harness.ts";

function makeApp() {
  const app = new Hono<{ Bindings: FetchContext }>();
  app.use("/zipped/*", honoCompress());
  app.get("/zipped/text", (c) => c.text("King for TypeScript. ".repeat(500)));
  app.get("/hello/:name", (c) => c.text(`hello ${c.req.param("name")} ${c.req.query("q")}`));
  app.post("/limited", bodyLimit({ maxSize: 10_000 }), async (c) =>
    c.text(String((await c.req.arrayBuffer()).byteLength)),
  );
  app.get("/cookies", (c) => {
    setCookie(c, "a", "1");
    setCookie(c, "b", "2", { httpOnly: true });
    return c.json({ sent: getCookie(c, "x") ?? null });
  });
  app.get("/events", (c) =>
    // Asks for chunked framing, which is not a framework's to say.
    streamSSE(c, async (output) => {
      for (let id = 0; id < 3; id++) await output.writeSSE({ data: String(id) });
    }),
  );
  app.get("/peer", (c) => c.text(c.env.exchange.session.remote?.address ?? ""));
  app.get("/fails", () => {
    throw new Error("no");
  });
  app.onError((error, c) =>
    error instanceof HTTPException ? error.getResponse() : c.text(`handled: ${error.message}`, 500),
  );
  return app;
}

async function* bytes(chunks: number) {
  for (let at = 0; at < chunks; at++) yield new Uint8Array(4_000);
}

describe.each(wires)("a Hono app over %s", (wire) => {
  test("is served unchanged: params, limits, cookies, streams, compression, errors", async () => {
    await using place = await openPlace(wire, fromFetch(makeApp().fetch));
    expect((await place.ask("/hello/you?q=1")).text).toBe("hello you 1");
    expect((await place.ask("/limited", { method: "POST", body: bytes(2) })).text).toBe("8000");
    expect((await place.ask("/limited", { method: "POST", body: bytes(4) })).status).toBe(413);
    const cookies = await place.ask("/cookies", { headers: { cookie: "x=y" } });
    expect(cookies.headers["set-cookie"]).toEqual(["a=1; Path=/", "b=2; Path=/; HttpOnly"]);
    expect(cookies.text).toBe('{"sent":"y"}');
    const events = await place.ask("/events");
    expect(events.text).toBe("data: 0\n\ndata: 1\n\ndata: 2\n\n");
    const zipped = await place.ask("/zipped/text", { headers: { "accept-encoding": "gzip" } });
    expect(gunzipSync(zipped.body).toString()).toBe("King for TypeScript. ".repeat(500));
    expect((await place.ask("/peer")).text).toMatch(/127\.0\.0\.1|::1/);
    const failed = await place.ask("/fails");
    expect([failed.status, failed.text]).toEqual([500, "handled: no"]);
    expect((await place.ask("/nothing")).status).toBe(404);
    expect(place.errors).toEqual([]);
  });

  test("stands behind middleware of ours, which sees its responses", async () => {
    const guarded = stack(
      securityHeaders(),
      cors({ origins: ["https://app.example"] }),
      rateLimit({ limit: 100 }),
      compress(),
    );
    await using place = await openPlace(wire, fromFetch(guarded(makeApp().fetch)));
    const zipped = await place.ask("/zipped/text", {
      headers: { "accept-encoding": "gzip, identity;q=0", origin: "https://app.example" },
    });
    expect(gunzipSync(zipped.body).length).toBe(10_500);
    expect(zipped.headers).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "content-encoding": "gzip",
      "x-content-type-options": "nosniff",
      ratelimit: '"default";r=99;t=1',
    });
    const cookies = await place.ask("/cookies", { headers: { "accept-encoding": "br" } });
    expect(cookies.headers["set-cookie"]).toHaveLength(2);
    expect(place.errors).toEqual([]);
  });
});
