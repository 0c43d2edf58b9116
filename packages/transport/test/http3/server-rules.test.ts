import type { Exchange } from "@king-runtime/core";
import { eventually, recordDiagnostics, stalled, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { http3Codes } from "../../src/http3/codes.ts";
import { createRouter, fromFetch, fromNode, type ListenHttpOptions } from "../../src/index.ts";
import { connectHead, serverPlace } from "./http3-harness.ts";
import { memoryEngine } from "./memory-engine.ts";
import {
  bytes,
  data,
  headers,
  type RawHttp3Peer,
  type RawHttp3Stream,
  requestHead,
} from "./raw-http3-peer.ts";

const codes = http3Codes;
const place = (options: Partial<ListenHttpOptions> = {}) => serverPlace(memoryEngine(), options);
const echo = async (exchange: Exchange) =>
  exchange.respond(200, {}, Buffer.from(await exchange.bytes()).toString());

/** Asks for something, as a whole request. */
async function ask(peer: RawHttp3Peer, ...parts: Uint8Array[]): Promise<RawHttp3Stream> {
  const asked = await peer.request(...parts);
  await asked.stream.end();
  return asked;
}
const answerTo = async (asked: RawHttp3Stream) => {
  const { sections, body, end } = await withDeadline(asked.message(), "an answer");
  return { status: sections.at(0)?.[":status"], fields: sections.at(0), body, end };
};

describe("limits of bodies", () => {
  test("a body that is announced as too large is 413, and so is one that turns out to be", async () => {
    await using server = await place({ maxBodyBytes: 1_000, handler: echo });
    const peer = await server.connect();
    const announced = await peer.request(requestHead("POST", "/", "content-length", "1001"));
    expect(await answerTo(announced)).toMatchObject({ status: "413", end: "end" });
    const unannounced = await peer.request(requestHead("POST"), data(new Uint8Array(2_000)));
    expect(await answerTo(unannounced)).toMatchObject({ status: "413", end: "end" });
    const right = await ask(peer, requestHead("POST"), data("x".repeat(1_000)));
    expect((await answerTo(right)).body).toHaveLength(1_000);
  });

  test("64 MiB to a handler that does not read are held in bounds", async () => {
    const arrived = Promise.withResolvers<Exchange>();
    await using server = await place({
      maxBodyBytes: Number.POSITIVE_INFINITY,
      handler(exchange) {
        arrived.resolve(exchange);
        return new Promise(() => undefined);
      },
    });
    const asked = await (await server.connect()).request(requestHead("POST"));
    await arrived.promise;
    const chunk = data(new Uint8Array(65_536));
    let sent = 0;
    const sending = (async () => {
      for (; sent < 64 * 1_048_576; sent += 65_536) await asked.send(chunk);
    })();
    sending.catch(() => undefined);
    await stalled(() => sent);
    expect(sent).toBeLessThan(1_048_576);
    asked.stream.reset();
  });

  test("small writes too wait for a client that takes nothing, and arrive whole when it does", async () => {
    let sent = 0;
    const total = 4_000;
    await using server = await place({
      async handler(exchange) {
        exchange.respond(200);
        for (; sent < total; sent++) await exchange.write(new Uint8Array(1_000));
        await exchange.end();
      },
    });
    const asked = await ask(await server.connect(), requestHead());
    await stalled(() => sent);
    expect(sent).toBeLessThan(1_000);
    expect((await answerTo(asked)).body).toHaveLength(1_000 * total);
  });
});

describe("deadlines", () => {
  test("bodyIdleTimeoutMs: 408 for a body that is waited for in vain", async () => {
    const failures: unknown[] = [];
    await using server = await place({
      bodyIdleTimeoutMs: 50,
      handler: async (exchange) => {
        await exchange.bytes().catch((error) => failures.push(error));
      },
    });
    const asked = await (await server.connect()).request(requestHead("POST"), data("half"));
    expect(await answerTo(asked)).toMatchObject({ status: "408", end: "end" });
    await eventually("the reader to be told", () => failures.length > 0);
    expect(failures).toMatchObject([{ code: "KING_HTTP_TIMEOUT", details: { phase: "body" } }]);
  });

  test("requestTimeoutMs: 408 for a body that goes on for ever", async () => {
    await using server = await place({ requestTimeoutMs: 100, handler: echo });
    const asked = await (await server.connect()).request(requestHead("POST"));
    const dripping = (async () => {
      for (;;) {
        await asked.send(data("x"));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    dripping.catch(() => undefined); // looked at below
    expect(await answerTo(asked)).toMatchObject({ status: "408" });
    await expect(dripping).rejects.toMatchObject({ code: "KING_STREAM_RESET" });
  });

  test("responseTimeoutMs: 503 for a handler that does not respond", async () => {
    await using server = await place({
      responseTimeoutMs: 50,
      handler: () => new Promise(() => undefined),
      onHandlerError: () => undefined,
    });
    expect(await answerTo(await ask(await server.connect(), requestHead()))).toMatchObject({
      status: "503",
    });
  });

  test("headersTimeoutMs: a stream without a head ends, and other streams go on", async () => {
    await using server = await place({ headersTimeoutMs: 50, handler: echo });
    const peer = await server.connect();
    const asked = await peer.request(requestHead("POST").subarray(0, 5));
    expect(await withDeadline(asked.stream.closed, "the end")).toMatchObject({
      by: "peer",
      code: codes.requestIncomplete,
    });
    expect((await answerTo(await ask(peer, requestHead("POST"), data("on")))).body).toBe("on");
  });

  test("writeIdleTimeoutMs: cut, for a client that takes nothing", async () => {
    const failures: unknown[] = [];
    await using server = await place({
      writeIdleTimeoutMs: 50,
      async handler(exchange) {
        exchange.respond(200);
        for (;;) await exchange.write(new Uint8Array(65_536));
      },
      onHandlerError: (error) => failures.push(error),
    });
    const asked = await ask(await server.connect(), requestHead());
    expect(await withDeadline(asked.stream.closed, "the end")).toMatchObject({ by: "peer" });
    expect(failures).toEqual([]);
  });

  test("keepAliveTimeoutMs: an idle connection ends gracefully", async () => {
    await using server = await place({ keepAliveTimeoutMs: 50, handler: echo });
    const peer = await server.connect();
    await answerTo(await ask(peer, requestHead()));
    expect(await withDeadline(peer.code(), "the end")).toBe(codes.noError);
  });
});

describe("the end of a session", () => {
  test("maxRequestsPerSession: the last one is served, and the connection ends", async () => {
    await using server = await place({ maxRequestsPerSession: 3, handler: echo });
    const peer = await server.connect();
    for (let i = 0; i < 3; i++) {
      expect(await answerTo(await ask(peer, requestHead()))).toMatchObject({ status: "200" });
    }
    expect(await withDeadline(peer.code(), "the end")).toBe(codes.noError);
    expect(peer.goaways).toEqual([12]);
  });

  test("maxSessions: further connections are closed", async () => {
    await using server = await place({ maxSessions: 1, handler: echo });
    const peer = await server.connect();
    await answerTo(await ask(peer, requestHead()));
    const second = await server.connect(bytes());
    await withDeadline(second.session.closed, "the end");
    expect(server.listener.stats()).toMatchObject({ sessionsActive: 1, sessionsRefused: 1 });
    expect(await answerTo(await ask(peer, requestHead()))).toMatchObject({ status: "200" });
  });

  test("close() tells where it ends, rejects what lies beyond, and waits for the rest", async () => {
    await using server = await place({ drainGraceMs: 20 });
    const peer = await server.connect();
    const asked = await ask(peer, requestHead());
    const exchange = await server.next();
    const closing = server.listener.close();
    await eventually("the last GOAWAY", () => peer.goaways.includes(4));
    expect(peer.goaways).toHaveLength(2);
    const late = await peer.request(requestHead());
    expect(await withDeadline(late.stream.closed, "a refusal")).toMatchObject({
      by: "peer",
      code: codes.requestRejected,
    });
    exchange.respond(200, {}, "finished");
    expect(await answerTo(asked)).toMatchObject({ status: "200", body: "finished" });
    await withDeadline(closing, "the listener's end");
    expect(await exchange.session.closed).toMatchObject({ by: "local", clean: true });
    expect(await peer.code()).toBe(codes.noError);
  });

  test("requests that are given up without end are answered with H3_EXCESSIVE_LOAD", async () => {
    await using server = await place({ handler: () => new Promise(() => undefined) });
    const peer = await server.connect();
    for (let i = 0; i < 600 && peer.session.state === "open"; i++) {
      const asked = await peer.request(requestHead()).catch(() => undefined);
      await new Promise(setImmediate);
      asked?.stream.reset(codes.requestCancelled);
    }
    expect(await withDeadline(peer.code(), "the end")).toBe(codes.excessiveLoad);
  });

  test.each([
    ["before its head", []],
    ["within its body", [requestHead("POST"), data("half")]],
    ["within a frame", [requestHead("POST"), data("half").subarray(0, 3)]],
    ["after its trailers", [requestHead("POST"), data("half"), headers("sum", "1")]],
  ])("a request that its client breaks off %s is no other's matter", async (_, parts) => {
    const ends: unknown[] = [];
    await using server = await place({
      async handler(exchange) {
        if (exchange.path === "/next") return exchange.respond(204);
        void exchange.closed.then(({ by, clean, code }) => ends.push({ by, clean, code }));
        await exchange.bytes();
      },
    });
    const peer = await server.connect();
    for (const stops of [false, true]) {
      const asked = await peer.request(...parts);
      await new Promise(setImmediate);
      if (stops) asked.stream.stopReading(codes.requestCancelled);
      asked.stream.reset(codes.requestCancelled);
    }
    expect(await answerTo(await ask(peer, requestHead("GET", "/next")))).toMatchObject({
      status: "204",
    });
    await eventually("all exchanges to end", () => server.listener.stats().streamsActive === 0);
    const end = { by: "peer", clean: false, code: codes.requestCancelled };
    expect(ends).toEqual(parts.length === 0 ? [] : [end, end]);
  });

  test("a client that wants no more of a response ends it (STOP_SENDING)", async () => {
    const ended = Promise.withResolvers<unknown>();
    await using server = await place({
      async handler(exchange) {
        exchange.respond(200);
        void exchange.closed.then(ended.resolve);
        for (;;) await exchange.write(new Uint8Array(65_536));
      },
    });
    const asked = await (await server.connect()).request(requestHead("POST"));
    await asked.chunk();
    asked.stream.stopReading(codes.requestCancelled);
    expect(await withDeadline(ended.promise, "the end")).toMatchObject({
      by: "peer",
      clean: false,
      code: codes.requestCancelled,
    });
    expect(await withDeadline(asked.stream.closed, "the end")).toMatchObject({ clean: false });
  });

  test("a connection that ends with a code fails what was under way", async () => {
    await using server = await place();
    const peer = await server.connect();
    await ask(peer, requestHead());
    const exchange = await server.next();
    void peer.end(codes.internalError);
    expect(await withDeadline(exchange.closed, "its end")).toMatchObject({
      by: "peer",
      clean: false,
    });
    expect(await exchange.session.closed).toMatchObject({
      by: "peer",
      clean: false,
      streamsAborted: 1,
      code: codes.internalError,
    });
  });
});

describe("handlers over HTTP/3", () => {
  test("of Fetch", async () => {
    await using server = await place({
      handler: fromFetch(async (request) =>
        Response.json({ url: request.url, body: await request.text() }),
      ),
    });
    const asked = await ask(await server.connect(), requestHead("POST", "/a?b"), data("body"));
    const { body } = await answerTo(asked);
    expect(JSON.parse(body)).toEqual({ url: "https://localhost/a?b", body: "body" });
  });

  test("of node:http", async () => {
    await using server = await place({
      handler: fromNode(async (request, response) => {
        let text = "";
        for await (const chunk of request) text += chunk;
        response.writeHead(201, { "x-method": request.method });
        response.end(`${request.url} ${text} ${request.headers.host}`);
      }),
    });
    const asked = await ask(await server.connect(), requestHead("PUT", "/a"), data("body"));
    expect(await answerTo(asked)).toMatchObject({
      status: "201",
      fields: { "x-method": "PUT" },
      body: "/a body localhost",
    });
  });

  test("of routes, upgrades among them", async () => {
    await using server = await place({
      handler: createRouter({
        "GET /users/:id": (exchange, { id }) => exchange.respond(200, {}, id),
        "UPGRADE websocket /chat": async ({ upgrade }) => {
          const stream = upgrade.accept();
          for await (const chunk of stream) await stream.write(chunk);
          await stream.end();
        },
      }),
    });
    const peer = await server.connect();
    const user = await ask(peer, requestHead("GET", "/users/7"));
    expect(await answerTo(user)).toMatchObject({ status: "200", body: "7" });
    const chat = await ask(peer, connectHead(), data("hello"));
    expect(await answerTo(chat)).toMatchObject({ status: "200", body: "hello" });
    const other = await ask(peer, connectHead("other"));
    expect(await answerTo(other)).toMatchObject({ status: "501" });
    const open = await peer.request(connectHead());
    await open.section();
    await open.send(headers("a", "b"));
    expect(await withDeadline(peer.code(), "the end")).toBe(codes.frameUnexpected);
  });

  test("are told of by access events, with the request's id", async () => {
    using events = recordDiagnostics("king:transport:access");
    await using server = await place({ requestIdHeader: "x-request-id", handler: echo });
    const asked = await ask(
      await server.connect(),
      requestHead("POST", "/a?secret", "x-request-id", "abc"),
      data("four"),
    );
    expect((await answerTo(asked)).fields).toMatchObject({ "x-request-id": "abc" });
    await eventually("the event", () => events.values.length === 1);
    expect(events.values[0]).toMatchObject({
      path: "/a",
      status: 200,
      requestId: "abc",
      protocol: "h3",
    });
  });
});
