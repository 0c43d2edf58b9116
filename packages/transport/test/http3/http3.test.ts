import { X509Certificate } from "node:crypto";
import type { Exchange, QuicEngine } from "@king-runtime/core";
import { eventually, makeCertificates } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import {
  createHttpClient,
  type HttpListener,
  type ListenTlsOptions,
  listenHttp,
  openHttpSession,
  request,
} from "../../src/index.ts";
import { engineNames, needEngine } from "./engines.ts";

const { ca, leaf } = await makeCertificates();
const tls = { ca };

async function serve(
  engine: QuicEngine,
  handler: (exchange: Exchange) => void | Promise<void>,
  own: Partial<ListenTlsOptions> = {},
): Promise<{ listener: HttpListener; origin: string; [Symbol.asyncDispose](): Promise<void> }> {
  const listener = await listenHttp({
    tls: { ...leaf, ...own },
    quic: { engine },
    maxBodyBytes: 100_000_000,
    handler,
    onHandlerError: () => undefined,
  });
  return {
    listener,
    origin: `https://localhost:${listener.local.port}`,
    async [Symbol.asyncDispose]() {
      listener.abort();
      await listener.closed;
    },
  };
}

const tell = async (exchange: Exchange) => {
  const { length } = await exchange.bytes();
  const sum = (await exchange.trailers).get("sum") ?? "none";
  const { protocol } = exchange.session;
  exchange.respond(200, {}, [exchange.method, exchange.target, length, protocol, sum].join(" "));
};

describe.each(engineNames)("HTTP/3 over %s", (name) => {
  test("is served on the port of TCP, to requests of every kind", async (context) => {
    const engine = await needEngine(context, name);
    await using server = await serve(engine, tell);
    const options = { tls, quic: { engine }, protocols: ["h3"] as const };
    const got = async (path: string, more: object = {}) => {
      const response = await request(server.origin + path, { ...options, ...more });
      expect(response.protocol).toBe("h3");
      return await response.text();
    };
    expect(await got("/a?b")).toBe("GET /a?b 0 h3 none");
    expect(await got("/", { method: "POST", body: "hello" })).toBe("POST / 5 h3 none");
    const large = Buffer.alloc(3_000_000, "king");
    expect(await got("/", { method: "PUT", body: large })).toBe("PUT / 3000000 h3 none");
    const trailers = { sum: "9" };
    expect(await got("/", { method: "PUT", body: "x", trailers })).toBe("PUT / 1 h3 9");
    expect(await got("/", { method: "HEAD" })).toBe("");
  });

  test("tells that an exchange was whole, whether its body was read or not", async (context) => {
    const engine = await needEngine(context, name);
    const ends: Exchange["closed"][] = [];
    await using server = await serve(engine, async (exchange) => {
      ends.push(exchange.closed);
      if (exchange.path === "/read") await exchange.bytes();
      exchange.respond(200, {}, "answer");
    });
    const options = { tls, quic: { engine }, protocols: ["h3"] as const };
    for (const [path, body] of [
      ["/", undefined],
      ["/read", "a body"],
      ["/unread", "a body"],
    ] as const) {
      const more = body === undefined ? {} : { method: "POST", body };
      const response = await request(server.origin + path, { ...options, ...more });
      expect(await response.text()).toBe("answer");
    }
    const closed = await Promise.all(ends);
    expect(closed.map(({ clean, by }) => [clean, by])).toEqual(Array(3).fill([true, "local"]));
  });

  test("carries interim responses, trailers and fields of several lines", async (context) => {
    const engine = await needEngine(context, name);
    await using server = await serve(engine, async (exchange) => {
      exchange.inform(103, { link: "</a>" });
      exchange.setTrailers({ sum: "9" });
      exchange.respond(200, { "set-cookie": ["a=1", "b=2"], Connection: "close" });
      await exchange.end(Buffer.from("body"));
    });
    const told: number[] = [];
    const response = await request(server.origin, {
      tls,
      quic: { engine },
      protocols: ["h3"],
      onInformational: ({ status }) => told.push(status),
    });
    expect(response.informational[0]?.headers.get("link")).toBe("</a>");
    expect(told).toEqual([103]);
    expect(response.headers.getAll("set-cookie")).toEqual(["a=1", "b=2"]);
    expect(response.headers.has("connection")).toBe(false);
    expect(await response.text()).toBe("body");
    expect((await response.trailers).get("sum")).toBe("9");
  });

  test("streams both ways at once", async (context) => {
    const engine = await needEngine(context, name);
    await using server = await serve(engine, async (exchange) => {
      exchange.respond(200);
      for await (const chunk of exchange) await exchange.write(chunk);
      await exchange.end();
    });
    await using session = await openHttpSession(server.origin, { tls, quic: { engine } });
    expect(session.protocol).toBe("h3");
    const stream = await session.request({ method: "POST", open: true });
    const response = await stream.response;
    const source = response[Symbol.asyncIterator]();
    for (const text of ["one", "two", "three"]) {
      await stream.write(Buffer.from(text));
      expect(Buffer.from((await source.next()).value as Uint8Array).toString()).toBe(text);
    }
    await stream.end();
    expect((await source.next()).done).toBe(true);
  });

  test("is what a client goes over to once it has been told (Alt-Svc)", async (context) => {
    const engine = await needEngine(context, name);
    await using server = await serve(engine, tell);
    await using client = createHttpClient({ tls, quic: { engine }, keepAliveTimeoutMs: 1 });
    const first = await client.request(server.origin);
    expect(await first.text()).toBe("GET / 0 h2 none");
    expect(client.alternatives(server.origin)).toMatchObject([
      { protocol: "h3", port: server.listener.local.port },
    ]);
    await first.session.closed;
    const next = await client.request(server.origin);
    expect(await next.text()).toBe("GET / 0 h3 none");
  });

  test("serves many requests at once on few connections", async (context) => {
    const engine = await needEngine(context, name);
    await using server = await serve(engine, tell);
    await using client = createHttpClient({ tls, quic: { engine }, protocols: ["h3"] });
    const texts = await Promise.all(
      Array.from({ length: 250 }, async (_, i) =>
        (await client.request(`${server.origin}/${i}`)).text(),
      ),
    );
    expect(new Set(texts).size).toBe(250);
    expect(client.stats().sessionsOpened).toBeLessThanOrEqual(3);
  });

  test("lets requests under way finish when the listener closes, and takes no more", async (context) => {
    const engine = await needEngine(context, name);
    const held = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    await using server = await serve(engine, async (exchange) => {
      arrived.resolve();
      await held.promise;
      exchange.respond(200, {}, "finished");
    });
    await using session = await openHttpSession(server.origin, { tls, quic: { engine } });
    const stream = await session.request();
    await arrived.promise;
    const closing = server.listener.close();
    const told = (async () => {
      for await (const { type } of session.events()) if (type === "goaway") return true;
      return false;
    })();
    expect(await told).toBe(true);
    held.resolve();
    expect(await (await stream.response).text()).toBe("finished");
    await closing;
    await expect(session.request()).rejects.toMatchObject({ code: "KING_SESSION_CLOSED" });
  });

  test("tells a request that breaks off from one that ends", async (context) => {
    const engine = await needEngine(context, name);
    await using server = await serve(engine, async (exchange) => {
      exchange.respond(200);
      await exchange.write(Buffer.from("half"));
      throw new Error("no more");
    });
    const options = { tls, quic: { engine }, protocols: ["h3"] as const };
    // The reset may overtake all of it.
    const text = request(server.origin, options).then((response) => response.text());
    await expect(text).rejects.toMatchObject({ code: "KING_HTTP_ABORTED" });
  });

  test("asks clients for their certificate where the listener does", async (context) => {
    const engine = await needEngine(context, name);
    await using server = await serve(
      engine,
      (exchange) =>
        exchange.respond(200, {}, exchange.session.tls?.peerCertificate?.subject ?? "nobody"),
      { clientCertificates: "require", clientCa: ca },
    );
    const known = { tls: { ca, ...leaf }, quic: { engine } };
    const subject = new X509Certificate(leaf.cert).subject;
    for (const protocol of ["h3", "h2"] as const) {
      const response = await request(server.origin, { ...known, protocols: [protocol] });
      expect([response.protocol, await response.text()]).toEqual([protocol, subject]);
    }
    const unknown = { tls, quic: { engine }, protocols: ["h3"] as const };
    await expect(
      request(server.origin, unknown).then((response) => response.text()),
    ).rejects.toThrow();
  });

  test("resumes sessions by the tickets that the client keeps", async (context) => {
    const engine = await needEngine(context, name);
    const resumed: (boolean | undefined)[] = [];
    await using server = await serve(engine, (exchange) => {
      resumed.push(exchange.session.tls?.resumed);
      exchange.respond(200, {}, "ok");
    });
    const taken: boolean[] = [];
    const kept: Uint8Array[] = [];
    const tickets = {
      put: (_: string, ticket: Uint8Array) => void kept.push(ticket),
      take: () => {
        const ticket = kept.pop();
        taken.push(ticket !== undefined);
        return ticket;
      },
    };
    const options = { tls, quic: { engine }, protocols: ["h3"] as const, tickets };
    for (let i = 0; i < 2; i++) {
      await using session = await openHttpSession(server.origin, options);
      expect(await (await (await session.request()).response).text()).toBe("ok");
      await eventually("a ticket", () => kept.length > 0);
    }
    expect(taken).toEqual([false, true]);
    // An engine that does not tell tells nothing.
    if (name === "matrix") expect(resumed).toEqual([false, true]);
    else expect(resumed).toEqual([undefined, undefined]);
  });

  test("is refused to who trusts another authority", async (context) => {
    const engine = await needEngine(context, name);
    await using server = await serve(engine, tell);
    const other = await makeCertificates("another authority");
    const options = { tls: { ca: other.ca }, quic: { engine }, protocols: ["h3"] as const };
    await expect(request(server.origin, options)).rejects.toMatchObject({ category: "tls" });
  });
});

test("a client falls back to TCP where nobody speaks QUIC", async (context) => {
  const engine = await needEngine(context, "currentspace");
  await using listener = await listenHttp({ tls: leaf, handler: tell });
  const origin = `https://localhost:${listener.local.port}`;
  await using session = await openHttpSession(origin, { tls, quic: { engine } });
  expect(session.protocol).toBe("h2");
});

const noEngine = { listen: (): undefined => undefined };

test.each([
  ["without TLS", { quic: { engine: noEngine } }, "quic: expected tls"],
  ["without an engine", { tls: leaf, quic: {} }, "quic: expected an object with an engine"],
  [
    "with certificates by name",
    { tls: { ...leaf, serverNames: { a: leaf } }, quic: { engine: noEngine } },
    "quic: expected tls without",
  ],
])("a listener %s is refused (KING_OPTION_INVALID)", async (_, options, message) => {
  const opening = listenHttp({ handler: tell, ...(options as object) });
  await expect(opening).rejects.toMatchObject({
    code: "KING_OPTION_INVALID",
    message: expect.stringContaining(message),
  });
});
