import { setInterval as every } from "node:timers/promises";
import { connectRaw, type RawSocket, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { hostileListener, post, request, smuggled, statuses } from "./hostile-listener.ts";

const deadlines = { headersTimeoutMs: 200, keepAliveTimeoutMs: 200, requestTimeoutMs: 400 };

/** Sends `pieces` one by one, always too soon to be idle, until they or the connection end. */
async function drip(socket: RawSocket, pieces: Iterable<string>): Promise<void> {
  const source = pieces[Symbol.iterator]();
  for await (const _ of every(20)) {
    const { done, value } = source.next();
    if (done) return;
    const sent = await socket.write(value).then(
      () => true,
      () => false,
    );
    if (!sent) return;
  }
}

function* forEver(...pieces: string[]): Generator<string> {
  for (;;) yield* pieces;
}

describe("a client that is slow on purpose is ended by a deadline (RFC 9110, 15.5.9)", () => {
  test("saying nothing at all", async () => {
    await using place = await hostileListener(deadlines);
    await using socket = await connectRaw({ port: place.port });
    await place.neighboursAreServed();
    expect((await socket.readToEnd()).toString()).toBe("");
  });

  test.each([
    ["with the request line", "GET /", "a"],
    ["header by header", "GET / HTTP/1.1\r\nHost: a\r\n", "A: b\r\n"],
    ["within one field", "GET / HTTP/1.1\r\nHost: a\r\nA: ", "b"],
    ["with a second request", `${request("GET /one HTTP/1.1")}GET /two HTTP/1.1\r\n`, "A: b\r\n"],
  ])("byte by byte %s: 408", async (_, start, piece) => {
    await using place = await hostileListener(deadlines);
    await using socket = await connectRaw({ port: place.port });
    await socket.write(start);
    const dripping = drip(socket, forEver(piece));
    await place.neighboursAreServed();
    const text = (await socket.readToEnd()).toString("latin1");
    expect(statuses(text).at(-1)).toBe(408);
    expect(place.served).toEqual(start.includes("/one") ? ["GET /one"] : []);
    await socket[Symbol.asyncDispose]();
    await dripping;
  });

  test.each([
    ["with its body", ["Content-Length: 1000"], "x"],
    ["with its chunks", ["Transfer-Encoding: chunked"], "1\r\nx\r\n"],
    ["with one chunk's extension", ["Transfer-Encoding: chunked"], "1;a"],
  ])("byte by byte %s: 408", async (_, fields, piece) => {
    await using place = await hostileListener(deadlines);
    await using socket = await connectRaw({ port: place.port });
    await socket.write(post(fields));
    const pieces = piece === "1;a" ? ["1;", ...Array(200).fill("a")] : Array(200).fill(piece);
    const dripping = drip(socket, pieces);
    await place.neighboursAreServed();
    expect(statuses((await socket.readToEnd()).toString("latin1"))).toEqual([408]);
    expect(place.errors).toEqual([]);
    await socket[Symbol.asyncDispose]();
    await dripping;
  });

  test("byte by byte with its trailers: 408", async () => {
    await using place = await hostileListener(deadlines);
    await using socket = await connectRaw({ port: place.port });
    await socket.write(post(["Transfer-Encoding: chunked"], "1\r\nx\r\n0\r\n"));
    const dripping = drip(socket, ["A: ", ...Array(200).fill("b")]);
    await place.neighboursAreServed();
    expect(statuses((await socket.readToEnd()).toString("latin1"))).toEqual([408]);
    await socket[Symbol.asyncDispose]();
    await dripping;
  });

  test("sending empty lines between two requests", async () => {
    await using place = await hostileListener(deadlines);
    await using socket = await connectRaw({ port: place.port });
    await socket.write(request("GET /one HTTP/1.1"));
    await socket.readUntil("ok");
    const dripping = drip(socket, forEver("\r\n"));
    await place.neighboursAreServed();
    await withDeadline(socket.ended, "the end of the connection");
    expect(place.served).toEqual(["GET /one"]);
    await dripping;
  });

  test("not reading what it asked for", async () => {
    await using place = await hostileListener({
      writeIdleTimeoutMs: 100,
      handler: (exchange) => exchange.respond(200, {}, Buffer.alloc(50_000_000)),
    });
    await using socket = await connectRaw({ port: place.port, reading: false });
    await socket.write(request("GET /large HTTP/1.1"));
    await place.neighboursAreServed();
    const [session] = [...place.listener.sessions()].filter(({ closed }) => closed).slice(1);
    await withDeadline(session?.closed as Promise<unknown>, "the end of the connection");
    expect(place.listener.stats().streamsActive).toBe(0);
  });
});

describe("many requests at once (RFC 9112, 9.3.2)", () => {
  test("from a client that reads no response are served no further than it reads", async () => {
    let buffered = 0;
    await using place = await hostileListener({
      ...deadlines,
      maxPipelinedRequests: 10,
      writeIdleTimeoutMs: 100,
      handler(exchange) {
        exchange.respond(200, {}, "x".repeat(10_000));
        const { wireBytesSent = 0 } = exchange.session.stats?.() ?? {};
        buffered = Math.max(buffered, wireBytesSent);
      },
    });
    await using socket = await connectRaw({ port: place.port, reading: false });
    const flood = request("GET /flood HTTP/1.1").repeat(1_000);
    const flooding = (async () => {
      for (;;) await socket.write(flood);
    })();
    await expect(withDeadline(flooding, "the end of the flood")).rejects.toThrow();
    await place.neighboursAreServed();
    // What the kernel and one socket's buffer hold, of 10 kB each; not the endless rest.
    expect(place.served.length).toBeLessThan(2_000);
    expect(buffered).toBeLessThan(20_000_000);
  });

  test("behind one that does not end are bounded by maxPipelinedRequests", async () => {
    await using place = await hostileListener({ handler: () => undefined });
    await using socket = await connectRaw({ port: place.port });
    await socket.write(request("GET /slow HTTP/1.1") + smuggled.repeat(12));
    await withDeadline(socket.ended, "the end of the connection");
    expect(place.served).toEqual(["GET /slow"]);
    await place.neighboursAreServed();
  });
});

describe("a client that ends its half (FIN) is taken to have left (RFC 9112, 9.6)", () => {
  test.each([
    ["at once", ""],
    ["within the request line", "GET /a"],
    ["within the head", "GET /a HTTP/1.1\r\nHost: a\r\n"],
    ["within an upgrade's preface", "PRI * HTTP"],
    ["within the body", post(["Content-Length: 10"], "half")],
    ["within a chunk", post(["Transfer-Encoding: chunked"], "a\r\nhalf")],
    ["before the last chunk", post(["Transfer-Encoding: chunked"], "4\r\nhalf\r\n")],
    ["within the trailers", post(["Transfer-Encoding: chunked"], "4\r\nhalf\r\n0\r\nA: b\r\n")],
  ])("%s", async (_, bytes) => {
    const bodies: unknown[] = [];
    await using place = await hostileListener({
      async handler(exchange) {
        bodies.push(await exchange.bytes().catch((error) => error.code));
      },
    });
    await using socket = await connectRaw({ port: place.port });
    await socket.write(bytes);
    socket.halfClose();
    await place.neighboursAreServed();
    await withDeadline(socket.ended, "the end of the connection");
    // A body that broke off is never taken for a whole one (RFC 9112, section 8).
    expect(bodies).toEqual(bytes.startsWith("POST") ? ["KING_STREAM_RESET"] : []);
    expect(place.listener.stats().streamsActive).toBe(0);
    expect(place.errors).toEqual([]);
  });
});
