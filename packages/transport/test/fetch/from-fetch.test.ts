import { once } from "node:events";
import { connectRaw, eventually, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { fromFetch, type ListenHttpOptions, listenHttp } from "../../src/index.ts";
import { connectHttp2 } from "../exchange-harness.ts";

async function openWith(
  lazyRequest: boolean,
  handler: Parameters<typeof fromFetch>[0],
  options: Partial<ListenHttpOptions>,
) {
  const listener = await listenHttp({ handler: fromFetch(handler, { lazyRequest }), ...options });
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

describe.each([false, true])("a Fetch handler, lazyRequest: %s,", (lazyRequest) => {
  const open = (
    handler: Parameters<typeof fromFetch>[0],
    options: Partial<ListenHttpOptions> = {},
  ) => openWith(lazyRequest, handler, options);

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

  test("sends the head of a body that has nothing to say yet", async () => {
    await using place = await open(
      () =>
        new Response(new ReadableStream(), { headers: { "content-type": "text/event-stream" } }),
    );
    const response = await withDeadline(fetch(place.url), "the head");
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    await response.body?.cancel();
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
    await eventually("the error to be told", () => errors.length > 0);
    expect(errors).toEqual([failure]);
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

  test.each([
    ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0", false],
    ["DELETE / HTTP/1.1\r\nHost: a", false],
    ["DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", true],
    ["PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5", true],
    ["GET / HTTP/1.1\r\nHost: a", false],
  ])("has a body only where one is sent: %j", async (head, has) => {
    await using place = await open((request) => new Response(`body ${request.body !== null}`));
    const socket = await connectRaw({ port: place.listener.local.port });
    const body = !has ? "" : head.endsWith("chunked") ? "0\r\n\r\n" : "12345";
    await socket.write(`${head}\r\nConnection: close\r\n\r\n${body}`);
    expect((await socket.readToEnd()).toString()).toContain(`body ${has}`);
  });

  test("has no body over HTTP/2 where it is announced to be empty", async () => {
    await using place = await open((request) => new Response(`body ${request.body !== null}`));
    const session = connectHttp2(place.listener);
    for (const length of ["0", "1"]) {
      const client = session.request({ ":method": "POST", ":path": "/", "content-length": length });
      client.end("1".slice(1 - Number(length)));
      let text = "";
      for await (const chunk of client.setEncoding("utf8")) text += chunk;
      expect(text).toBe(`body ${length === "1"}`);
    }
    session.destroy();
  });

  test("has all the members of a Request, with the values of a genuine one", async () => {
    let seen: Request | undefined;
    await using place = await open(async (request) => {
      seen = request;
      await request.text();
      return new Response();
    });
    const init = { method: "PUT", body: "x", headers: { "x-a": "1" } };
    await fetch(`${place.url}/a?b`, init);
    const genuine = new Request(`${place.url}/a?b`, init);
    for (const name of Object.keys(Object.getOwnPropertyDescriptors(Request.prototype))) {
      const value = (seen as unknown as Record<string, unknown>)[name];
      const expected = (genuine as unknown as Record<string, unknown>)[name];
      expect([name, typeof value]).toEqual([name, typeof expected]);
      const isPlain = typeof expected === "string" || typeof expected === "boolean";
      if (isPlain && name !== "bodyUsed") expect([name, value]).toEqual([name, expected]);
    }
    expect([seen?.bodyUsed, String(seen)]).toEqual([true, "[object Request]"]);
    expect(seen).toBeInstanceOf(Request);
  });

  test.each(["arrayBuffer", "blob", "bytes", "json", "text"] as const)(
    "reads the body by %s(), once",
    async (read) => {
      await using place = await open(async (request) => {
        const value = (await request[read]()) as ArrayBuffer | Blob | Uint8Array | string;
        await expect(request.text()).rejects.toThrow(TypeError);
        const size = new Blob([value as string]).size;
        return new Response(String(size));
      });
      const response = await fetch(place.url, { method: "POST", body: '"four"' });
      expect(await response.text()).toBe(read === "json" ? "4" : "6");
    },
  );

  test("reads a form", async () => {
    await using place = await open(async (request) => {
      const form = await request.formData();
      return new Response(String(form.get("a")));
    });
    const response = await fetch(place.url, { method: "POST", body: new URLSearchParams("a=7") });
    expect(await response.text()).toBe("7");
  });

  test("can clone its request; both have the body, the headers and the signal", async () => {
    const aborted = Promise.withResolvers<void>();
    const waiting = Promise.withResolvers<void>();
    await using place = await open(async (request) => {
      const copy = request.clone();
      copy.signal.addEventListener("abort", () => aborted.resolve());
      const texts = [await copy.text(), await request.text()];
      if (request.url.endsWith("/wait")) {
        waiting.resolve();
        await aborted.promise;
      }
      return Response.json([...texts, copy.headers.get("x-a"), copy.method, copy.url]);
    });
    const init = { method: "POST", body: "ab", headers: { "x-a": "1" } };
    const response = await fetch(place.url, init);
    expect(await response.json()).toEqual(["ab", "ab", "1", "POST", `${place.url}/`]);
    const controller = new AbortController();
    const left = fetch(`${place.url}/wait`, { ...init, signal: controller.signal });
    await waiting.promise;
    controller.abort();
    await expect(left).rejects.toThrow();
    await withDeadline(aborted.promise, "the abort of the copy");
  });

  test("is told of the exchange", async () => {
    await using place = await open((_request, { exchange }) => {
      return new Response(exchange.session.remote?.address);
    });
    expect(await (await fetch(place.url)).text()).toBe("127.0.0.1");
  });

  test("that gives back no Response is a 500, and its author is told", async () => {
    const errors: unknown[] = [];
    await using place = await open(() => "text" as never, {
      onHandlerError: (error) => errors.push(error),
    });
    expect((await fetch(place.url)).status).toBe(500);
    expect(errors).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/Response/) }),
    ]);
  });
});

test("a genuine request can be copied by the platform, a lazy one refuses it", async () => {
  const copied = async (lazyRequest: boolean) => {
    const handler = (request: Request) =>
      new Response(new Request(request, { method: "POST" }).headers.get("x-a"));
    await using place = await openWith(lazyRequest, handler, { onHandlerError: () => undefined });
    const response = await fetch(place.url, { headers: { "x-a": "7" } });
    return [response.status, await response.text()];
  };
  expect(await copied(false)).toEqual([200, "7"]);
  expect((await copied(true))[0]).toBe(500);
});

test.each([
  ["handler", () => fromFetch("x" as never)],
  ["lazyRequest", () => fromFetch(() => new Response(), { lazyRequest: 1 as never })],
  ["lazy", () => fromFetch(() => new Response(), { lazy: true } as never)],
])("a wrong %s is refused by name", (option, make) => {
  expect(make).toThrow(expect.objectContaining({ details: expect.objectContaining({ option }) }));
});
