import { createHash } from "node:crypto";
import { IncomingMessage, OutgoingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { connectRaw, recorder, testClock, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { fromNode } from "../../src/node-handler.ts";
import { connectHttp2 } from "../exchange-harness.ts";
import { openPlace, type Wire, wires } from "./node-handler-harness.ts";

const methodsOf = (prototype: object) =>
  Object.entries(Object.getOwnPropertyDescriptors(prototype)).map(([name, each]) => [
    name,
    each.value ?? each.get,
  ]);

const prototypes = [IncomingMessage, OutgoingMessage, ServerResponse].map(
  ({ prototype }) => prototype,
);
const before = prototypes.map(methodsOf);

async function* bytes(chunks: number, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < chunks; at++) yield Buffer.alloc(size, at);
}

const hash = async (source: AsyncIterable<Uint8Array>) => {
  const sum = createHash("sha256");
  for await (const chunk of source) sum.update(chunk);
  return sum.digest("hex");
};

describe.each(wires)("a listener for node:http over %s", (wire) => {
  test("gets and gives large bodies through pipes, in step", async () => {
    const handler = fromNode((request, response) => {
      expect(request).toBeInstanceOf(IncomingMessage);
      expect(response).toBeInstanceOf(ServerResponse);
      response.writeHead(200, { "x-length": String(request.headers["content-length"]) });
      request.pipe(response);
    });
    await using place = await openPlace(wire, handler, { maxBodyBytes: 64_000_000 });
    const echo = await place.ask("/", { method: "POST", body: bytes(300) });
    expect(echo.headers["x-length"]).toBe("undefined");
    expect(echo.body.length).toBe(300 * 65_536);
    expect(
      await hash(
        (async function* () {
          yield echo.body;
        })(),
      ),
    ).toBe(await hash(bytes(300)));
    expect(place.errors).toEqual([]);
  });

  test("is told when to wait, and when there is room again", async () => {
    let waits = 0;
    const handler = fromNode(async (_request, response) => {
      for (let at = 0; at < 200; at++) {
        if (response.write(Buffer.alloc(65_536))) continue;
        expect(response.writableNeedDrain).toBe(true);
        waits++;
        await new Promise((resolve) => response.once("drain", resolve));
        expect(response.writableNeedDrain).toBe(false);
      }
      response.end();
    });
    await using place = await openPlace(wire, handler);
    expect((await place.ask("/")).body.length).toBe(200 * 65_536);
    expect(waits).toBeGreaterThan(0);
  });

  test("sends its head when it flushes it, before the body", async () => {
    const gate = Promise.withResolvers<void>();
    const handler = fromNode((request, response) => {
      if (request.url === "/open") return gate.resolve(void response.end());
      response.setHeader("x-a", ["1", "2"]);
      response.statusCode = 207;
      response.flushHeaders();
      expect(response.headersSent).toBe(true);
      void gate.promise.then(() => response.end("body"));
      return undefined;
    });
    await using place = await openPlace(wire, handler);
    const answer = place.ask("/");
    await place.ask("/open");
    expect(await answer).toMatchObject({ status: 207, headers: { "x-a": "1, 2" }, text: "body" });
  });

  test("sends early hints, trailers and several lines of a field", async () => {
    const handler = fromNode((_request, response) => {
      response.writeEarlyHints({ link: "</a.css>; rel=preload; as=style" });
      response.writeHead(200, { trailer: "x-sum", "set-cookie": ["a=1", "b=2"] });
      response.write("body");
      response.addTrailers({ "x-sum": "4" });
      response.end();
    });
    await using place = await openPlace(wire, handler);
    const answer = await place.ask("/");
    expect(answer.interim).toEqual([{ status: 103, link: "</a.css>; rel=preload; as=style" }]);
    expect(answer.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect([answer.text, answer.trailers["x-sum"]]).toEqual(["body", "4"]);
  });

  test("answers HEAD without a body, and 204 and 304 too", async () => {
    const handler = fromNode((request, response) => {
      response.statusCode = Number(request.url?.slice(1));
      response.setHeader("content-length", "4");
      if (response.statusCode !== 200) response.removeHeader("content-length");
      response.end(request.method === "HEAD" ? "body" : undefined);
    });
    await using place = await openPlace(wire, handler);
    const head = await place.ask("/200", { method: "HEAD" });
    expect([head.status, head.headers["content-length"], head.text]).toEqual([200, "4", ""]);
    for (const status of [204, 304]) {
      const answer = await place.ask(`/${status}`);
      expect([answer.status, answer.text]).toEqual([status, ""]);
    }
  });

  test("sees request and response end, in the order that node has", async () => {
    const seen = recorder<string>();
    const handler = fromNode((request, response) => {
      request.on("end", () => seen.record("request end"));
      request.on("aborted", () => seen.record("aborted"));
      response.on("finish", () => seen.record(`finish ${response.writableFinished}`));
      response.on("close", () => seen.record(`close ${response.destroyed}`));
      request.resume().once("end", () => response.end("x"));
    });
    await using place = await openPlace(wire, handler);
    await place.ask("/", { method: "POST", body: "abc" });
    await seen.until((all) => all.some((each) => each.startsWith("close")));
    expect(seen.values).toEqual(["request end", "finish true", "close true"]);
  });

  test("sees a request closed that it did not read, and not aborted", async () => {
    const closed = Promise.withResolvers<boolean>();
    const handler = fromNode((request, response) => {
      request.on("close", () => closed.resolve(request.aborted));
      response.end("x");
    });
    await using place = await openPlace(wire, handler);
    await place.ask("/");
    expect(await withDeadline(closed.promise, "the close")).toBe(false);
  });

  test("that throws or rejects is answered 500, and told", async () => {
    const failure = new Error("secret");
    const handler = fromNode((request) => {
      if (request.url === "/throws") throw failure;
      return Promise.reject(failure);
    });
    await using place = await openPlace(wire, handler);
    for (const path of ["/throws", "/rejects"]) {
      const answer = await place.ask(path);
      expect([answer.status, answer.text.includes("secret")]).toEqual([500, false]);
    }
    expect(place.errors).toEqual([failure, failure]);
  });

  test("that never answers is answered 503 at the deadline, and its late answer goes nowhere", async () => {
    const late = Promise.withResolvers<ServerResponse>();
    const handler = fromNode((_request, response) => late.resolve(response));
    await using place = await openPlace(wire, handler, { responseTimeoutMs: 40 });
    expect((await place.ask("/")).status).toBe(503);
    const response = await late.promise;
    response.on("error", () => undefined);
    response.end("late");
    expect((await place.ask("/")).status).toBe(503);
  });

  test("that resolves before it answers has all the time it needs", async () => {
    const handler = fromNode(async (_request, response) => {
      setImmediate(() => setImmediate(() => response.end("later")));
    });
    await using place = await openPlace(wire, handler);
    expect((await place.ask("/")).text).toBe("later");
    expect(place.errors).toEqual([]);
  });

  test("cannot read more than maxBodyBytes: the body ends with an error, and 413 is sent", async () => {
    const ended = Promise.withResolvers<Error>();
    const handler = fromNode((request, response) => {
      request.on("error", ended.resolve);
      request.on("end", () => response.end("all of it"));
      request.resume();
    });
    await using place = await openPlace(wire, handler, { maxBodyBytes: 100_000 });
    const answer = await place.ask("/", { method: "POST", body: bytes(4) });
    expect(answer.status).toBe(413);
    expect(await ended.promise).toMatchObject({ code: "KING_HTTP_BODY_LIMIT", status: 413 });
    const fits = await place.ask("/", { method: "POST", body: bytes(1) });
    expect(fits.text).toBe("all of it");
    expect(place.errors).toEqual([]);
  });

  test("may answer 413 itself, and without a listener for errors nothing breaks", async () => {
    const handler = fromNode((request, response) => {
      if (request.url === "/own") {
        request.on("error", (error: Error & { status?: number }) => {
          response.statusCode = error.status ?? 500;
          response.end("too much");
        });
      }
      request.resume();
    });
    await using place = await openPlace(wire, handler, { maxBodyBytes: 100_000 });
    const own = await place.ask("/own", { method: "POST", body: bytes(4) });
    expect([own.status, own.text]).toEqual([413, "too much"]);
    const none = await place.ask("/none", { method: "POST", body: bytes(4) });
    expect(none.status).toBe(413);
  });

  test("that answers after 413 was answered for it says it to nobody", async () => {
    const late = Promise.withResolvers<void>();
    const handler = fromNode((request, response) => {
      response.on("error", () => undefined);
      request.on("error", () =>
        setImmediate(() => setImmediate(() => late.resolve(void response.end("late")))),
      );
      request.resume();
    });
    await using place = await openPlace(wire, handler, { maxBodyBytes: 100_000 });
    const answer = await place.ask("/", { method: "POST", body: bytes(4) });
    await late.promise;
    expect([answer.status, answer.text.includes("late")]).toEqual([413, false]);
    expect(place.errors).toEqual([]);
  });

  test("whose response has begun is cut when the body is too large", async () => {
    const handler = fromNode((request, response) => {
      response.writeHead(200);
      request.on("error", () => undefined);
      request.pipe(response);
    });
    await using place = await openPlace(wire, handler, { maxBodyBytes: 100_000 });
    await expect(place.ask("/", { method: "POST", body: bytes(4) })).rejects.toThrow();
  });

  test("may destroy a response: the client cannot take it for whole", async () => {
    const handler = fromNode((_request, response) => {
      response.write("some", () => response.destroy());
    });
    await using place = await openPlace(wire, handler);
    await expect(place.ask("/")).rejects.toThrow();
  });

  test("leaves the prototypes of node as they are", async () => {
    await using place = await openPlace(
      wire,
      fromNode((request, response) => void pipeline(request, response)),
    );
    await place.ask("/", { method: "POST", body: "x" });
    expect(prototypes.map(methodsOf)).toEqual(before);
  });
});

describe.each(["h1", "h2"] as const)("a client that leaves a node listener over %s", (wire) => {
  async function leave(place: Awaited<ReturnType<typeof openPlace>>, when: Promise<void>) {
    if (wire === "h1") {
      const socket = await connectRaw({ port: place.listener.local.port });
      await socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
      await when;
      socket.reset();
      return;
    }
    const session = connectHttp2(place.listener);
    const client = session.request({ ":path": "/", ":method": "POST" });
    client.on("error", () => undefined);
    client.write("abc");
    await when;
    session.destroy(); // a reset by this client may come after an end of the body
  }

  test("aborts the request and closes both", async () => {
    const began = Promise.withResolvers<void>();
    const seen = recorder<string>();
    const handler = fromNode((request, response) => {
      request.once("data", () => began.resolve());
      request.on("aborted", () => seen.record("aborted"));
      request.on("error", (error: NodeJS.ErrnoException) => seen.record(`error ${error.code}`));
      request.on("close", () => seen.record("request close"));
      response.on("close", () => seen.record(`close ${response.writableFinished}`));
    });
    await using place = await openPlace(wire, handler);
    await leave(place, began.promise);
    await seen.until((all) => all.includes("request close"));
    await seen.until((all) => all.includes("close false"));
    expect(seen.values.slice(0, 1)).toEqual(["aborted"]);
    expect(seen.values).toContain("error ECONNRESET");
    expect(place.errors).toEqual([]);
  });

  test("does not bring the process down where nobody listens for errors", async () => {
    const began = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const handler = fromNode((request, response) => {
      request.once("data", () => began.resolve());
      response.once("close", () => {
        response.write("into the void");
        response.end();
        closed.resolve();
      });
    });
    await using place = await openPlace(wire, handler);
    await leave(place, began.promise);
    await withDeadline(closed.promise, "the close");
    expect(place.errors).toEqual([]);
  });
});

describe("a listener for node:http", () => {
  test("has a client with Expect told to go on when it first reads, not before", async () => {
    const handler = fromNode((request, response) => {
      if (request.url === "/refused") return void response.writeHead(403).end();
      request.resume().once("end", () => response.end("read"));
    });
    await using place = await openPlace("h1", handler);
    const read = await place.ask("/", {
      method: "POST",
      headers: { expect: "100-continue" },
      body: bytes(2),
    });
    expect([read.text, read.interim]).toEqual(["read", [{ status: 100 }]]);
    await using socket = await connectRaw({ port: place.listener.local.port });
    await socket.write(
      "POST /refused HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    );
    const answer = (await socket.readToEnd()).toString();
    expect(answer).toMatch(/^HTTP\/1.1 403 [\s\S]*connection: close/i);
  });

  test.each(["/own", "/none"])(
    "ends the connection after a body that was too large, which goes on and on, at %s",
    async (path) => {
      const handler = fromNode((request, response) => {
        if (request.url === "/own") {
          request.on("error", () => response.writeHead(413).end("too much"));
        }
        request.resume();
      });
      await using place = await openPlace("h1", handler, { maxBodyBytes: 100_000 });
      await using socket = await connectRaw({ port: place.listener.local.port });
      await socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
      const chunk = `8000\r\n${"x".repeat(0x8000)}\r\n`;
      for (let at = 0; at < 8; at++) await socket.write(chunk);
      const answer = (await socket.readToEnd()).toString();
      expect(answer).toMatch(/^HTTP\/1.1 413 [\s\S]*connection: close/i);
    },
  );

  test("keeps a connection alive from one request to the next", async () => {
    const ports = new Set<number | undefined>();
    const handler = fromNode((request, response) => {
      ports.add(request.socket.remotePort);
      request.resume();
      response.end("x");
    });
    await using place = await openPlace("h1", handler);
    for (let at = 0; at < 5; at++) await place.ask("/", { method: "POST", body: "abc" });
    expect(ports.size).toBe(1);
  });

  test("serves an upgrade request as a plain one", async () => {
    const handler = fromNode((request, response) => void response.end(request.headers.upgrade));
    await using place = await openPlace("h1", handler);
    await using socket = await connectRaw({ port: place.listener.local.port });
    await socket.write(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    expect((await socket.readToEnd()).toString()).toMatch(/^HTTP\/1.1 200 [\s\S]*websocket$/);
  });

  test.each<[Wire, string]>([
    ["h2", "http"],
    ["h2 over TLS", "https"],
  ])("finds on %s what it finds on HTTP/1.1", async (wire, scheme) => {
    const handler = fromNode((request, response) => {
      const { socket, url, method, headers, httpVersion } = request;
      const { encrypted } = socket as typeof socket & { encrypted?: boolean };
      const { remoteAddress, localPort } = socket;
      response.setHeader("connection", "keep-alive");
      response.setHeader("transfer-encoding", "chunked");
      const facts = { url, method, httpVersion, encrypted, remoteAddress, localPort };
      response.end(JSON.stringify({ ...facts, host: headers.host }));
    });
    await using place = await openPlace(wire, handler);
    const { port } = place.listener.local;
    expect(JSON.parse((await place.ask("/a?b")).text)).toEqual({
      url: "/a?b",
      method: "GET",
      httpVersion: "2.0",
      encrypted: scheme === "https",
      remoteAddress: expect.stringMatching(/^(127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)$/),
      localPort: port,
      host: `localhost:${port}`,
    });
  });

  test("with a status that cannot be sent on HTTP/2 is a 500, and told", async () => {
    const handler = fromNode((_request, response) => void response.writeHead(799).end());
    await using place = await openPlace("h2", handler);
    expect((await place.ask("/")).status).toBe(500);
    expect(place.errors).toEqual([expect.objectContaining({ code: "KING_HTTP_HEADER_INVALID" })]);
  });

  test("may write for longer than writeIdleTimeoutMs to a client that reads, if slowly", async () => {
    const clock = testClock();
    const part = Buffer.alloc(65_536);
    const handler = fromNode((_request, response) => {
      Readable.from(
        (function* () {
          for (let i = 0; i < 1_280; i++) yield part;
        })(),
      ).pipe(response);
    });
    await using place = await openPlace("h1", handler, { clock, writeIdleTimeoutMs: 1_000 });
    await using socket = await connectRaw({ port: place.listener.local.port });
    await socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    // In each step it takes more than the system's buffers hold, and less than a deadline passes.
    for (let i = 0; i < 5; i++) {
      await socket.readBytes(15_000_000);
      clock.advance(900);
    }
    await socket.readUntil("\r\n0\r\n\r\n");
    place.listener.abort();
  });

  test("has to be a function", () => {
    expect(() => fromNode({} as never)).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID", details: { option: "listener" } }),
    );
  });
});
