import { Readable } from "node:stream";
import { connectRaw, withDeadline } from "@king-runtime/testkit";
import Fastify from "fastify";
import { describe, expect, test } from "vitest";
import { fromNode } from "../../src/node-handler.ts";
import { connectHttp2 } from "../exchange-harness.ts";
import { openPlace, wires } from "./node-handler-harness.ts";

async function makeApp(calls: string[] = []) {
  const app = Fastify({ bodyLimit: 100_000 });
  app.addHook("onRequest", async (request) => void calls.push(`onRequest ${request.url}`));
  app.addHook("onSend", async (_request, reply, payload) => {
    reply.header("x-hook", "sent");
    return payload;
  });
  app.addHook("onResponse", async (request) => void calls.push(`onResponse ${request.url}`));
  app.addHook(
    "onRequestAbort",
    async (request) => void calls.push(`onRequestAbort ${request.url}`),
  );
  app.get("/hello/:name", async (request) => ({
    hello: (request.params as { name: string }).name,
  }));
  app.post(
    "/schema",
    {
      schema: {
        body: { type: "object", required: ["a"], properties: { a: { type: "integer" } } },
        response: { 200: { type: "object", properties: { twice: { type: "integer" } } } },
      },
    },
    async (request) => ({ twice: 2 * (request.body as { a: number }).a, hidden: true }),
  );
  app.get("/stream", (_request, reply) => {
    const parts = Array.from({ length: 100 }, (_, at) => Buffer.alloc(20_000, at));
    return reply.type("application/octet-stream").send(Readable.from(parts));
  });
  app.get("/fails", async () => {
    throw Object.assign(new Error("no"), { statusCode: 409 });
  });
  app.get("/never", () => new Promise(() => calls.push("began /never")));
  app.setErrorHandler((error, _request, reply) =>
    reply
      .code((error as { statusCode?: number }).statusCode ?? 500)
      .send({ why: (error as Error).message }),
  );
  await app.ready();
  return app;
}

describe.each(wires)("a Fastify app over %s", (wire) => {
  test("is served unchanged: schemas, hooks, streams, errors", async () => {
    const calls: string[] = [];
    const app = await makeApp(calls);
    await using place = await openPlace(wire, fromNode(app.routing));
    const hello = await place.ask("/hello/you");
    expect([hello.status, hello.text]).toEqual([200, '{"hello":"you"}']);
    expect(hello.headers["x-hook"]).toBe("sent");

    const post = (body: string) =>
      place.ask("/schema", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
    const twice = await post('{"a":21}');
    expect([twice.status, twice.text]).toEqual([200, '{"twice":42}']);
    const wrong = await post('{"b":1}');
    expect([wrong.status, wrong.text]).toEqual([
      400,
      '{"why":"body must have required property \'a\'"}',
    ]);
    const large = await post(JSON.stringify({ a: 1, b: "x".repeat(200_000) }));
    expect(large.status).toBe(413);

    const stream = await place.ask("/stream");
    expect(stream.body.length).toBe(2_000_000);
    expect([stream.body[0], stream.body.at(-1)]).toEqual([0, 99]);

    const failed = await place.ask("/fails");
    expect([failed.status, failed.text]).toEqual([409, '{"why":"no"}']);
    expect((await place.ask("/nothing")).status).toBe(404);
    const head = await place.ask("/hello/you", { method: "HEAD" });
    expect([head.status, head.text]).toEqual([200, ""]);
    expect(calls).toContain("onResponse /hello/you");
    expect(calls.some((call) => call.startsWith("onRequestAbort"))).toBe(false);
    expect(place.errors).toEqual([]);
  });
});

describe("a Fastify app", () => {
  test.each(["h1", "h2"])("is told by onRequestAbort that a client left over %s", async (wire) => {
    const told = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const app = Fastify();
    app.addHook("onRequestAbort", async (_request) => told.resolve());
    app.get("/never", () => new Promise(() => began.resolve()));
    await app.ready();
    await using place = await openPlace(wire as "h1" | "h2", fromNode(app.routing));
    if (wire === "h1") {
      const socket = await connectRaw({ port: place.listener.local.port });
      await socket.write("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
      await began.promise;
      socket.reset();
    } else {
      const session = connectHttp2(place.listener);
      const client = session.request({ ":path": "/never" });
      client.on("error", () => undefined);
      await began.promise;
      client.close(8);
      await withDeadline(told.promise, "onRequestAbort");
      session.destroy();
    }
    await withDeadline(told.promise, "onRequestAbort");
  });
});
