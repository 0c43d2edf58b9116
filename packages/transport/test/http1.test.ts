import { connectRaw, type RawSocket, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { type ListenHttpOptions, listenHttp } from "../src/index.ts";
import { exchangeSource } from "./exchange-harness.ts";

const head = (line: string, ...fields: string[]) =>
  `${[line, "Host: a", ...fields].join("\r\n")}\r\n\r\n`;

/** A listener that echoes bodies and says "ok" otherwise, and a socket to it. */
async function open(options: Partial<ListenHttpOptions> = {}) {
  const errors: unknown[] = [];
  const listener = await listenHttp({
    async handler(exchange) {
      const body = exchange.method === "POST" ? await exchange.bytes() : "ok";
      exchange.respond(200, {}, body);
    },
    onHandlerError: (error) => errors.push(error),
    ...options,
  });
  const socket = await connectRaw({ port: listener.local.port });
  return {
    listener,
    socket,
    errors,
    async [Symbol.asyncDispose]() {
      await socket[Symbol.asyncDispose]();
      listener.abort();
      await listener.closed;
    },
  };
}

/** Status, and what is said in the body, of the response that comes next and ends the connection. */
async function last(socket: RawSocket): Promise<string> {
  const text = (await socket.readToEnd()).toString();
  return text.slice(9, 12);
}

describe("hostile requests are refused, and the listener lives on", () => {
  test.each([
    ["nonsense", "\x00\x01\x02\x03\r\n\r\n", "400"],
    ["no version (HTTP/0.9)", "GET /\r\n\r\n", "505"],
    ["a space in the target", head("GET /a b HTTP/1.1"), "400"],
    ["no host (RFC 9112, 3.2)", "GET / HTTP/1.1\r\n\r\n", "400"],
    [
      "two lengths (RFC 9112, 6.3)",
      head("POST / HTTP/1.1", "Content-Length: 1", "Content-Length: 2"),
      "400",
    ],
    [
      "length and chunks (RFC 9112, 6.1)",
      head("POST / HTTP/1.1", "Content-Length: 1", "Transfer-Encoding: chunked"),
      "400",
    ],
    ["a length that is no number", head("POST / HTTP/1.1", "Content-Length: 1x"), "400"],
    ["a negative length", head("POST / HTTP/1.1", "Content-Length: -1"), "400"],
    ["a space before the colon (RFC 9112, 5.1)", head("GET / HTTP/1.1", "A : b"), "400"],
    ["a folded line (RFC 9112, 5.2)", head("GET / HTTP/1.1", "A: b", " c"), "400"],
    [
      "a chunk size that is no number",
      `${head("POST / HTTP/1.1", "Transfer-Encoding: chunked")}zz\r\n`,
      "400",
    ],
    [
      "a chunk size beyond all bounds",
      `${head("POST / HTTP/1.1", "Transfer-Encoding: chunked")}ffffffffffffffffff\r\n`,
      "400",
    ],
    ["a header block over 32 KiB", head("GET / HTTP/1.1", `A: ${"a".repeat(40_000)}`), "431"],
    [
      "an expectation we do not know (RFC 9110, 10.1.1)",
      head("GET / HTTP/1.1", "Expect: tea", "Connection: close"),
      "417",
    ],
  ])("%s", async (_, bytes, status) => {
    await using place = await open();
    await place.socket.write(bytes);
    expect(await last(place.socket)).toBe(status);
    await using next = await connectRaw({ port: place.listener.local.port });
    await next.write(head("GET / HTTP/1.1", "Connection: close"));
    expect(await last(next)).toBe("200");
    expect(place.errors).toEqual([]);
  });
});

describe("a body over the limit", () => {
  test("is refused by its announced length, before the handler", async () => {
    await using place = await open({ maxBodyBytes: 10 });
    await place.socket.write(head("POST / HTTP/1.1", "Content-Length: 100000000"));
    const text = (await place.socket.readToEnd()).toString();
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(text).toMatch(/content-type: application\/problem\+json/i);
    expect(text).toContain('"detail":"expected a body of at most 10 bytes"');
  });

  test("is refused before the client sends it, when it asked (100-continue)", async () => {
    await using place = await open({ maxBodyBytes: 10 });
    const fields = ["Content-Length: 11", "Expect: 100-continue"];
    await place.socket.write(head("POST / HTTP/1.1", ...fields));
    expect(await last(place.socket)).toBe("413");
  });

  test("is refused by what arrives, and one of exactly the limit is taken", async () => {
    await using place = await open({ maxBodyBytes: 10 });
    const chunked = head("POST / HTTP/1.1", "Transfer-Encoding: chunked");
    await place.socket.write(`${chunked}a\r\n0123456789\r\n0\r\n\r\n`);
    expect(await place.socket.readUntil("0123456789")).toMatch(/^HTTP\/1\.1 200 /);
    await place.socket.write(`${chunked}b\r\n0123456789A\r\n`);
    expect(await last(place.socket)).toBe("413");
    expect(place.errors).toEqual([]);
  });

  test("gives a client that sends on the time to read the answer", async () => {
    await using place = await open({ maxBodyBytes: 10 });
    await place.socket.write(head("POST / HTTP/1.1", "Content-Length: 100000"));
    for (let i = 0; i < 10; i++) await place.socket.write("x".repeat(10_000));
    expect(await last(place.socket)).toBe("413");
  });
});

describe("100-continue", () => {
  test("is sent when the handler first reads the body", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(head("POST / HTTP/1.1", "Content-Length: 2", "Expect: 100-continue"));
    const exchange = await source.next();
    expect(socket.received().length).toBe(0);
    const body = exchange.bytes();
    expect(await socket.readUntil("\r\n\r\n")).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    await socket.write("hi");
    exchange.respond(200, {}, await body);
    expect(await socket.readUntil("hi")).toContain("200 OK");
  });
});

describe("keep-alive", () => {
  test("serves requests one after the other, and pipelined ones in order", async () => {
    await using place = await open();
    const post = (body: string) =>
      `${head("POST / HTTP/1.1", `Content-Length: ${body.length}`)}${body}`;
    await place.socket.write(post("one") + post("two") + post("three"));
    for (const body of ["one", "two", "three"]) {
      expect(await place.socket.readUntil(new RegExp(`\\r\\n\\r\\n${body}`))).toContain("200 OK");
    }
    expect(place.listener.stats()).toMatchObject({ sessionsAccepted: 1 });
  });

  test("goes on after a small body that nobody read, and not after a large one", async () => {
    await using place = await open({ handler: (exchange) => exchange.respond(200, {}, "ok.") });
    await place.socket.write(`${head("POST / HTTP/1.1", "Content-Length: 4")}body`);
    expect(await place.socket.readUntil("ok.")).toMatch(/connection: keep-alive/i);
    await place.socket.write(head("POST / HTTP/1.1", "Content-Length: 1000000"));
    expect(await place.socket.readUntil("ok.")).toMatch(/connection: close/i);
    await place.socket.readToEnd();
  });

  test("ends where the client says so, after the body it still sends has been read", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    const fields = ["Content-Length: 5", "Connection: close"];
    await socket.write(head("POST / HTTP/1.1", ...fields));
    const exchange = await source.next();
    const body = exchange.bytes();
    exchange.respond(200);
    await exchange.end(Buffer.from("early"));
    await socket.readUntil("early");
    await socket.write("later");
    expect(Buffer.from(await body).toString()).toBe("later");
    expect((await exchange.closed).clean).toBe(true);
    await socket.readToEnd();
  });

  test("is ended after keepAliveTimeoutMs without a request", async () => {
    await using place = await open({ keepAliveTimeoutMs: 50 });
    await place.socket.write(head("GET / HTTP/1.1"));
    await place.socket.readUntil("ok");
    await withDeadline(place.socket.ended, "the end of an idle connection");
  });
});

describe("a deadline", () => {
  test("ends a request head that does not come to its end (408)", async () => {
    await using place = await open({ headersTimeoutMs: 100 });
    await place.socket.write("GET / HTTP/1.1\r\nHost");
    expect(await last(place.socket)).toBe("408");
  });

  test("ends a connection that sends nothing at all", async () => {
    await using place = await open({ headersTimeoutMs: 50 });
    await withDeadline(place.socket.ended, "the end of a silent connection");
  });

  test("ends a body that stops coming while it is waited for (408), and tells the reader", async () => {
    await using source = await exchangeSource({ bodyIdleTimeoutMs: 50 });
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(`${head("POST / HTTP/1.1", "Content-Length: 9")}half`);
    const exchange = await source.next();
    await expect(exchange.bytes()).rejects.toMatchObject({
      code: "KING_HTTP_TIMEOUT",
      details: { phase: "body", timeoutMs: 50 },
    });
    expect(exchange.signal.aborted).toBe(true);
    expect(await last(socket)).toBe("408");
  });

  test("does not count the time in which a slow handler does not read", async () => {
    await using source = await exchangeSource({ bodyIdleTimeoutMs: 30, requestTimeoutMs: 200 });
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(`${head("POST / HTTP/1.1", "Content-Length: 9")}half`);
    const exchange = await source.next();
    const failed = new Promise((resolve) => {
      exchange.signal.addEventListener("abort", () => resolve(exchange.signal.reason));
    });
    expect(await withDeadline(failed, "a deadline")).toMatchObject({
      details: { phase: "request" },
    });
  });

  test("answers for a handler that does not respond (503), and aborts it", async () => {
    await using source = await exchangeSource({ responseTimeoutMs: 50 });
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(head("GET / HTTP/1.1", "Connection: close"));
    const exchange = await source.next();
    expect(await last(socket)).toBe("503");
    expect(exchange.signal.reason).toMatchObject({ details: { phase: "response" } });
  });

  test("cuts a client that takes none of its response", async () => {
    await using source = await exchangeSource({ writeIdleTimeoutMs: 50 });
    const { port } = source.listener.local;
    await using socket = await connectRaw({ port, reading: false });
    await socket.write(head("GET / HTTP/1.1"));
    const exchange = await source.next();
    exchange.respond(200);
    const sending = (async () => {
      for (;;) await exchange.write(new Uint8Array(65_536));
    })();
    await expect(sending).rejects.toMatchObject({ details: { phase: "write", timeoutMs: 50 } });
    expect((await exchange.closed).clean).toBe(false);
  });
});

describe("an exchange", () => {
  test("tells method, target, path, query, authority and headers as they came", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(
      "GET /a/b%20c?x=1&y HTTP/1.1\r\nHOST: example:81\r\nX-A: 1\r\nx-a: 2\r\n\r\n",
    );
    const exchange = await source.next();
    const { method, target, path, query, authority, scheme } = exchange;
    expect({ method, target, path, query, authority, scheme }).toEqual({
      method: "GET",
      target: "/a/b%20c?x=1&y",
      path: "/a/b%20c",
      query: "x=1&y",
      authority: "example:81",
      scheme: "http",
    });
    expect([...exchange.headers]).toEqual([
      ["host", "example:81"],
      ["x-a", "1"],
      ["x-a", "2"],
    ]);
    expect(exchange.upgrade).toBeUndefined();
    exchange.respond(204);
  });

  test("takes a target in absolute form apart (RFC 9112, 3.2.2)", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(head("GET http://a/path?query HTTP/1.1"));
    const exchange = await source.next();
    expect([exchange.path, exchange.query]).toEqual(["/path", "query"]);
    await socket.write(head("OPTIONS * HTTP/1.1"));
    exchange.respond(204);
    const options = await source.next();
    expect([options.path, options.query]).toEqual(["*", ""]);
    options.respond(204);
  });

  test("sends early hints and then the response", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(head("GET / HTTP/1.1"));
    const exchange = await source.next();
    exchange.inform(103, { link: "</style.css>; rel=preload" });
    expect(() => exchange.inform(104, {})).toThrow(
      expect.objectContaining({ code: "KING_HTTP_INFORM_UNSUPPORTED" }),
    );
    exchange.respond(200, {}, "page");
    const text = await socket.readUntil("page");
    expect(text).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/style\.css>; rel=preload\r\n\r\n/i,
    );
    expect(() => exchange.inform(103, { link: "x" })).toThrow(
      expect.objectContaining({ code: "KING_HTTP_RESPONDED" }),
    );
  });

  test("carries trailers both ways", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    const fields = ["Transfer-Encoding: chunked", "Trailer: Digest"];
    await socket.write(`${head("POST / HTTP/1.1", ...fields)}1\r\na\r\n0\r\nDigest: x\r\n\r\n`);
    const exchange = await source.next();
    await exchange.bytes();
    expect((await exchange.trailers).get("digest")).toBe("x");
    exchange.respond(200, { trailer: "sum" });
    exchange.setTrailers({ sum: "1" });
    await exchange.end(Buffer.from("b"));
    expect(await socket.readUntil("sum: 1\r\n\r\n")).toContain("0\r\nsum: 1");
  });

  test.each([
    ["a line break in a value", () => ({ a: "b\r\nc: d" }), 200],
    ["a name that is none", () => ({ "a b": "c" }), 200],
    ["a status below 200", () => ({}), 199],
    ["a status that is no integer", () => ({}), 200.5],
    ["a status above 599", () => ({}), 600],
  ])(
    "refuses to send %s (KING_HTTP_HEADER_INVALID), and can still answer",
    async (_, fields, status) => {
      await using source = await exchangeSource();
      await using socket = await connectRaw({ port: source.listener.local.port });
      await socket.write(head("GET / HTTP/1.1"));
      const exchange = await source.next();
      expect(() => exchange.respond(status, fields(), "x")).toThrow(
        expect.objectContaining({ code: "KING_HTTP_HEADER_INVALID" }),
      );
      exchange.respond(200, {}, "fine");
      await socket.readUntil("fine");
    },
  );

  test("answers once (KING_HTTP_RESPONDED), and writes after it answered (KING_HTTP_NOT_RESPONDED)", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(head("GET / HTTP/1.1"));
    const exchange = await source.next();
    expect(() => exchange.write(Buffer.from("x"))).toThrow(
      expect.objectContaining({ code: "KING_HTTP_NOT_RESPONDED" }),
    );
    exchange.respond(200, {}, "x");
    expect(() => exchange.respond(200)).toThrow(
      expect.objectContaining({ code: "KING_HTTP_RESPONDED" }),
    );
  });

  test("sends no body to HEAD, nor with 204 and 304, and goes on with the connection", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(head("HEAD / HTTP/1.1"));
    (await source.next()).respond(200, {}, "four");
    expect(await socket.readUntil("\r\n\r\n")).toMatch(/content-length: 4/i);
    for (const status of [204, 304]) {
      await socket.write(head("GET / HTTP/1.1"));
      (await source.next()).respond(status, {}, "");
      expect(await socket.readUntil("\r\n\r\n")).not.toMatch(/content-length|chunked/i);
    }
    await socket.write(head("GET / HTTP/1.1"));
    (await source.next()).respond(200, {}, "end.");
    await socket.readUntil("end.");
  });

  test("sends a large body whole to a client that reads slowly", async () => {
    const body = Buffer.alloc(8_000_000, "abcdefgh");
    await using source = await exchangeSource({ writeIdleTimeoutMs: 2_000 });
    await using socket = await connectRaw({ port: source.listener.local.port, reading: false });
    await socket.write(head("GET / HTTP/1.1"));
    (await source.next()).respond(200, {}, body);
    socket.resume();
    await socket.readUntil("\r\n\r\n");
    expect((await socket.readBytes(body.length)).equals(body)).toBe(true);
  });

  test("a signal first taken after the client left is aborted; a complete one never aborts", async () => {
    await using source = await exchangeSource();
    const { port } = source.listener.local;
    await using socket = await connectRaw({ port });
    await socket.write(head("GET / HTTP/1.1"));
    const lost = await source.next();
    socket.reset();
    await lost.closed;
    expect(lost.signal.aborted).toBe(true);
    expect(lost.signal.reason).toMatchObject({ code: "KING_STREAM_RESET" });
    expect(() => lost.respond(200)).toThrow(expect.objectContaining({ code: "KING_STREAM_RESET" }));
    await using other = await connectRaw({ port });
    await other.write(head("GET / HTTP/1.1", "Connection: close"));
    const whole = await source.next();
    const { signal } = whole;
    whole.respond(200, {}, "x");
    await whole.closed;
    await other.readToEnd();
    expect(signal.aborted).toBe(false);
  });
});

describe("a handler", () => {
  test("that throws is answered 500 without a word of why, and told to the application", async () => {
    for (const handler of [
      () => {
        throw new Error("secret");
      },
      () => Promise.reject(new Error("secret")),
      async () => undefined,
    ]) {
      await using place = await open({ handler });
      await place.socket.write(head("GET / HTTP/1.1", "Connection: close"));
      const text = (await place.socket.readToEnd()).toString();
      expect(text).toMatch(/^HTTP\/1\.1 500 /);
      expect(text).not.toContain("secret");
      expect(place.errors.length).toBe(1);
    }
  });

  test("that fails in the middle of its response cuts it, so that it is not taken for whole", async () => {
    await using place = await open({
      async handler(exchange) {
        exchange.respond(200);
        await exchange.write(Buffer.from("half"));
        throw new Error("secret");
      },
    });
    await place.socket.write(head("GET / HTTP/1.1"));
    await withDeadline(place.socket.ended, "the cut");
    expect(place.socket.received().toString()).not.toContain("0\r\n\r\n");
    expect(place.errors.length).toBe(1);
  });

  test("whose client leaves is not blamed", async () => {
    const failed = Promise.withResolvers<unknown>();
    await using place = await open({
      async handler(exchange) {
        await exchange.bytes().catch((error) => {
          failed.resolve(error);
          throw error;
        });
      },
    });
    await place.socket.write(`${head("POST / HTTP/1.1", "Content-Length: 9")}half`);
    place.socket.reset();
    expect(await failed.promise).toMatchObject({ code: "KING_STREAM_RESET" });
    expect(place.errors).toEqual([]);
  });
});

describe("an upgrade", () => {
  const ask = head("GET /watch HTTP/1.1", "Connection: Upgrade", "Upgrade: WebSocket");

  test("is accepted with 101, keeps bytes that came with it, and outlives its exchange", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(`${ask}early `);
    const exchange = await source.next();
    expect(exchange.upgrade?.protocol).toBe("websocket");
    const stream = exchange.upgrade?.accept({ "x-a": ["1", "2"] });
    if (stream === undefined) throw new Error("no upgrade");
    expect(await socket.readUntil("\r\n\r\n")).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nx-a: 1\r\nx-a: 2\r\n\r\n",
    );
    expect((await exchange.closed).clean).toBe(true);
    expect(exchange.session.state).toBe("open");
    await socket.write("late");
    let text = "";
    for await (const chunk of stream) {
      text += Buffer.from(chunk).toString();
      if (text.length === 10) break;
    }
    expect(text).toBe("early late");
    await stream.end(Buffer.from("bye"));
    await socket.readUntil("bye");
  });

  test("is accepted once, and with fields that can be sent", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(ask);
    const { upgrade } = await source.next();
    expect(() => upgrade?.accept({ a: "b\r\nc" })).toThrow(
      expect.objectContaining({ code: "KING_HTTP_HEADER_INVALID" }),
    );
    upgrade?.accept();
    expect(() => upgrade?.accept()).toThrow(
      expect.objectContaining({ code: "KING_HTTP_RESPONDED" }),
    );
  });

  test("that is not accepted gets an ordinary response", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(ask);
    const exchange = await source.next();
    exchange.respond(403, {}, "no");
    expect(() => exchange.upgrade?.accept()).toThrow(
      expect.objectContaining({ code: "KING_HTTP_RESPONDED" }),
    );
    expect(await last(socket)).toBe("403");
    expect((await exchange.closed).clean).toBe(true);
  });

  test("to a protocol that is not wanted is served as a plain request", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(
      head("GET / HTTP/1.1", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"),
    );
    const exchange = await source.next();
    if (exchange.upgrade === undefined) exchange.respond(200, {}, "plain");
    expect(await socket.readUntil("plain")).toContain("200 OK");
  });

  test("with a body is served as a plain request, whether the body has come or not", async () => {
    const fields = ["Connection: Upgrade", "Upgrade: websocket", "Content-Length: 3"];
    for (const pieces of [["abc"], ["", "abc"]]) {
      await using place = await open();
      const [first, ...rest] = pieces;
      await place.socket.write(`${head("POST / HTTP/1.1", ...fields)}${first}`);
      for (const piece of rest) await place.socket.write(piece);
      await place.socket.readUntil("\r\n\r\nabc");
      expect(place.errors).toEqual([]);
    }
  });

  test("outlives the listener's close(), and ends with its abort()", async () => {
    await using source = await exchangeSource();
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(ask);
    const stream = (await source.next()).upgrade?.accept();
    await socket.readUntil("\r\n\r\n");
    await withDeadline(source.listener.close(), "close()");
    expect((await source.listener.closed).clean).toBe(true);
    expect(stream?.state).toBe("open");
    await stream?.end(Buffer.from("still here"));
    await socket.readUntil("still here");

    await using other = await exchangeSource();
    await using second = await connectRaw({ port: other.listener.local.port });
    await second.write(ask);
    const cut = (await other.next()).upgrade?.accept();
    const reason = new Error("enough");
    other.listener.abort(reason);
    expect(await cut?.closed).toMatchObject({ by: "local", clean: false, error: reason });
    await withDeadline(second.ended, "the end");
  });
});
