import type { ExchangeHandler } from "@king-runtime/core";
import { connectRaw, eventually } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { fromNode } from "../../src/node-handler.ts";
import { openPlace, wires } from "./node-handler-harness.ts";

const get = (path = "/") => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

describe("a node listener on HTTP/1.1 keeps to what its listener was told", () => {
  test.each([false, true])(
    "it ends a connection at maxRequestsPerSession (%s)",
    async (insists) => {
      const handler = fromNode((_request, response) => {
        if (insists) response.setHeader("connection", "keep-alive");
        response.end("x");
      });
      await using place = await openPlace("h1", handler, { maxRequestsPerSession: 2 });
      await using socket = await connectRaw({ port: place.listener.local.port });
      await socket.write(get());
      expect((await socket.readUntil("\r\n\r\nx")).toString()).toMatch(/connection: keep-alive/i);
      await socket.write(get());
      const last = (await socket.readToEnd()).toString();
      expect(/connection: close/i.test(last)).toBe(!insists);
      expect(last.match(/HTTP\/1.1/g)?.length).toBe(1);
    },
  );

  test("it says that the connection ends once the listener closes, also of a response under way", async () => {
    const gate = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const handler = fromNode(async (request, response) => {
      began.resolve();
      if (request.url === "/slow") await gate.promise;
      response.end("x");
    });
    await using place = await openPlace("h1", handler, { drainGraceMs: 5_000 });
    const { port } = place.listener.local;
    await using slow = await connectRaw({ port });
    await using idle = await connectRaw({ port });
    await idle.write(get());
    await idle.readUntil("\r\n\r\nx");
    await slow.write(get("/slow"));
    await began.promise;
    await eventually("the request", () => place.listener.stats().streamsActive === 1);
    void place.listener.close();
    gate.resolve();
    await idle.write(get());
    for (const socket of [slow, idle]) {
      expect((await socket.readToEnd()).toString()).toMatch(
        /^HTTP\/1.1 200 [\s\S]*connection: close/i,
      );
    }
  });

  test("it answers what a client had sent before the listener closed", async () => {
    const gate = Promise.withResolvers<void>();
    const handler = fromNode(async (_request, response) => {
      await gate.promise;
      response.end("x");
    });
    await using place = await openPlace("h1", handler, { drainGraceMs: 5_000 });
    await using socket = await connectRaw({ port: place.listener.local.port });
    await socket.write(get() + get());
    await eventually("the request", () => place.listener.stats().streamsActive === 1);
    void place.listener.close();
    gate.resolve();
    const text = (await socket.readToEnd()).toString();
    expect(text.match(/connection: \S+/gi)?.map((each) => each.toLowerCase())).toEqual([
      "connection: keep-alive",
      "connection: close",
    ]);
  });

  test("it keeps a body to maxBodyBytes that came whole behind another request", async () => {
    const gate = Promise.withResolvers<void>();
    const bodies: unknown[] = [];
    const handler = fromNode(async (request, response) => {
      if (request.method === "GET") await gate.promise;
      else {
        let read = 0;
        try {
          for await (const chunk of request) read += chunk.length;
        } catch (error) {
          response.statusCode = (error as { status: number }).status;
        }
        bodies.push(read);
      }
      response.end("x");
    });
    await using place = await openPlace("h1", handler, { maxBodyBytes: 1_000 });
    await using socket = await connectRaw({ port: place.listener.local.port });
    const body = `5dc0\r\n${"x".repeat(0x5dc0)}\r\n0\r\n\r\n`;
    await socket.write(
      `${get()}POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
    );
    await eventually("the whole body", () => {
      const [session] = place.listener.sessions();
      return (session?.stats().wireBytesReceived ?? 0) > 0x5dc0;
    });
    gate.resolve();
    const text = (await socket.readToEnd()).toString();
    expect([text.match(/HTTP\/1.1 \d+/g), bodies]).toEqual([["HTTP/1.1 200", "HTTP/1.1 413"], [0]]);
  });
});

describe.each(wires)("a node listener over %s", (wire) => {
  test("has the request's id in its response, unless it sends one itself", async () => {
    const handler = fromNode((request, response) => {
      response.writeHead(200, request.url === "/own" ? { "X-Request-Id": "own" } : {});
      response.end("x");
    });
    await using place = await openPlace(wire, handler, { requestIdHeader: "x-request-id" });
    expect((await place.ask("/")).headers["x-request-id"]).toMatch(/./);
    const asked = await place.ask("/", { headers: { "x-request-id": "theirs" } });
    expect([asked.headers["x-request-id"]]).toEqual(["theirs"]);
    expect((await place.ask("/own")).headers["x-request-id"]).toBe("own");
  });

  test.each(["mounted", "native"])(
    "that fails after its response is whole is told of, %s",
    async (kind) => {
      const gate = Promise.withResolvers<void>();
      const failure = new Error("late");
      const fail = () => gate.promise.then(() => Promise.reject(failure));
      const mounted = fromNode((_request, response) => {
        response.end("x");
        return fail();
      });
      const handler: ExchangeHandler = (exchange) => {
        if (kind === "mounted") return mounted(exchange);
        exchange.respond(200, {}, "x");
        return fail();
      };
      await using place = await openPlace(wire, handler);
      expect((await place.ask("/")).text).toBe("x");
      await eventually("the end", () => place.listener.stats().streamsActive === 0);
      gate.resolve();
      await eventually("the failure", () => place.errors.length > 0);
      expect(place.errors).toEqual([failure]);
    },
  );
});
