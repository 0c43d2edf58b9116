import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { connectRaw, recorder, testClock, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { fromNode } from "../../src/node-handler.ts";
import { openPlace } from "./node-handler-harness.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** What an app may say of a response, in the order in which apps do. */
function sayAll(response: ServerResponse): void {
  response.setHeader("x-late", "1");
  response.writeEarlyHints({ link: "</a.css>; rel=preload" });
  response.writeContinue();
  response.writeHead(200, { "content-length": "4" });
  response.flushHeaders();
  response.write("la");
  response.end("te");
  response.destroy();
}

describe("a node listener that answers on HTTP/1.1 after the listener has answered for it", () => {
  test("says it to nobody, and finds its response closed once, with nothing sent", async () => {
    const clock = testClock();
    const began = Promise.withResolvers<ServerResponse>();
    const seen = recorder<string>();
    const handler = fromNode((request, response) => {
      if (request.url === "/other") return void response.end("other");
      for (const event of ["close", "finish", "error"]) {
        response.on(event, () => seen.record(event));
      }
      return began.resolve(response);
    });
    await using place = await openPlace("h1", handler, { clock, responseTimeoutMs: 1_000 });
    const answer = place.ask("/");
    const response = await withDeadline(began.promise, "the request");
    clock.advance(2_000);
    expect((await answer).status).toBe(503);
    await seen.until((all) => all.includes("close"));
    expect([response.headersSent, response.destroyed, response.closed]).toEqual([
      false,
      true,
      true,
    ]);
    sayAll(response);
    expect((await place.ask("/other")).text).toBe("other");
    expect(seen.values.filter((event) => event !== "close")).toEqual([]);
    expect(place.errors).toEqual([]);
  });

  test("does so where the body came late, whole after all", async () => {
    const clock = testClock();
    const began = Promise.withResolvers<ServerResponse>();
    const handler = fromNode((request, response) => {
      request.once("data", () => began.resolve(response)).on("error", () => undefined);
      request.on("end", () => sayAll(response));
    });
    await using place = await openPlace("h1", handler, { clock, requestTimeoutMs: 1_000 });
    const { port } = place.listener.local;
    // It goes on before it looks at the answer.
    await using socket = await connectRaw({ port, reading: false });
    await socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
    const response = await withDeadline(began.promise, "the body");
    clock.advance(2_000);
    await socket.write(`67890${get}`);
    sayAll(response);
    socket.resume();
    const text = (await socket.readToEnd()).toString();
    expect(text).toMatch(/^HTTP\/1.1 408 [\s\S]*connection: close/i);
    expect([text.match(/HTTP/g)?.length, text.includes("late")]).toEqual([1, false]);
  });

  test("does so where its body was too large", async () => {
    const late = Promise.withResolvers<void>();
    const handler = fromNode((request, response) => {
      request.on("error", () =>
        setImmediate(() => setImmediate(() => late.resolve(sayAll(response)))),
      );
      request.resume();
    });
    await using place = await openPlace("h1", handler, { maxBodyBytes: 1_000 });
    await using socket = await connectRaw({ port: place.listener.local.port });
    const body = `5dc\r\n${"x".repeat(1_500)}\r\n0\r\n\r\n`;
    await socket.write(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
    await withDeadline(late.promise, "the late answer");
    const text = (await socket.readToEnd()).toString();
    expect(text).toMatch(/^HTTP\/1.1 413 [\s\S]*connection: close/i);
    expect(text).not.toContain("late");
  });

  test("does so where it threw before, and rejects after it", async () => {
    const failures = [new Error("first"), new Error("second")];
    const late = Promise.withResolvers<void>();
    const handler = fromNode((request, response) => {
      setImmediate(() => setImmediate(() => late.resolve(sayAll(response))));
      if (request.url === "/throws") throw failures[0];
      return Promise.reject(failures[1]);
    });
    await using place = await openPlace("h1", handler);
    for (const path of ["/throws", "/rejects"]) expect((await place.ask(path)).status).toBe(500);
    await withDeadline(late.promise, "the late answer");
    expect(place.errors).toEqual(failures);
  });

  test("has a pipe into its response ended, and where that comes from", async () => {
    const clock = testClock();
    const seen = recorder<string>();
    const source = new Readable({ read: () => undefined });
    source.once("close", () => seen.record("source closed"));
    const handler = fromNode((_request, response) => {
      pipeline(source, response).catch(() => seen.record("failed"));
      seen.record("piped");
    });
    await using place = await openPlace("h1", handler, { clock, responseTimeoutMs: 1_000 });
    const answer = place.ask("/");
    await seen.until((all) => all.includes("piped"));
    clock.advance(2_000);
    expect((await answer).status).toBe(503);
    await seen.until((all) => all.includes("failed") && all.includes("source closed"));
  });

  test("has no field of its own in our answer, nor its reason phrase", async () => {
    const handler = fromNode((_request, response) => {
      response.setHeader("set-cookie", "sid=1");
      response.setHeader("cache-control", "public");
      response.setHeader("content-encoding", "gzip");
      response.setHeader("transfer-encoding", "chunked");
      response.setHeader("trailer", "x");
      response.statusMessage = "Fine";
      throw new Error("boom");
    });
    await using place = await openPlace("h1", handler);
    await using socket = await connectRaw({ port: place.listener.local.port });
    await socket.write(get);
    const [head = "", body = ""] = (await socket.readToEnd()).toString().split("\r\n\r\n");
    const [line, ...fields] = head.split("\r\n");
    expect(line).toBe("HTTP/1.1 500 Internal Server Error");
    expect(fields.map((field) => field.split(":")[0]?.toLowerCase()).sort()).toEqual([
      "connection",
      "content-length",
      "content-type",
      "date",
    ]);
    expect(JSON.parse(body)).toMatchObject({ status: 500 });
  });

  test("leaves requests behind it unanswered, on a connection that ends", async () => {
    const seen: (string | undefined)[] = [];
    const handler = fromNode((request) => {
      seen.push(request.url);
      throw new Error("boom");
    });
    await using place = await openPlace("h1", handler);
    await using socket = await connectRaw({ port: place.listener.local.port });
    await socket.write(get + get + get);
    const text = (await socket.readToEnd()).toString();
    expect([seen.length, text.match(/HTTP\/1.1 \d+/g)]).toEqual([1, ["HTTP/1.1 500"]]);
  });
});
