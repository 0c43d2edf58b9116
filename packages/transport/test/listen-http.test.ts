import { connect } from "node:net";
import { defineConfig } from "@king-runtime/core";
import {
  connectRaw,
  freePorts,
  makeCertificates,
  testClock,
  watchResources,
  withDeadline,
} from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { httpSection, listenHttp, request, tlsSection } from "../src/index.ts";
import { exchangeSource } from "./exchange-harness.ts";

const handler = () => undefined;

describe("options", () => {
  test.each([
    [
      { maxBodyBytes: -1 },
      "maxBodyBytes: expected an integer of at least 0, or Infinity (bytes), got -1",
    ],
    [
      { maxHeaderBytes: 10 },
      "maxHeaderBytes: expected an integer from 1024 to 1048576 (bytes), got 10",
    ],
    [{ port: 70_000 }, "port: expected an integer from 0 to 65535, got 70000"],
    [{ hots: "x" }, "hots: no such option; did you mean host?"],
    [{ handler: 3 }, "handler: expected a function"],
    [{ host: "" }, "host: expected a name or address; 0.0.0.0 or :: for all there are"],
    [{ clock: {} }, "clock: expected a clock"],
    [{ signal: 5 }, "signal: expected an AbortSignal"],
    [{ upgradeProtocols: ["a b"] }, "upgradeProtocols: expected names of protocols"],
    [
      { requestIdHeader: "content-length" },
      "requestIdHeader: expected the name of a field in lower case, or nothing",
    ],
  ])("%j is refused", async (options, message) => {
    const listening = listenHttp({ handler, ...options } as never);
    await expect(listening).rejects.toMatchObject({ code: "KING_OPTION_INVALID", message });
  });

  test("an operator's lock binds them", async () => {
    const config = defineConfig({
      sections: [httpSection, tlsSection],
      operator: { policy: { lock: ["http.maxBodyBytes"] } },
    });
    await expect(listenHttp({ handler, config, maxBodyBytes: 1 })).rejects.toMatchObject({
      code: "KING_CONFIG_LOCKED",
    });
  });

  test("a port that is taken is named (KING_HTTP_LISTEN)", async () => {
    await using first = await listenHttp({ handler });
    const { port } = first.local;
    await expect(listenHttp({ handler, port })).rejects.toMatchObject({
      code: "KING_HTTP_LISTEN",
      message: `expected to listen on 127.0.0.1 port ${port}, got EADDRINUSE`,
      details: { address: "127.0.0.1", port },
    });
  });

  test("a key that is not the certificate's is refused (KING_HTTP_TLS)", async () => {
    const tls = { cert: "nonsense", key: "nonsense" };
    await expect(listenHttp({ handler, tls })).rejects.toMatchObject({ code: "KING_HTTP_TLS" });
  });
});

test.each([[undefined], [null], [5]])("options that are %s are refused", async (options) => {
  await expect(listenHttp(options as never)).rejects.toMatchObject({
    code: "KING_OPTION_INVALID",
    details: { option: "options" },
  });
});

describe("a listener", () => {
  test("tells connections apart that share the client's port", async () => {
    await using listener = await listenHttp({
      handler: ({ session }) => void session,
      host: "0.0.0.0",
      headersTimeoutMs: 100,
    });
    const { port } = listener.local;
    const [localPort = 0] = await freePorts(1);
    await using first = await connectRaw({ port, host: "127.0.0.1", localPort });
    await using second = await connectRaw({ port, host: "127.0.0.2", localPort });
    await withDeadline(first.ended, "the end of the first silent connection");
    await withDeadline(second.ended, "the end of the second silent connection");
  });

  test("tells where it listens, who is connected, and what is under way", async () => {
    await using source = await exchangeSource();
    const { listener } = source;
    expect(listener.local).toMatchObject({ address: "127.0.0.1", family: "IPv4" });
    expect(listener.state).toBe("open");
    await using socket = await connectRaw({ port: listener.local.port });
    await socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const exchange = await source.next();
    expect(listener.stats()).toEqual({
      sessionsAccepted: 1,
      sessionsRefused: 0,
      sessionsActive: 1,
      streamsActive: 1,
    });
    const [session] = listener.sessions();
    expect(session).toBe(exchange.session);
    exchange.respond(204);
    await exchange.closed;
    expect(listener.stats().streamsActive).toBe(0);
  });

  test("close() refuses connections at once, and lets requests under way finish", async () => {
    await using source = await exchangeSource();
    const { listener } = source;
    await using socket = await connectRaw({ port: listener.local.port });
    await using idle = await connectRaw({ port: listener.local.port });
    await idle.write("GET /idle HTTP/1.1\r\nHost: a\r\n\r\n");
    (await source.next()).respond(200, {}, "done");
    await idle.readUntil("done");
    await socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const exchange = await source.next();
    const closing = listener.close();
    expect(listener.state).toBe("draining");
    expect(await idle.ended).toBe("end");
    const refused = await new Promise((resolve) => {
      connect(listener.local.port, "127.0.0.1").once("error", resolve);
    });
    expect(refused).toMatchObject({ code: "ECONNREFUSED" });
    exchange.respond(200, {}, "last");
    expect(await socket.readUntil("last")).toMatch(/connection: close/i);
    await withDeadline(closing, "close()");
    expect(await listener.closed).toEqual({ by: "local", clean: true, sessionsAborted: 0 });
  });

  test("close() cuts at its deadline what does not finish, and says how many", async () => {
    await using source = await exchangeSource();
    const { listener } = source;
    await using socket = await connectRaw({ port: listener.local.port });
    await socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const exchange = await source.next();
    await withDeadline(listener.close({ deadlineMs: 50 }), "close()");
    expect(await listener.closed).toEqual({ by: "local", clean: false, sessionsAborted: 1 });
    expect((await exchange.closed).clean).toBe(false);
    expect(exchange.signal.aborted).toBe(true);
  });

  test("does not wait for a connection that has sent nothing", async () => {
    const { listener } = await exchangeSource();
    await using socket = await connectRaw({ port: listener.local.port });
    await socket.write("PRI");
    await withDeadline(listener.close(), "close()");
    expect(await socket.ended).not.toBe("closed");
  });

  test("closes when its signal aborts", async () => {
    const stop = new AbortController();
    const listener = await listenHttp({ handler, signal: stop.signal });
    stop.abort();
    expect((await withDeadline(listener.closed, "closed")).clean).toBe(true);
    await expect(listenHttp({ handler, signal: stop.signal })).rejects.toBe(stop.signal.reason);
  });

  test("refuses connections beyond maxSessions, and counts them", async () => {
    await using source = await exchangeSource({ maxSessions: 1 });
    const { listener } = source;
    await using first = await connectRaw({ port: listener.local.port });
    await first.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const exchange = await source.next();
    await using second = await connectRaw({ port: listener.local.port });
    expect(await withDeadline(second.ended, "a refusal")).not.toBe("closed");
    expect(listener.stats()).toMatchObject({ sessionsRefused: 1, sessionsActive: 1 });
    exchange.respond(200, {}, "served");
    await first.readUntil("served");
  });

  test("keeps the deadlines of all sessions when one of them is at fault, and ends that one", async () => {
    const clock = testClock();
    const errors: unknown[] = [];
    await using source = await exchangeSource({
      clock,
      responseTimeoutMs: 1_000,
      onHandlerError: (error) => errors.push(error),
    });
    const { port } = source.listener.local;
    await using faulty = await connectRaw({ port });
    await faulty.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const { session } = await source.next();
    const failure = new Error("a fault");
    Object.assign(session, {
      sweep() {
        throw failure;
      },
    });
    await using other = await connectRaw({ port });
    await other.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await source.next();
    clock.advance(2_000);
    expect(await other.readUntil("\r\n")).toBe("HTTP/1.1 503 Service Unavailable\r\n");
    await withDeadline(faulty.ended, "the end of the faulty session");
    expect(errors[0]).toBe(failure);
  });

  test("leaves nothing behind", async () => {
    const watch = watchResources();
    const source = await exchangeSource();
    const socket = await connectRaw({ port: source.listener.local.port });
    await socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    (await source.next()).respond(200, {}, "x");
    await socket.readUntil("x");
    await socket[Symbol.asyncDispose]();
    await source.listener.close();
    await watch.settled();
  });
});

describe("TLS", () => {
  test("carries HTTP/2 and HTTP/1.1 by ALPN, and tells what the handshake settled", async () => {
    const certificates = await makeCertificates();
    const { cert, key } = certificates.leaf;
    await using listener = await listenHttp({
      tls: { cert, key },
      handler(exchange) {
        const { protocol, tls } = exchange.session;
        exchange.respond(200, {}, JSON.stringify([protocol, tls, exchange.scheme]));
      },
    });
    const url = `https://localhost:${listener.local.port}/`;
    const ca = certificates.ca;
    for (const http2 of [true, false]) {
      const response = await request(url, { tls: { ca }, protocols: [http2 ? "h2" : "h1"] });
      const [protocol, tls, scheme] = (await response.json()) as [string, object, string];
      const alpn = http2 ? "h2" : "http/1.1";
      expect([protocol, scheme]).toEqual([http2 ? "h2" : "h1", "https"]);
      expect(tls).toMatchObject({
        version: "TLSv1.3",
        serverName: "localhost",
        peerVerified: false,
        resumed: false,
        ...(http2 ? { alpn } : {}),
      });
      expect(response.protocol).toBe(protocol);
    }
  });

  test("outlives a client that speaks no TLS, and one that leaves in the handshake", async () => {
    const certificates = await makeCertificates();
    const { cert, key } = certificates.leaf;
    await using listener = await listenHttp({
      tls: { cert, key },
      handler: (exchange) => exchange.respond(200, {}, "well"),
    });
    const { port } = listener.local;
    await using plain = await connectRaw({ port });
    await plain.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await withDeadline(plain.ended, "the end of a plain connection");
    await using broken = await connectRaw({ port });
    await broken.write(Buffer.from([0x16, 0x03, 0x01, 0x02]));
    broken.reset();
    const response = await request(`https://localhost:${port}/`, {
      tls: { ca: certificates.ca },
    });
    expect(await response.text()).toBe("well");
  });
});
