import { once } from "node:events";
import { connectRaw, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { fromFetch, type ListenHttpOptions, listenHttp } from "../src/index.ts";
import { connectHttp2 } from "./exchange-harness.ts";

async function open(
  handler: (request: Request) => Response | Promise<Response>,
  options: Partial<ListenHttpOptions> = {},
) {
  const listener = await listenHttp({ handler: fromFetch(handler), ...options });
  const url = `http://127.0.0.1:${listener.local.port}`;
  return {
    listener,
    url,
    async [Symbol.asyncDispose]() {
      listener.abort();
      await listener.closed;
    },
  };
}

describe("a Fetch handler", () => {
  test("gets a genuine Request and gives a genuine Response, both with bodies", async () => {
    await using place = await open(async (request) => {
      expect(request).toBeInstanceOf(Request);
      const { pathname, searchParams } = new URL(request.url);
      const said = `${request.method} ${pathname} ${searchParams.get("a")} ${await request.text()}`;
      const headers = new Headers({ "x-a": request.headers.get("x-a") ?? "" });
      headers.append("set-cookie", "a=1");
      headers.append("set-cookie", "b=2");
      return new Response(said, { status: 201, headers });
    });
    const init = { method: "POST", body: "hello", headers: { "x-a": "7" } };
    const response = await fetch(`${place.url}/path?a=b`, init);
    expect(response.status).toBe(201);
    expect(response.headers.get("x-a")).toBe("7");
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(response.headers.get("content-length")).toBe(String("POST /path b hello".length));
    expect(await response.text()).toBe("POST /path b hello");
  });

  test("streams: the first part arrives before the second is made", async () => {
    const gate = Promise.withResolvers<void>();
    await using place = await open(() => {
      async function* parts() {
        yield new TextEncoder().encode("first,");
        await gate.promise;
        yield new TextEncoder().encode("second");
      }
      return new Response(ReadableStream.from(parts()) as ReadableStream<Uint8Array>);
    });
    const response = await fetch(place.url);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const first = await withDeadline(reader.read(), "the first part");
    expect(Buffer.from(first.value as Uint8Array).toString()).toBe("first,");
    gate.resolve();
    const second = await reader.read();
    expect(Buffer.from(second.value as Uint8Array).toString()).toBe("second");
    expect((await reader.read()).done).toBe(true);
  });

  test.each([
    ["no body", () => new Response(null, { status: 204 }), 204, ""],
    ["an empty body", () => new Response(""), 200, ""],
    ["a body of bytes", () => new Response(new Uint8Array([97])), 200, "a"],
  ])("answers with %s", async (_, respond, status, text) => {
    await using place = await open(respond);
    const response = await fetch(place.url);
    expect([response.status, await response.text()]).toEqual([status, text]);
  });

  test("answers HEAD without its body", async () => {
    await using place = await open(() => new Response("body"));
    const response = await fetch(place.url, { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect(response.headers.has("content-length")).toBe(false);
  });

  test("answers HEAD with the length that the Response carries", async () => {
    await using place = await open(
      () => new Response("body", { headers: { "content-length": "4" } }),
    );
    const response = await fetch(place.url, { method: "HEAD" });
    expect(response.headers.get("content-length")).toBe("4");
  });

  test.each([
    ["TRACE / HTTP/1.1\r\nHost: a", 501],
    ["OPTIONS * HTTP/1.1\r\nHost: a", 400],
    ["GET / HTTP/1.1\r\nHost: a b", 400],
    ["GET / HTTP/1.1\r\nHost: a:99999", 400],
    ["GET / HTTP/1.1\r\nHost: a@b", 400],
    ["GET / HTTP/1.1\r\nHost: a/../x?y=#", 400],
    ["GET / HTTP/1.1\r\nHost: a\\b", 400],
    ["GET / HTTP/1.1\r\nHost: [::1", 400],
    ["GET http://u:p@h/ HTTP/1.1\r\nHost: h", 400],
    ["GET ftp://h/ HTTP/1.1\r\nHost: h", 400],
  ])("answers %j with %i by itself: it makes no Request", async (head, status) => {
    const errors: unknown[] = [];
    let asked = 0;
    await using place = await open(() => new Response(String(++asked)), {
      onHandlerError: (error) => errors.push(error),
    });
    const socket = await connectRaw({ port: place.listener.local.port });
    await socket.write(`${head}\r\nConnection: close\r\n\r\n`);
    const answer = (await socket.readToEnd()).toString();
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect([asked, errors]).toEqual([0, []]);
  });

  test.each([
    ["GET /p?q=1 HTTP/1.1\r\nHost: a.example:8080", "http://a.example:8080/p?q=1"],
    ["GET /p HTTP/1.1\r\nHost: [::1]:81", "http://[::1]:81/p"],
    ["GET //b/p HTTP/1.1\r\nHost: a", "http://a//b/p"],
    ["GET /p HTTP/1.0", "http://localhost/p"],
    ["GET http://h:1/p?q HTTP/1.1\r\nHost: a", "http://h:1/p?q"],
  ])("of %j gets the URL %s", async (head, url) => {
    await using place = await open((request) => new Response(request.url));
    const socket = await connectRaw({ port: place.listener.local.port });
    await socket.write(`${head}\r\nConnection: close\r\n\r\n`);
    expect((await socket.readToEnd()).toString()).toContain(`\r\n\r\n${url}`);
  });

  test("has a signal that aborts when the client leaves, and a body that then is cancelled", async () => {
    const aborted = Promise.withResolvers<void>();
    const cancelled = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    await using place = await open((request) => {
      request.signal.addEventListener("abort", () => aborted.resolve());
      const body = new ReadableStream({
        pull(controller) {
          controller.enqueue(new Uint8Array(65_536));
          arrived.resolve();
        },
        cancel: () => cancelled.resolve(),
      });
      return new Response(body);
    });
    const socket = await connectRaw({ port: place.listener.local.port });
    await socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await arrived.promise;
    socket.reset();
    await withDeadline(aborted.promise, "the abort");
    await withDeadline(cancelled.promise, "the cancellation");
  });

  test("whose body fails in the middle cuts the response, so that it is not taken for whole", async () => {
    const errors: unknown[] = [];
    const failure = new Error("no more");
    await using place = await open(
      () => {
        async function* parts() {
          yield new Uint8Array(10);
          await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
          throw failure;
        }
        return new Response(ReadableStream.from(parts()) as ReadableStream<Uint8Array>);
      },
      { onHandlerError: (error) => errors.push(error) },
    );
    const response = await fetch(place.url);
    await expect(response.bytes()).rejects.toThrow();
    expect(errors.length).toBeLessThanOrEqual(1);
  });

  test("that throws is a 500 without a word of why", async () => {
    const errors: unknown[] = [];
    const failure = new Error("secret");
    await using place = await open(() => Promise.reject(failure), {
      onHandlerError: (error) => errors.push(error),
    });
    const response = await fetch(place.url);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
    expect(errors).toEqual([failure]);
  });

  test.each([
    ["ftp", "a"],
    ["http", "a:99999"],
  ])("answers the scheme %s and the authority %s with 400 on HTTP/2", async (scheme, authority) => {
    await using place = await open((request) => new Response(request.url));
    const session = connectHttp2(place.listener);
    const client = session.request({ ":scheme": scheme, ":authority": authority, ":path": "/" });
    const [head] = await once(client, "response");
    expect(head[":status"]).toBe(400);
    session.destroy();
  });

  test("is mounted on HTTP/2 just the same", async () => {
    await using place = await open(async (request) => new Response(await request.text()));
    const session = connectHttp2(place.listener);
    const client = session.request({ ":method": "POST", ":path": "/" });
    client.end("over two");
    let text = "";
    for await (const chunk of client.setEncoding("utf8")) text += chunk;
    expect(text).toBe("over two");
    session.destroy();
  });
});
