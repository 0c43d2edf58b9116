import type { QuicEngine, Stream } from "@king-runtime/core";
import { withDeadline } from "@king-runtime/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { frame } from "../../src/http3/frame-writer.ts";
import { varints } from "../../src/http3/varint.ts";
import {
  createRouter,
  type HttpClientSession,
  type HttpListener,
  type ListenHttpOptions,
  listenHttp,
  openHttpSession,
} from "../../src/index.ts";
import {
  type AcceptWebTransportOptions,
  acceptWebTransport,
  connectWebTransport,
  type WebTransportLimitOptions,
  type WebTransportSession,
  webTransportEngine,
} from "../../src/webtransport/index.ts";
import { type EngineName, engineNames, needEngine } from "../http3/engines.ts";
import { certificates, onFreePort } from "../http3/http3-harness.ts";
import { memoryEngine } from "../http3/memory-engine.ts";
import { bytes } from "../http3/raw-http3-peer.ts";
import { webTransportSettings } from "./raw-web-transport-peer.ts";
import { connectionBy, rawServer, webTransportServer } from "./web-transport-harness.ts";

const opened: { abort(): void }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.abort();
});

interface Place {
  readonly listener: HttpListener;
  readonly url: string;
  /** The next session that was accepted. */
  next(): Promise<WebTransportSession>;
}

/** A listener that accepts sessions under /wt, and answers all else. */
async function listen(
  quic: QuicEngine,
  options: Partial<ListenHttpOptions> & AcceptWebTransportOptions = {},
): Promise<Place> {
  const { allowedOrigins = [], headers = {}, ...rest } = options;
  const { leaf } = await certificates();
  const arrived: WebTransportSession[] = [];
  let wake = Promise.withResolvers<void>();
  const listener = await onFreePort(() =>
    listenHttp({
      tls: leaf,
      quic: { engine: quic },
      handler: createRouter({
        "UPGRADE webtransport /wt": async (exchange) => {
          const session = await acceptWebTransport(exchange, { allowedOrigins, headers });
          if (session === undefined) return;
          arrived.push(session);
          wake.resolve();
        },
        "GET /": (exchange) => exchange.respond(200, {}, "plain"),
      }),
      ...rest,
    }),
  );
  opened.push(listener);
  return {
    listener,
    url: `https://localhost:${listener.local.port}`,
    async next() {
      while (arrived.length === 0) {
        wake = Promise.withResolvers();
        await withDeadline(wake.promise, "a session");
      }
      return arrived.shift() as WebTransportSession;
    },
  };
}

async function openHttp(url: string, quic: QuicEngine): Promise<HttpClientSession> {
  const session = await openHttpSession(url, { ...(await connectionBy(quic)), protocols: ["h3"] });
  opened.push(session);
  return session;
}

async function text(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function first<T>(source: AsyncIterable<T>): Promise<T> {
  for await (const each of source) return each;
  throw new Error("expected one, got the end");
}

describe.each<EngineName | "memory">(["memory", ...engineNames])("over %s", (name) => {
  test("a client and a server of ours exchange streams and datagrams, beside requests and other sessions", async (context) => {
    const engine = webTransportEngine(await needEngine(context, name));
    const place = await listen(engine);
    const http = await openHttp(place.url, engine);
    const client = await connectWebTransport(http, { path: "/wt" });
    const server = await place.next();
    const other = await connectWebTransport(http, { path: "/wt" });
    const otherServer = await place.next();
    expect([client.protocol, client.role, server.role]).toEqual(["wt", "client", "server"]);
    expect([client.sessionId, other.sessionId]).toEqual([server.sessionId, otherServer.sessionId]);

    const asked = await client.openStream();
    await asked.end(bytes("question"));
    const answering = await first(server.streams());
    await answering.end(bytes(`${await text(answering)}, answer`));
    expect(await text(asked)).toBe("question, answer");

    const told = await otherServer.openStream({ direction: "send" });
    await told.end(bytes("one way"));
    expect(await text(await first(other.streams()))).toBe("one way");

    expect(client.sendDatagram(bytes("for the first"))).toBe(true);
    expect(other.sendDatagram(bytes("for the second"))).toBe(true);
    expect(Buffer.from(await first(otherServer.datagrams())).toString()).toBe("for the second");
    expect(Buffer.from(await first(server.datagrams())).toString()).toBe("for the first");

    const response = await (await http.request({ path: "/" })).response;
    expect(await response.text()).toBe("plain");

    await client.close({ code: 7, reason: "done" });
    const { by, code, reason, clean } = await withDeadline(server.closed, "the end");
    expect([by, code, reason, clean]).toEqual(["peer", 7, "done", true]);
    expect(other.state).toBe("open");
    await otherServer.close();
    expect((await withDeadline(other.closed, "the end")).by).toBe("peer");
    await http.close();
    await place.listener.close();
  });

  test("what was sent before a close is still there to be read, where it came first", async (context) => {
    const engine = webTransportEngine(await needEngine(context, name));
    const place = await listen(engine);
    const client = await connectWebTransport(`${place.url}/wt`, {
      connection: await connectionBy(engine),
    });
    opened.push(client);
    const server = await place.next();
    const stream = await server.openStream({ direction: "send" });
    await stream.write(bytes("last "));
    const given = await first(client.streams());
    await stream.end(bytes("words"));
    await server.close({ code: 1 });
    expect(await text(given)).toBe("last words");
    expect((await client.closed).code).toBe(1);
  });

  test("a session of its own connection ends it, and ends with it", async (context) => {
    const engine = webTransportEngine(await needEngine(context, name));
    const place = await listen(engine);
    const connection = await connectionBy(engine);
    const client = await connectWebTransport(`${place.url}/wt`, { connection });
    const server = await place.next();
    await client.close();
    await withDeadline(server.closed, "the end");
    const second = await connectWebTransport(`${place.url}/wt`, { connection });
    const lost = await place.next();
    const stream = await second.openStream();
    await stream.write(bytes("x"));
    const given = await first(lost.streams());
    await given[Symbol.asyncIterator]().next();
    for (const session of place.listener.sessions()) session.abort();
    const ends = await withDeadline(Promise.all([second.closed, lost.closed]), "both ends");
    expect(ends.map(({ clean, streamsAborted }) => [clean, streamsAborted])).toEqual([
      [false, 1],
      [false, 1],
    ]);
    expect([stream.state, given.state]).toEqual(["closed", "closed"]);
  });

  test("drain() tells the other side, and ends nothing", async (context) => {
    const engine = webTransportEngine(await needEngine(context, name));
    const place = await listen(engine);
    const client = await connectWebTransport(`${place.url}/wt`, {
      connection: await connectionBy(engine),
    });
    opened.push(client);
    const server = await place.next();
    const events = client.events();
    server.drain();
    server.drain();
    expect(await withDeadline(first(events), "an event")).toEqual({ type: "goaway" });
    const stream = await client.openStream();
    await stream.end(bytes("still"));
    expect(await text(await first(server.streams()))).toBe("still");
  });
});

describe("acceptWebTransport", () => {
  const ask = async (
    headers: Record<string, string>,
    options: AcceptWebTransportOptions = {},
  ): Promise<string> => {
    const engine = webTransportEngine(memoryEngine());
    const place = await listen(engine, options);
    const http = await openHttp(place.url, engine);
    return connectWebTransport(http, { path: "/wt", headers }).then(
      () => "accepted",
      (error) => `${error.code} ${error.details.status}`,
    );
  };
  const refused = "KING_HTTP_UPGRADE_REFUSED 403";

  test.each([
    ["no page", undefined, [], "accepted"],
    ["a page of another origin", "https://evil.example", [], refused],
    ["a page without an origin", "null", [], refused],
    ["a page of an origin on the list", "https://a.example", ["https://A.example"], "accepted"],
    ["a page of one beside the list", "https://b.example", ["https://a.example"], refused],
    ["a page of a label more", "https://x.a.example", ["https://*.a.example"], "accepted"],
    ["a page of two labels more", "https://x.y.a.example", ["https://*.a.example"], refused],
    ["a page whose name ends alike", "https://evila.example", ["https://*.a.example"], refused],
    ["any page, where the list says so", "https://evil.example", ["*"], "accepted"],
  ])("%s", async (_, origin, allowedOrigins, outcome) => {
    const headers: Record<string, string> = origin === undefined ? {} : { origin };
    expect(await ask(headers, { allowedOrigins })).toBe(outcome);
  });

  test("a page of the same origin, whatever its port is", async () => {
    const engine = webTransportEngine(memoryEngine());
    const place = await listen(engine);
    const http = await openHttp(place.url, engine);
    const headers = { origin: place.url.toUpperCase().replace("HTTPS", "https") };
    await connectWebTransport(http, { path: "/wt", headers });
    const others = { origin: place.url.replace(/\d+$/, "1") };
    await expect(connectWebTransport(http, { path: "/wt", headers: others })).rejects.toMatchObject(
      { details: { status: 403 } },
    );
  });

  test("tells clients of the older draft that it was understood, and sends fields of one's own", async () => {
    await using server = await webTransportServer(memoryEngine());
    const client = await server.connect();
    const accepting = server.accept({ headers: { "x-king": "yes" } });
    const { head } = await client.connect("sec-webtransport-http3-draft02", "1");
    expect(head).toEqual({
      ":status": "200",
      "sec-webtransport-http3-draft": "draft02",
      "x-king": "yes",
    });
    await accepting;
    const plain = server.accept();
    expect((await client.connect()).head).toEqual({ ":status": "200" });
    await plain;
  });

  test.each([
    ["of WebTransport", frame(0x4, varints(0x33, 1))],
    ["of datagrams", frame(0x4, varints(0x2b603742, 1))],
    ["at all", frame(0x4, bytes())],
  ])("answers 400 to clients whose settings say nothing %s", async (_, settings) => {
    await using server = await webTransportServer(memoryEngine());
    const client = await server.connect(settings);
    const accepting = server.accept();
    expect((await client.connect()).head?.[":status"]).toBe("400");
    expect(await accepting).toBeUndefined();
  });

  test("waits for settings that come after the request", async () => {
    await using server = await webTransportServer(memoryEngine());
    const client = await server.connect(bytes());
    const accepting = server.accept();
    const connecting = client.connect();
    await new Promise(setImmediate);
    const control = await client.session.openStream({ direction: "send" });
    await control.write(bytes(varints(0), webTransportSettings));
    expect((await connecting).head?.[":status"]).toBe("200");
    expect((await accepting)?.state).toBe("open");
  });

  test("answers 400 to other requests, and where the connection takes no WebTransport", async () => {
    const plain = memoryEngine();
    const { leaf } = await certificates();
    const listener = await listenHttp({
      tls: leaf,
      quic: { engine: plain },
      upgradeProtocols: ["webtransport"],
      handler: async (exchange) => void (await acceptWebTransport(exchange)),
    });
    opened.push(listener);
    const http = await openHttp(`https://localhost:${listener.local.port}`, plain);
    expect((await (await http.request()).response).status).toBe(400);
    await expect(http.upgrade({ protocol: "webtransport" })).rejects.toMatchObject({
      code: "KING_HTTP_UPGRADE_REFUSED",
      details: { status: 400 },
    });
  });

  test("refuses options that it does not know", async () => {
    const exchange = {} as Parameters<typeof acceptWebTransport>[0];
    const wrong = { origins: [] } as AcceptWebTransportOptions;
    await expect(acceptWebTransport(exchange, wrong)).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
    });
    const list = { allowedOrigins: "*" } as unknown as AcceptWebTransportOptions;
    await expect(acceptWebTransport(exchange, list)).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
    });
  });
});

describe("connectWebTransport", () => {
  test("is refused where the server offers none (KING_STREAM_UNSUPPORTED)", async () => {
    const engine = webTransportEngine(memoryEngine());
    const { leaf } = await certificates();
    // The same engine below, which has not been told to take WebTransport.
    const plain = memoryEngine();
    const listener = await listenHttp({ tls: leaf, quic: { engine: plain }, handler() {} });
    opened.push(listener);
    const url = `https://localhost:${listener.local.port}`;
    const unsupported = { code: "KING_STREAM_UNSUPPORTED", details: { protocol: "h3" } };
    const connection = await connectionBy(plain);
    await expect(connectWebTransport(url, { connection })).rejects.toMatchObject(unsupported);
    const http = await openHttp(url, plain);
    await expect(connectWebTransport(http)).rejects.toMatchObject(unsupported);
    expect(engine.name).toBe("memory");
  });

  test("is refused on a session that is not of HTTP/3 (KING_STREAM_UNSUPPORTED)", async () => {
    const listener = await listenHttp({ handler() {} });
    opened.push(listener);
    const http = await openHttpSession(`http://127.0.0.1:${listener.local.port}`);
    opened.push(http);
    await expect(connectWebTransport(http)).rejects.toMatchObject({
      code: "KING_STREAM_UNSUPPORTED",
      details: { capability: "webtransport", protocol: "h1" },
    });
  });

  test("opens no more sessions than the server takes (KING_STREAM_LIMIT)", async () => {
    const engine = memoryEngine();
    const limits: WebTransportLimitOptions = { maxSessions: 1 };
    const place = await listen(webTransportEngine(engine, limits));
    const http = await openHttp(place.url, webTransportEngine(engine));
    const session = await connectWebTransport(http, { path: "/wt" });
    const server = await place.next();
    await expect(connectWebTransport(http, { path: "/wt" })).rejects.toMatchObject({
      code: "KING_STREAM_LIMIT",
      details: { limit: 1 },
    });
    await session.close();
    await withDeadline(server.closed, "the end on the other side");
    await connectWebTransport(http, { path: "/wt" });
  });

  test("gives up with the reason of its signal, and by its deadline", async () => {
    const engine = memoryEngine();
    await using server = await rawServer(engine, new Uint8Array(0));
    const connection = await connectionBy(engine);
    const reason = new Error("enough");
    const giveUp = new AbortController();
    const asked = { connection, signal: giveUp.signal };
    const connecting = connectWebTransport(server.url, asked);
    await server.connection;
    giveUp.abort(reason);
    await expect(connecting).rejects.toBe(reason);
    await expect(
      connectWebTransport(server.url, { connection, headersTimeoutMs: 20 }),
    ).rejects.toMatchObject({ code: "KING_HTTP_TIMEOUT", details: { phase: "headers" } });
  });

  test("ends the connection when the server opens a stream that is of no session", async () => {
    const engine = memoryEngine();
    await using server = await rawServer(engine);
    const connecting = connectWebTransport(server.url, { connection: await connectionBy(engine) });
    const connection = await server.connection;
    await connection.accept();
    const client = await connecting;
    const stream = await connection.session.openStream();
    await stream.write(Buffer.from([0x01, 0x00]));
    expect((await withDeadline(connection.session.closed, "the end")).code).toBe(0x103);
    expect((await client.closed).clean).toBe(false);
  });

  test("tells of the GOAWAY of the connection", async () => {
    const engine = webTransportEngine(memoryEngine());
    const place = await listen(engine);
    const http = await openHttp(place.url, engine);
    const client = await connectWebTransport(http, { path: "/wt" });
    const events = client.events();
    const server = await place.next();
    void place.listener.close();
    expect(await withDeadline(first(events), "an event")).toEqual({ type: "goaway" });
    // The session is its owner's: it goes on, also with new streams.
    const stream = await client.openStream({ direction: "send" });
    await stream.end(bytes("after"));
    expect(await text(await first(server.streams()))).toBe("after");
    await client.close();
    await withDeadline(place.listener.closed, "the listener's end");
  });

  test.each<[string, Parameters<typeof connectWebTransport>]>([
    ["a URL that is not https", ["http://localhost"]],
    ["a URL without an engine", ["https://localhost"]],
    ["a path beside a URL", ["https://localhost", { path: "/" }]],
    ["what is neither URL nor session", [{} as HttpClientSession]],
    ["an unknown option", ["https://localhost", { draft: 2 } as object]],
    ["a deadline that is none", ["https://localhost", { headersTimeoutMs: 0 }]],
  ])("refuses %s (KING_OPTION_INVALID)", async (_, given) => {
    await expect(connectWebTransport(...given)).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
    });
  });
});

describe("a session", () => {
  async function pair(limits: WebTransportLimitOptions = {}) {
    const engine = webTransportEngine(memoryEngine(), limits);
    const place = await listen(engine);
    const http = await openHttp(place.url, engine);
    const client = await connectWebTransport(http, { path: "/wt" });
    return { client, server: await place.next() };
  }

  test("carries codes of streams of 32 bits, both ways", async () => {
    const { client, server } = await pair();
    for (const code of [0, 29, 30, 0xffff_ffff]) {
      const stream = await client.openStream();
      await stream.write(bytes("x"));
      const given = await first(server.streams());
      stream.reset(code);
      await expect(text(given)).rejects.toMatchObject({
        code: "KING_STREAM_RESET",
        details: { by: "peer", code },
      });
      expect((await given.closed).code).toBe(code);
    }
    const stopped = await server.openStream({ direction: "send" });
    await stopped.write(bytes("x"));
    (await first(client.streams())).stopReading(258);
    expect((await stopped.closed).code).toBe(258);
    expect(() => stopped.reset(-1)).toThrow("expected an integer");
  });

  test("refuses codes and reasons that a close cannot carry", async () => {
    const { client } = await pair();
    const invalid = { code: "KING_OPTION_INVALID" };
    await expect(client.close({ code: 2 ** 32 })).rejects.toMatchObject(invalid);
    await expect(client.close({ reason: "ö".repeat(513) })).rejects.toMatchObject(invalid);
    expect(client.state).toBe("open");
    await client.close({ code: 2 ** 32 - 1, reason: "ö".repeat(512) });
    const { code, reason } = await client.closed;
    expect([code, reason?.length]).toEqual([2 ** 32 - 1, 512]);
  });

  test("drops the oldest datagrams when nobody reads more than maxQueuedDatagrams", async () => {
    const { client, server } = await pair({ maxQueuedDatagrams: 3 });
    for (let i = 0; i < 10; i++) {
      client.sendDatagram(bytes(String(i)));
      await new Promise(setImmediate);
    }
    await new Promise(setImmediate);
    expect(server.stats()).toMatchObject({ datagramsReceived: 10, datagramsDropped: 7 });
    expect(Buffer.from(await first(server.datagrams())).toString()).toBe("7");
  });

  test("leaves no stream and no timer behind", async () => {
    const { client, server } = await pair();
    const streams: Stream[] = [];
    for (let i = 0; i < 10; i++) {
      const stream = await client.openStream();
      await stream.write(bytes("x"));
      streams.push(stream);
    }
    server.abort();
    await Promise.all(streams.map((stream) => withDeadline(stream.closed, "the end")));
    await client.closed;
    expect([client.stats().streamsActive, server.stats().streamsActive]).toEqual([0, 0]);
    expect(client.maxDatagramBytes).toBe(0);
  });
});
