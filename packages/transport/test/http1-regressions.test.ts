import { connectRaw, makeCertificates, recorder, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { fromFetch, listenHttp } from "../src/index.ts";
import { exchangeSource } from "./exchange-harness.ts";

const get = (path: string, ...fields: string[]) =>
  `${[`GET ${path} HTTP/1.1`, "Host: a", ...fields].join("\r\n")}\r\n\r\n`;
const upgrade = get("/ws", "Connection: Upgrade", "Upgrade: websocket");

describe("several requests at once on a connection", () => {
  test("are served one after the other, an upgrade behind them included", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(get("/one") + get("/two") + upgrade);
    const one = await source.next();
    expect(source.listener.stats().streamsActive).toBe(1);
    one.respond(200, {}, "first.");
    await socket.readUntil("first.");
    const two = await source.next();
    expect(two.path).toBe("/two");
    two.respond(200, {}, "second.");
    await socket.readUntil("second.");
    const three = await source.next();
    await three.upgrade?.accept().end(Buffer.from("upgraded."));
    await socket.readUntil("upgraded.");
  });

  test("are not served after a response that ends the connection (RFC 9112, 9.6)", async () => {
    const served: string[] = [];
    await using listener = await listenHttp({
      maxBodyBytes: 10,
      handler(exchange) {
        served.push(exchange.path);
        exchange.respond(
          200,
          exchange.path === "/close" ? { connection: "close" } : {},
          "answered",
        );
      },
    });
    for (const first of [
      get("/close"),
      "POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n".concat(
        "x".repeat(100_000),
      ),
    ]) {
      await using socket = await connectRaw({ port: listener.local.port });
      await socket.write(first + get("/after"));
      const text = (await socket.readToEnd()).toString();
      expect(text.match(/HTTP\/1\.1 \d{3}/g)).toHaveLength(1);
    }
    expect(served).toEqual(["/close"]);
  });

  test("end the connection when they are more than maxPipelinedRequests", async () => {
    await using source = await exchangeSource({ maxPipelinedRequests: 3 });
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(get("/").repeat(5));
    const exchange = await source.next();
    expect((await withDeadline(exchange.closed, "the end")).clean).toBe(false);
    await withDeadline(socket.ended, "the end of the connection");
  });

  test("wait without their deadlines running", async () => {
    await using source = await exchangeSource({ responseTimeoutMs: 400, writeIdleTimeoutMs: 100 });
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(get("/slow") + get("/next"));
    const slow = await source.next();
    const late = new Promise((resolve) => slow.signal.addEventListener("abort", resolve));
    await withDeadline(late, "the deadline of the first");
    expect(await socket.readUntil("\r\n\r\n")).toMatch(/^HTTP\/1\.1 503 /);
    const next = await source.next();
    next.respond(200, {}, "served.");
    await socket.readUntil("served.");
  });

  test("of which one is nonsense: the one before is answered, then the connection ends", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(`${get("/")}nonsense\r\n\r\n`);
    const exchange = await source.next();
    exchange.respond(200, {}, "answer");
    const text = (await socket.readToEnd()).toString();
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text).toContain("answer");
    expect(text).not.toContain("400");
  });
});

describe("a cut over TLS", () => {
  async function open(options: Parameters<typeof exchangeSource>[0] = {}) {
    const certificates = await makeCertificates();
    const source = await exchangeSource({ tls: certificates.leaf, ...options });
    const tls = { ca: certificates.ca, alpn: ["http/1.1"] };
    const socket = await connectRaw({ port: source.listener.local.port, tls, reading: false });
    return {
      source,
      socket,
      async [Symbol.asyncDispose]() {
        await socket[Symbol.asyncDispose]();
        await source[Symbol.asyncDispose]();
      },
    };
  }

  test("ends a client that does not read, and an exchange that is aborted", async () => {
    await using place = await open({ writeIdleTimeoutMs: 50 });
    await place.socket.write(get("/"));
    const exchange = await place.source.next();
    exchange.respond(200);
    const sending = (async () => {
      for (;;) await exchange.write(new Uint8Array(65_536));
    })();
    await expect(sending).rejects.toMatchObject({ details: { phase: "write" } });
    expect((await exchange.closed).clean).toBe(false);
  });

  test("ends an upgraded stream", async () => {
    await using place = await open();
    await place.socket.write(upgrade);
    const stream = (await place.source.next()).upgrade?.accept();
    stream?.abort(new Error("enough"));
    expect(await stream?.closed).toMatchObject({ by: "local", clean: false });
  });

  test("comes with a listener's deadline, also for a connection that never shook hands", async () => {
    await using place = await open();
    const { listener } = place.source;
    await using silent = await connectRaw({ port: listener.local.port });
    await place.socket.write(get("/"));
    await place.source.next();
    await withDeadline(listener.close({ deadlineMs: 50 }), "close()");
    expect(await listener.closed).toMatchObject({ clean: false, sessionsAborted: 1 });
    await withDeadline(silent.ended, "the end of a silent connection");
  });
});

describe("a handler that does not wait", () => {
  test("for the end of a large response harms nobody when its client leaves", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port, reading: false });
    await socket.write(get("/"));
    const exchange = await source.next();
    exchange.respond(200);
    void exchange.end(new Uint8Array(50_000_000));
    socket.reset();
    expect((await withDeadline(exchange.closed, "closed")).clean).toBe(false);
  });

  test("and one whose onHandlerError throws still gets its client an answer", async () => {
    const said = recorder<unknown>();
    const original = console.error;
    console.error = said.record;
    try {
      await using listener = await listenHttp({
        handler: () => Promise.reject(new Error("broken")),
        onHandlerError() {
          throw new Error("so is this");
        },
      });
      const response = await fetch(`http://127.0.0.1:${listener.local.port}/`);
      expect(response.status).toBe(500);
      const [failure] = await said.take(1);
      expect(String(failure)).toContain("so is this");
    } finally {
      console.error = original;
    }
  });
});

describe("what an answered request leaves behind", () => {
  const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";

  test("is nothing, also when a Fetch handler does not look at its body", async () => {
    await using listener = await listenHttp({
      handler: fromFetch(async (request) => {
        if (new URL(request.url).pathname === "/cancel") await request.body?.cancel();
        return new Response("answered");
      }),
    });
    await using socket = await connectRaw({ port: listener.local.port });
    for (let i = 0; i < 20; i++) {
      await socket.write(i % 2 === 0 ? post : post.replace("/", "/cancel"));
      await socket.readUntil("answered");
    }
    expect(listener.stats()).toMatchObject({ streamsActive: 0, sessionsAccepted: 1 });
  });

  test.each([
    [
      "a body that stops after a byte",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx",
    ],
    ["a stray line", `${get("/")}\r\n`],
    ["a GET with an endless body", `${get("/", "Content-Length: 100000000000")}x`],
  ])("%s does not hold the connection", async (_, bytes) => {
    await using listener = await listenHttp({
      handler: (exchange) => exchange.respond(200, {}, "answered"),
      headersTimeoutMs: 200,
      keepAliveTimeoutMs: 200,
    });
    await using socket = await connectRaw({ port: listener.local.port });
    await socket.write(bytes);
    await socket.readUntil("answered");
    await withDeadline(socket.ended, "the end of the connection");
  });
});

describe("the framing of a response", () => {
  async function responded(
    respond: (
      exchange: Awaited<ReturnType<Awaited<ReturnType<typeof exchangeSource>>["next"]>>,
    ) => unknown,
  ) {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(get("/", "Connection: close"));
    const exchange = await source.next();
    const outcome = await Promise.resolve()
      .then(() => respond(exchange))
      .catch((error) => error);
    if (!exchange.responded) exchange.respond(200, {}, "instead");
    const text = (await socket.readToEnd()).toString();
    return { outcome, text };
  }

  test("takes a length under any spelling, once", async () => {
    const { text } = await responded((exchange) =>
      exchange.respond(200, { "Content-Length": "5" }, "hello"),
    );
    expect(text.match(/content-length/gi)).toHaveLength(1);
  });

  test.each([
    ["another length", { "content-length": "3" }],
    ["a length that is none", { "content-length": "many" }],
    ["two spellings of a length", { "content-length": "5", "Content-Length": "5" }],
    ["a framing of its own", { "transfer-encoding": "chunked" }],
  ])("is not %s (KING_HTTP_HEADER_INVALID); the next attempt is a clean one", async (_, fields) => {
    const { outcome, text } = await responded((exchange) =>
      exchange.respond(204 + 1, fields as never, "hello"),
    );
    expect(outcome).toMatchObject({ code: "KING_HTTP_HEADER_INVALID" });
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  test.each([
    ["more", "too much"],
    ["less", "x"],
  ])("is cut when %s comes than was announced (KING_HTTP_BODY_LENGTH)", async (_, body) => {
    const { outcome, text } = await responded(async (exchange) => {
      exchange.respond(200, { "content-length": "3" });
      await exchange.end(Buffer.from(body));
    });
    expect(outcome).toMatchObject({ code: "KING_HTTP_BODY_LENGTH" });
    expect(text).not.toContain(body);
  });

  test("has the trailers that were set before a whole body", async () => {
    const { text } = await responded((exchange) => {
      exchange.setTrailers({ sum: "1" });
      exchange.respond(200, {}, "body");
    });
    expect(text).toContain("\r\nsum: 1\r\n");
  });

  test("counts bytes, not characters", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(get("/"));
    const exchange = await source.next();
    exchange.respond(200, {}, "ü".repeat(100));
    expect((await exchange.closed).bytesWritten).toBe(200);
  });
});

test("two hosts are one too many (RFC 9112, 3.2)", async () => {
  await using source = await exchangeSource();
  await using socket = await connectRaw({ port: source.listener.local.port });
  await socket.write(get("/", "HOST: b", "Connection: close"));
  expect((await socket.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 400 /);
});

test("CONNECT is not implemented, and says so", async () => {
  await using source = await exchangeSource();
  await using socket = await connectRaw({ port: source.listener.local.port });
  await socket.write("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
  expect((await socket.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 501 /);
});

// The compiler's libraries for Node leave it out.
const { WebAssembly: wasm } = globalThis as unknown as {
  WebAssembly: { Memory: new (size: { initial: number }) => { buffer: ArrayBuffer } };
};

test("memory that cannot be detached is sent like any other", async () => {
  await using source = await exchangeSource();
  await using socket = await connectRaw({ port: source.listener.local.port });
  await socket.write(get("/", "Connection: close"));
  const exchange = await source.next();
  exchange.respond(200);
  const shared = new Uint8Array(new SharedArrayBuffer(3)).fill(97);
  const page = new Uint8Array(new wasm.Memory({ initial: 1 }).buffer).fill(98);
  const own = new Uint8Array(4).fill(99);
  for (const chunk of [shared, page, own]) await exchange.write(chunk, { transfer: true });
  await exchange.end();
  const text = (await socket.readToEnd()).toString();
  for (const part of ["aaa", "b".repeat(65_536), "cccc"]) expect(text).toContain(part);
});

test.each([
  ["http://a/x/../y?q=1", "/x/../y", "q=1"],
  ["http://a", "/", ""],
  ["http://a?q", "/", "q"],
  ["https://a:1/%2e%2e/", "/%2e%2e/", ""],
])("the path of the absolute form %s is as it came", async (target, path, query) => {
  await using source = await exchangeSource();
  const socket = await connectRaw({ port: source.listener.local.port });
  await socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const exchange = await source.next();
  expect([exchange.path, exchange.query]).toEqual([path, query]);
});

test("CONNECT waits for its turn, and is answered 501 (RFC 9110, 9.3.6)", async () => {
  await using source = await exchangeSource();
  const socket = await connectRaw({ port: source.listener.local.port });
  await socket.write(
    "GET /slow HTTP/1.1\r\nHost: a\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nmore",
  );
  const slow = await source.next();
  slow.respond(200);
  await slow.write(Buffer.from("one,"));
  await socket.readUntil("one,");
  await slow.end(Buffer.from("two"));
  const rest = (await socket.readToEnd()).toString();
  expect(rest).toMatch(/^\r\n3\r\ntwo\r\n0\r\n\r\nHTTP\/1\.1 501 /);
  expect(rest).toMatch(/\r\nConnection: close\r\n/i);
});

test("a client that leaves while CONNECT waits for its turn is noticed", async () => {
  await using source = await exchangeSource();
  const socket = await connectRaw({ port: source.listener.local.port });
  await socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
  const exchange = await source.next();
  socket.reset();
  expect((await withDeadline(exchange.closed, "the end of the exchange")).clean).toBe(false);
});

test.each([
  ["CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"],
  ["an upgrade", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"],
])("a large response is not stuck because %s waits behind it", async (_, behind) => {
  await using source = await exchangeSource();
  const socket = await connectRaw({ port: source.listener.local.port, reading: false });
  await socket.write(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${behind}`);
  const exchange = await source.next();
  exchange.respond(200, { "content-length": "13107200" });
  const writing = (async () => {
    for (let i = 0; i < 200; i++) await exchange.write(new Uint8Array(65_536));
    await exchange.end();
  })();
  socket.resume();
  await socket.readBytes(13_107_200);
  await withDeadline(writing, "the end of the response");
});
