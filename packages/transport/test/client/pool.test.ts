import { once } from "node:events";
import {
  createServer as createHttp2Server,
  createSecureServer,
  type Http2ServerResponse,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { startNode, testClock, watchResources } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { createHttpClient, type HttpClient, request } from "../../src/index.ts";
import { flag, frame, frameType, settings } from "../hostile/http2-frames.ts";
import { certificates } from "./client-harness.ts";
import { countingServer, rawServer } from "./counting-server.ts";
import { rawHttp2Server } from "./hostile/raw-http2-server.ts";

const text = async (client: HttpClient, url: string, options = {}) =>
  (await client.request(url, options)).text();

const whole = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

const refusedConnection = (message: string) =>
  Object.assign(new Error(message), { code: "ECONNREFUSED" });

describe("connections are kept", () => {
  test("one serves requests one after the other, and requests at once have one each", async () => {
    await using server = await countingServer();
    await using client = createHttpClient();
    for (let i = 0; i < 5; i++) await text(client, server.url);
    expect([server.requests.length, server.connections]).toEqual([5, 1]);
    await Promise.all(Array.from({ length: 5 }, () => text(client, server.url)));
    expect(server.connections).toBe(5);
    expect(client.stats()).toMatchObject({
      sessionsOpened: 5,
      sessionsActive: 5,
      sessionsIdle: 5,
      requestsSent: 10,
      requestsWaiting: 0,
    });
  });

  test("the target is sent as it is written, without the fragment", async () => {
    await using server = await countingServer();
    await using client = createHttpClient();
    for (const target of ["a?", "a?b#c", "#d", "?e", "%2f/../f;g=%20"]) {
      await text(client, server.url + target);
    }
    const sent = server.requests.map((line) => line.slice("GET ".length));
    expect(sent).toEqual(["/a?", "/a?b", "/", "/?e", "/f;g=%20"]);
  });

  test("a HEAD, a 204 and a 304 leave theirs usable", async () => {
    await using server = await countingServer((request, response) => {
      response.writeHead(request.url === "/204" ? 204 : request.url === "/304" ? 304 : 200);
      response.end();
    });
    await using client = createHttpClient();
    await text(client, server.url, { method: "HEAD" });
    await text(client, `${server.url}204`);
    await text(client, `${server.url}304`);
    await text(client, server.url);
    expect(server.connections).toBe(1);
  });

  test("one that the server ends with its response is not used again", async () => {
    await using server = await countingServer((_, response) => {
      response.writeHead(200, { connection: "close" }).end("ok");
    });
    await using client = createHttpClient();
    for (let i = 0; i < 3; i++) expect(await text(client, server.url)).toBe("ok");
    expect(server.connections).toBe(3);
  });

  test("at most maxIdlePerOrigin of one origin, those used last", async () => {
    await using server = await countingServer();
    await using client = createHttpClient({ maxIdlePerOrigin: 2 });
    await Promise.all(Array.from({ length: 6 }, () => text(client, server.url)));
    await expect.poll(() => server.open).toBe(2);
    expect(client.stats().sessionsIdle).toBe(2);
  });

  test("at most maxIdleSessions of all origins together; that idle longest goes", async () => {
    await using first = await countingServer();
    await using second = await countingServer();
    await using third = await countingServer();
    await using client = createHttpClient({ maxIdleSessions: 2 });
    for (const server of [first, second, third]) await text(client, server.url);
    await expect.poll(() => [first.open, second.open, third.open]).toEqual([0, 1, 1]);
  });

  test("no longer than keepAliveTimeoutMs", async () => {
    await using server = await countingServer();
    await using client = createHttpClient({ keepAliveTimeoutMs: 50 });
    await text(client, server.url);
    await expect.poll(() => server.open).toBe(0);
    await expect.poll(() => client.stats().sessionsActive).toBe(0);
    expect(await text(client, server.url, { method: "POST", body: "again" })).toBe("again");
  });

  test("none of them keeps a program running", async () => {
    await using server = await countingServer();
    const script = `
      import { createHttpClient } from "@king-runtime/transport";
      const client = createHttpClient({ keepAliveTimeoutMs: 600_000 });
      console.log(await (await client.request(process.argv[1], { method: "POST", body: "done" })).text());
    `;
    await using program = await startNode("--input-type=module", {
      args: ["--eval", script, server.url],
      cwd: import.meta.dirname,
    });
    const { code } = await program.exited;
    expect([code, program.stdout().trim(), program.stderr()]).toEqual([0, "done", ""]);
  });
});

describe("requests wait for a connection", () => {
  test("when there are maxSessionsPerOrigin, in their order", async () => {
    const order: string[] = [];
    const held: (() => void)[] = [];
    await using server = await countingServer((request, response) => {
      order.push(request.url ?? "");
      held.push(() => response.end("ok"));
    });
    await using client = createHttpClient({ maxSessionsPerOrigin: 1 });
    const all = [1, 2, 3].map((i) => text(client, `${server.url}${i}`));
    for (let i = 1; i <= 3; i++) {
      await expect.poll(() => order.length).toBe(i);
      expect(client.stats().requestsWaiting).toBe(3 - i);
      held[i - 1]?.();
    }
    expect(await Promise.all(all)).toEqual(["ok", "ok", "ok"]);
    expect([order, server.connections]).toEqual([["/1", "/2", "/3"], 1]);
  });

  test("no more of them than maxQueuedRequests (KING_HTTP_QUEUE_LIMIT)", async () => {
    await using server = await countingServer(() => undefined);
    await using client = createHttpClient({ maxSessionsPerOrigin: 1, maxQueuedRequests: 2 });
    const giveUp = new AbortController();
    const { signal } = giveUp;
    const first = client.request(server.url, { signal });
    await expect.poll(() => server.requests.length).toBe(1);
    const waiting = [
      client.request(server.url, { signal }),
      client.request(server.url, { signal }),
    ];
    await expect(client.request(server.url)).rejects.toMatchObject({
      code: "KING_HTTP_QUEUE_LIMIT",
      details: { limit: 2 },
    });
    giveUp.abort(new Error("enough"));
    for (const each of [first, ...waiting]) await expect(each).rejects.toThrow("enough");
    expect(client.stats().requestsWaiting).toBe(0);
    expect(server.requests.length).toBe(1);
  });

  test("no longer than queueTimeoutMs (KING_HTTP_TIMEOUT of phase queue)", async () => {
    await using server = await countingServer(() => undefined);
    await using client = createHttpClient({ maxSessionsPerOrigin: 1, queueTimeoutMs: 50 });
    const held = client.request(server.url).catch(() => undefined);
    await expect(client.request(server.url)).rejects.toMatchObject({
      code: "KING_HTTP_TIMEOUT",
      details: { phase: "queue", timeoutMs: 50 },
    });
    client.abort();
    await held;
  });

  test("no longer than timeoutMs, which begins with the call", async () => {
    await using server = await countingServer(() => undefined);
    await using client = createHttpClient({ maxSessionsPerOrigin: 1 });
    const held = client.request(server.url).catch(() => undefined);
    await expect(client.request(server.url, { timeoutMs: 50 })).rejects.toMatchObject({
      code: "KING_HTTP_TIMEOUT",
      details: { phase: "total", timeoutMs: 50 },
    });
    expect(server.requests.length).toBe(1);
    client.abort();
    await held;
  });

  test("and for one to be made no longer than timeoutMs either", async () => {
    const connector = () => new Promise<never>(() => undefined);
    await using client = createHttpClient({ connector });
    const error = { code: "KING_HTTP_TIMEOUT", details: { phase: "total", timeoutMs: 50 } };
    const url = "http://127.0.0.1:1/";
    await expect(client.request(url, { timeoutMs: 50 })).rejects.toMatchObject(error);
    await expect(request(url, { connector, timeoutMs: 50 })).rejects.toMatchObject(error);
    client.abort();
  });

  test("a connection that cannot be made fails who waited longest, and the others get their own", async () => {
    let attempts = 0;
    await using server = await countingServer();
    const { connect } = await import("node:net");
    await using client = createHttpClient({
      maxSessionsPerOrigin: 1,
      async connector(address, port) {
        if (++attempts === 1) throw Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
        const socket = connect({ host: address, port });
        await once(socket, "connect");
        return socket;
      },
    });
    const both = [text(client, server.url), text(client, server.url)];
    await expect(both[0]).rejects.toMatchObject({ code: "KING_NET_CONNECT" });
    expect(await both[1]).toBe("");
  });

  test.each(["http:", "https:"])(
    "an attempt to connect over %s that was left by its request holds up no other, and fails none",
    async (scheme) => {
      const attempts: PromiseWithResolvers<never>[] = [];
      const connector = () => {
        const attempt = Promise.withResolvers<never>();
        attempts.push(attempt);
        return attempt.promise;
      };
      await using client = createHttpClient({ connector });
      const url = `${scheme}//127.0.0.1:1/`;
      await expect(client.request(url, { timeoutMs: 20 })).rejects.toMatchObject({
        code: "KING_HTTP_TIMEOUT",
      });
      const second = client.request(url);
      await expect.poll(() => attempts.length).toBe(2);
      const first = refusedConnection("the first");
      attempts[0]?.reject(first);
      await expect.poll(() => client.stats().sessionsOpening).toBe(1);
      expect(client.stats().requestsWaiting).toBe(1);
      const own = refusedConnection("its own");
      attempts[1]?.reject(own);
      await expect(second).rejects.toMatchObject({ code: "KING_NET_CONNECT", cause: own });
    },
  );

  test("and where one may do for all of them, all fail with the one that cannot be made", async () => {
    let attempts = 0;
    await using client = createHttpClient({
      connectTimeoutMs: 100,
      connector(_address, _port, signal) {
        attempts++;
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        });
      },
    });
    const all = Array.from({ length: 5 }, () => client.request("https://127.0.0.1:1/"));
    const errors = await Promise.all(all.map((each) => each.catch((error) => error.code)));
    expect(new Set(errors)).toEqual(new Set(["KING_NET_TIMEOUT"]));
    expect(attempts).toBe(1);
    expect(client.stats()).toMatchObject({ requestsWaiting: 0, sessionsOpening: 0 });
  });
});

describe("a request that the server cannot have seen is sent again", () => {
  test("when a kept connection has gone while it was on its way", async () => {
    await using server = await rawServer((socket, connection) => {
      let requests = 0;
      socket.on("data", () => {
        requests++;
        if (connection === 1 && requests === 2) socket.destroy();
        else socket.write(whole);
      });
    });
    await using client = createHttpClient();
    expect(await text(client, server.url)).toBe("ok");
    expect(await text(client, server.url)).toBe("ok");
    expect(server.connections).toBe(2);
    expect(client.stats()).toMatchObject({ requestsSent: 3, requestsRepeated: 1 });
  });

  test("but not one that is not idempotent, and not one that was answered in part", async () => {
    let answer = "";
    await using server = await rawServer((socket) => {
      let requests = 0;
      socket.on("data", () => {
        requests++;
        if (requests === 2) socket.end(answer);
        else socket.write(whole);
      });
    });
    await using client = createHttpClient();
    await text(client, server.url);
    await expect(text(client, server.url, { method: "POST", body: "x" })).rejects.toMatchObject({
      code: "KING_HTTP_ABORTED",
    });
    await using other = createHttpClient();
    await text(other, server.url);
    answer = "HTTP/1.1 200 OK\r\n";
    await expect(text(other, server.url)).rejects.toMatchObject({ code: "KING_HTTP_ABORTED" });
    expect(server.connections).toBe(2);
  });

  test("but not for ever", async () => {
    await using server = await rawServer((socket) => {
      let requests = 0;
      socket.on("data", () => (++requests === 1 ? socket.write(whole) : socket.destroy()));
    });
    await using client = createHttpClient();
    await Promise.all(Array.from({ length: 8 }, () => text(client, server.url)));
    const before = client.stats().requestsSent;
    const failed = await text(client, server.url).catch((error) => error);
    expect(failed).toMatchObject({ code: "KING_HTTP_ABORTED" });
    expect(client.stats().requestsSent - before).toBe(4);
  });

  test.each(["internal error", "enhance your calm"])(
    "but not one that its server has read and reset on a connection that goes on (%s)",
    async (reason) => {
      const code = reason === "internal error" ? 0x2 : 0xb;
      const paths: string[] = [];
      const server = createHttp2Server();
      server.on("stream", (stream, { ":path": path = "" }) => {
        paths.push(path);
        stream.on("error", () => undefined);
        if (path === "/reset") return stream.close(code);
        stream.respond({ ":status": 200 });
        stream.end("ok");
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await using client = createHttpClient({ protocols: ["h2"] });
      expect(await text(client, origin)).toBe("ok");
      await expect(client.request(`${origin}/reset`)).rejects.toMatchObject({
        code: "KING_HTTP_ABORTED",
        details: { processed: true, code },
      });
      expect(await text(client, origin)).toBe("ok");
      expect(paths).toEqual(["/", "/reset", "/"]);
      expect(client.stats()).toMatchObject({ sessionsOpened: 1, requestsRepeated: 0 });
      await client.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  );

  test("when a kept connection over HTTP/2 goes, with all that was on its way", async () => {
    const seen: string[] = [];
    const server = createHttp2Server();
    server.on("stream", (stream, { ":path": path = "" }) => {
      seen.push(path);
      stream.on("error", () => undefined);
      // Each time when all are there.
      if (path !== "/" && seen.length === 4) stream.session?.destroy();
      else if (path === "/" || seen.length > 4) {
        stream.respond({ ":status": 200 });
        stream.end("ok");
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using client = createHttpClient({ protocols: ["h2"] });
    expect(await text(client, origin)).toBe("ok");
    const all = ["/a", "/b", "/c"].map((path) => text(client, origin + path));
    expect(await Promise.all(all)).toEqual(["ok", "ok", "ok"]);
    expect(client.stats()).toMatchObject({ sessionsOpened: 2, requestsRepeated: 3 });
    await client.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
});

describe("a connection over HTTP/2 that no answer comes from", () => {
  const protocols = ["h2"] as const;
  const late = { code: "KING_HTTP_TIMEOUT" };

  test("takes no other requests, and is given up when its server is silent", async () => {
    const clock = testClock();
    await using server = await rawHttp2Server(() => undefined);
    await using client = createHttpClient({ protocols, clock, keepAliveTimeoutMs: 600_000 });
    const first = client.request(server.origin, { headersTimeoutMs: 100 });
    await expect.poll(() => server.requests.length).toBe(1);
    clock.advance(100);
    await expect(first).rejects.toMatchObject(late);
    expect(await text(client, server.origin)).toBe("good");
    expect(server.requests.map(({ on }) => on)).toEqual([1, 2]);
    clock.advance(5_000);
    await expect.poll(() => client.stats().sessionsActive).toBe(1);
  });

  test("goes on when its server answers a PING", async () => {
    await using server = await rawHttp2Server(async (peer) => {
      const ping = await peer.next(frameType.ping, 0);
      await peer.say(frame(frameType.ping, flag.acknowledge, 0, ping.payload));
    });
    await using client = createHttpClient({ protocols, maxSessionsPerOrigin: 1 });
    const first = client.request(server.origin, { headersTimeoutMs: 20 });
    await expect(first).rejects.toMatchObject(late);
    expect(await text(client, server.origin)).toBe("good");
    expect(server.requests.map(({ on }) => on)).toEqual([1, 1]);
  });

  test("makes room for a request as soon as its server takes more of them", async () => {
    const maxConcurrentStreams = 3;
    await using server = await rawHttp2Server(() => undefined, {
      settings: { [maxConcurrentStreams]: 1 },
    });
    await using client = createHttpClient({ protocols, maxSessionsPerOrigin: 1 });
    const first = client.request(server.origin);
    first.catch(() => undefined);
    await expect.poll(() => server.requests.length).toBe(1);
    const second = text(client, server.origin);
    await expect.poll(() => client.stats().requestsWaiting).toBe(1);
    await server.peers[0]?.say(settings({ [maxConcurrentStreams]: 2 }));
    expect(await second).toBe("good");
    client.abort();
  });
});

describe("a client", () => {
  test("over HTTP/2 has one connection for many requests, and another when the first winds down", async () => {
    const sessions: ServerHttp2Session[] = [];
    const server = createHttp2Server();
    server.on("session", (session) => sessions.push(session));
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200 });
      stream.end("ok");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await using client = createHttpClient({ protocols: ["h2"] });
    await Promise.all(Array.from({ length: 50 }, () => text(client, url)));
    expect(client.stats()).toMatchObject({ sessionsOpened: 1, requestsSent: 50 });
    sessions[0]?.goaway();
    await expect.poll(() => client.stats().sessionsActive).toBe(0);
    expect(await text(client, url)).toBe("ok");
    expect(client.stats().sessionsOpened).toBe(2);
    await client.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  test.each([
    ["asked for later", 100],
    ["that wait already", 1],
  ])(
    "over HTTP/2 serves requests %s while the one connection it may have finishes a long one",
    async (_, maxConcurrentStreams) => {
      const held: ServerHttp2Stream[] = [];
      const server = createHttp2Server({ settings: { maxConcurrentStreams } });
      server.on("stream", (stream, headers) => {
        stream.on("error", () => undefined);
        stream.respond({ ":status": 200 });
        if (headers[":path"] === "/long") held.push(stream);
        else stream.end("ok");
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      await using client = createHttpClient({ protocols: ["h2"], maxSessionsPerOrigin: 1 });
      const long = await client.request(`${url}long`);
      const waits = maxConcurrentStreams === 1;
      const early = waits ? text(client, url) : undefined;
      expect(client.stats().requestsWaiting).toBe(waits ? 1 : 0);
      held[0]?.session?.goaway();
      await expect.poll(() => [...client.sessions()][0]?.state).toBe("draining");
      expect(await (early ?? text(client, url))).toBe("ok");
      expect(client.stats().sessionsOpened).toBe(2);
      held[0]?.end("at last");
      expect(await long.text()).toBe("at last");
      await expect.poll(() => client.stats().sessionsActive).toBe(1);
      await client.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  );

  test("uses a connection over HTTP/2 beside one over HTTP/1.1 to the same origin", async () => {
    const { ca, leaf } = await certificates();
    const offers = ["http/1.1", "h2"];
    const held: Http2ServerResponse[] = [];
    const server = createSecureServer({
      ...leaf,
      allowHTTP1: true,
      ALPNCallback: () => offers.shift() ?? "h2",
    });
    server.on("request", (incoming, outgoing) => {
      if (incoming.url === "/held") held.push(outgoing);
      else outgoing.end(incoming.httpVersion);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await using client = createHttpClient({ tls: { ca }, maxSessionsPerOrigin: 2 });
    const asked = ["held", "held", "held"].map((path) => text(client, url + path));
    await expect.poll(() => held.length).toBe(3);
    expect(await text(client, url)).toBe("2.0");
    for (const outgoing of held) outgoing.end("late");
    expect(await Promise.all(asked)).toEqual(["late", "late", "late"]);
    await client.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  test("over HTTP/2 has as many connections as its requests need, not one for each", async () => {
    const held: ServerHttp2Stream[] = [];
    const server = createHttp2Server({ settings: { maxConcurrentStreams: 100 } });
    server.on("stream", (stream) => {
      stream.on("error", () => undefined);
      held.push(stream);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await using client = createHttpClient({ protocols: ["h2"] });
    const all = Array.from({ length: 150 }, () => text(client, url));
    await expect.poll(() => held.length).toBe(150);
    expect(client.stats().sessionsOpened).toBe(2);
    for (const stream of held) {
      stream.respond({ ":status": 200 });
      stream.end("ok");
    }
    expect(new Set(await Promise.all(all))).toEqual(new Set(["ok"]));
    await client.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  test("that closes finishes what is under way and what waits, and refuses the rest", async () => {
    const watch = watchResources();
    {
      const held: (() => void)[] = [];
      await using server = await countingServer((_, response) => {
        held.push(() => response.end("ok"));
      });
      const client = createHttpClient({ maxSessionsPerOrigin: 1 });
      const both = [text(client, server.url), text(client, server.url)];
      await expect.poll(() => held.length).toBe(1);
      const closing = client.close();
      expect(client.state).toBe("draining");
      await expect(client.request(server.url)).rejects.toMatchObject({
        code: "KING_SESSION_CLOSED",
      });
      held[0]?.();
      await expect.poll(() => held.length).toBe(2);
      held[1]?.();
      expect(await Promise.all(both)).toEqual(["ok", "ok"]);
      await closing;
      expect([client.state, await client.closed]).toEqual(["closed", { by: "local", clean: true }]);
    }
    await watch.settled();
  });

  test("that is aborted fails everything with the reason given, and leaves nothing behind", async () => {
    const watch = watchResources();
    {
      await using server = await countingServer(() => undefined);
      const client = createHttpClient({ maxSessionsPerOrigin: 1 });
      const both = [client.request(server.url), client.request(server.url)];
      await expect.poll(() => server.requests.length).toBe(1);
      const reason = new Error("enough");
      client.abort(reason);
      for (const each of both) await expect(each).rejects.toBe(reason);
      expect(await client.closed).toMatchObject({ by: "local", clean: false, error: reason });
      await expect.poll(() => server.open).toBe(0);
    }
    await watch.settled();
  });

  test("without any request is closed at once", async () => {
    const client = createHttpClient();
    await client.close();
    expect(client.state).toBe("closed");
    await expect(client.request("http://127.0.0.1:1/")).rejects.toMatchObject({
      code: "KING_SESSION_CLOSED",
    });
  });

  test("keeps no record of origins it has no connection to", async () => {
    const clock = testClock();
    await using client = createHttpClient({ clock });
    for (let i = 0; i < 20; i++) {
      await expect(client.request(`http://127.0.0.1:1/${i}`)).rejects.toMatchObject({
        code: "KING_NET_CONNECT",
      });
    }
    expect([...client.sessions()]).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each<[string, object, string]>([
    ["an unknown option", { maxSession: 1 }, "maxSession: no such option"],
    ["no connection at all", { maxSessionsPerOrigin: 0 }, "maxSessionsPerOrigin: expected"],
    ["a negative limit", { maxQueuedRequests: -1 }, "maxQueuedRequests: expected"],
    ["protocols that are none", { protocols: [] }, "protocols: expected"],
    ["another protocol", { protocols: ["h3"] }, "protocols: expected"],
    ["a clock that is none", { clock: {} }, "clock: expected"],
  ])("refuses %s (KING_OPTION_INVALID)", (_, options, message) => {
    expect(() => createHttpClient(options)).toThrow(
      expect.objectContaining({
        code: "KING_OPTION_INVALID",
        message: expect.stringContaining(message),
      }),
    );
  });
});
