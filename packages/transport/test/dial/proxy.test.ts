import { getEventListeners, once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { inspect } from "node:util";
import { systemClock } from "@king-runtime/core";
import {
  makeCertificates,
  recorder,
  testClock,
  watchResources,
  withDeadline,
} from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { AddressGuard } from "../../src/dial/address-guard.ts";
import type { DialOptions } from "../../src/dial/dial.ts";
import { ConnectProxy, type ProxyOptions } from "../../src/dial/proxy.ts";
import { ClientTls } from "../../src/tls/client-tls.ts";
import { tlsPolicy, tlsServer } from "../tls/client-harness.ts";

const { ca, leaf } = await makeCertificates();

type Answer = (head: string, socket: Socket) => void;

/** A proxy that answers each request as it is told; a tunnel of it leads to any port of this machine. */
async function proxyServer(answer: Answer = tunnel, isSecure = false) {
  const heads = recorder<string>();
  const sockets = new Set<Socket>();
  const serve = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    let text = "";
    const onData = (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (!text.endsWith("\r\n\r\n")) return;
      socket.off("data", onData);
      heads.record(text);
      answer(text, socket);
    };
    socket.on("data", onData);
  };
  const server: Server = isSecure ? createTlsServer(leaf, serve) : createServer(serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    heads,
    sockets,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function tunnel(head: string, socket: Socket): void {
  const [, port] = /^CONNECT [^ ]*:(\d+) /.exec(head) ?? [];
  const onward = connect(Number(port), "127.0.0.1", () => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    socket.pipe(onward).pipe(socket);
  });
  onward.on("error", () => socket.destroy());
  socket.on("close", () => onward.destroy());
}

const answering =
  (text: string): Answer =>
  (_, socket) =>
    void socket.write(text);

function proxyOf(url: string, more: Partial<ProxyOptions> = {}): ConnectProxy {
  return new ConnectProxy({ url, ...more }, { policy: tlsPolicy(), clock: systemClock });
}

const through = (
  proxy: ConnectProxy,
  host: string,
  port: number,
  more: Partial<DialOptions> = {},
) =>
  withDeadline(
    proxy.connect(host, port, { clock: systemClock, connectTimeoutMs: 5_000, ...more }),
    "a connection through a proxy",
  );

async function echoServer() {
  const server = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

async function echoed(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  let got = "";
  while (got.length < text.length) {
    got += (await withDeadline(once(socket, "data"), "an echo"))[0];
  }
  return got;
}

describe("a connection through a proxy", () => {
  test("leads to the host that was asked for", async () => {
    await using target = await echoServer();
    await using server = await proxyServer();
    const socket = await through(
      proxyOf(`http://127.0.0.1:${server.port}`),
      "host.example",
      target.port,
    );
    expect(await echoed(socket, "hello")).toBe("hello");
    const authority = `host.example:${target.port}`;
    expect(server.heads.values[0]?.split("\r\n")).toEqual([
      `CONNECT ${authority} HTTP/1.1`,
      `host: ${authority}`,
      "Connection: close",
      "",
      "",
    ]);
    socket.destroy();
  });

  test.each([
    ["::1", "[::1]"],
    ["BÜCHER.example.", "xn--bcher-kva.example"],
    ["0x7f.1", "127.0.0.1"],
  ])("asks for %s as %s", async (host, written) => {
    await using server = await proxyServer(answering("HTTP/1.1 200 OK\r\n\r\n"));
    const socket = await through(proxyOf(`http://127.0.0.1:${server.port}`), host, 443);
    expect(server.heads.values[0]).toContain(
      `CONNECT ${written}:443 HTTP/1.1\r\nhost: ${written}:443\r\n`,
    );
    socket.destroy();
  });

  test("carries TLS", async () => {
    await using target = await tlsServer({ ...leaf, ALPNProtocols: ["h2"] });
    await using server = await proxyServer();
    const tcp = await through(proxyOf(`http://127.0.0.1:${server.port}`), "localhost", target.port);
    const client = new ClientTls({ ca }, tlsPolicy(), { clock: systemClock });
    const socket = await client.handshake(tcp, {
      host: "localhost",
      port: target.port,
      alpn: ["h2"],
    });
    expect([socket.authorized, socket.alpnProtocol]).toEqual([true, "h2"]);
    socket.destroy();
  });

  test("carries TLS when the proxy is spoken to over TLS, too", async () => {
    await using target = await tlsServer(leaf);
    await using server = await proxyServer(tunnel, true);
    const proxy = proxyOf(`https://localhost:${server.port}`, { tls: { ca } });
    const outer = await through(proxy, "localhost", target.port);
    const client = new ClientTls({ ca }, tlsPolicy(), { clock: systemClock });
    const socket = await client.handshake(outer, {
      host: "localhost",
      port: target.port,
      alpn: [],
    });
    expect(socket.authorized).toBe(true);
    socket.destroy();
  });

  test("gives the bytes that come with the answer", async () => {
    await using server = await proxyServer(
      answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n220 ready\r\n"),
    );
    const socket = await through(proxyOf(`http://127.0.0.1:${server.port}`), "mail.example", 25);
    const [chunk] = await withDeadline(once(socket, "data"), "bytes");
    expect(String(chunk)).toBe("220 ready\r\n");
    socket.destroy();
  });

  test("has the credentials of the URL, decoded, and the fields that are given", async () => {
    await using server = await proxyServer(answering("HTTP/1.1 200 OK\r\n\r\n"));
    const proxy = proxyOf(`http://us%65r:p%C3%A4ss%3Aw%40rd@127.0.0.1:${server.port}`, {
      headers: { "X-Trace": "1", via: ["a", "b"] },
    });
    (await through(proxy, "host.example", 443)).destroy();
    const credentials = Buffer.from("user:päss:w@rd").toString("base64");
    expect(server.heads.values[0]).toContain(`\r\nproxy-authorization: Basic ${credentials}\r\n`);
    expect(server.heads.values[0]).toContain("\r\nx-trace: 1\r\nvia: a\r\nvia: b\r\n");
  });

  test("leaves nothing behind", async () => {
    const resources = watchResources();
    {
      await using server = await proxyServer(answering("HTTP/1.1 200 OK\r\n\r\n"));
      const proxy = proxyOf(`http://127.0.0.1:${server.port}`);
      const { signal } = new AbortController();
      const socket = await through(proxy, "host.example", 443, { signal });
      expect(getEventListeners(signal, "abort")).toEqual([]);
      expect(socket.listenerCount("data")).toBe(0);
      socket.destroy();
    }
    await resources.settled();
  });
});

describe("a proxy", () => {
  test.each([403, 407, 502])("that answers %i has refused", async (status) => {
    await using server = await proxyServer(
      answering(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`),
    );
    const origin = `http://127.0.0.1:${server.port}`;
    await expect(through(proxyOf(origin), "host.example", 443)).rejects.toMatchObject({
      code: "KING_NET_PROXY",
      message: `${origin}: expected a connection to host.example:443, got ${status}`,
      details: { proxy: origin, status },
    });
    const [socket] = server.sockets;
    if (socket?.destroyed === false) await withDeadline(once(socket, "close"), "the end");
  });

  test.each([
    ["speaks something else", answering("SSH-2.0-OpenSSH_9.6\r\n")],
    ["hangs up", (_: string, socket: Socket) => void socket.end()],
    [
      "hangs up in its answer",
      (_: string, socket: Socket) => void socket.end("HTTP/1.1 200 OK\r\n"),
    ],
    ["answers without end", answering(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}`)],
  ])("that %s is told from one that refuses", async (_, answer) => {
    await using server = await proxyServer(answer);
    const origin = `http://127.0.0.1:${server.port}`;
    const error = await through(proxyOf(origin), "host.example", 443).catch((each) => each);
    expect(error).toMatchObject({ code: "KING_NET_PROXY", details: { proxy: origin } });
    expect(error.details).not.toHaveProperty("status");
    expect(error.cause).toBeInstanceOf(Error);
  });

  test("that says nothing is waited for until connectTimeoutMs", async () => {
    await using server = await proxyServer(() => undefined);
    const clock = testClock();
    const proxy = proxyOf(`http://127.0.0.1:${server.port}`);
    const outcome = through(proxy, "host.example", 443, { clock, connectTimeoutMs: 800 });
    outcome.catch(() => undefined);
    await server.heads.take(1);
    clock.advance(799);
    expect(clock.pendingTimers).toBe(1);
    clock.advance(1);
    await expect(outcome).rejects.toMatchObject({
      code: "KING_NET_TIMEOUT",
      details: { phase: "proxy", timeoutMs: 800 },
    });
    expect(clock.pendingTimers).toBe(0);
  });

  test("has what connecting to it left of connectTimeoutMs", async () => {
    await using server = await proxyServer(() => undefined);
    const clock = testClock();
    const proxy = proxyOf(`http://127.0.0.1:${server.port}`);
    const outcome = through(proxy, "host.example", 443, {
      clock,
      connectTimeoutMs: 800,
      async connector(address, port) {
        clock.advance(500);
        const socket = connect(port, address);
        await once(socket, "connect");
        return socket;
      },
    });
    outcome.catch(() => undefined);
    await server.heads.take(1);
    expect(clock.nextTimerMs).toBe(300);
    clock.advance(300);
    await expect(outcome).rejects.toMatchObject({ details: { phase: "proxy", timeoutMs: 800 } });
  });

  test("that cannot be connected to is what the error names", async () => {
    const server = await proxyServer();
    await server[Symbol.asyncDispose]();
    const proxy = proxyOf(`http://127.0.0.1:${server.port}`);
    await expect(through(proxy, "host.example", 443)).rejects.toMatchObject({
      code: "KING_NET_CONNECT",
      details: { host: "127.0.0.1", port: server.port },
    });
  });

  test("is verified where it is spoken to over TLS", async () => {
    await using server = await proxyServer(tunnel, true);
    await expect(
      through(proxyOf(`https://localhost:${server.port}`), "host.example", 443),
    ).rejects.toMatchObject({ code: "KING_NET_TLS", details: { host: "localhost" } });
    expect(server.heads.values).toEqual([]);
  });

  test("is no longer of interest: with the reason of the signal", async () => {
    await using server = await proxyServer(() => undefined);
    const cancel = new AbortController();
    const reason = new Error("no longer wanted");
    const proxy = proxyOf(`http://127.0.0.1:${server.port}`);
    const outcome = through(proxy, "host.example", 443, { signal: cancel.signal });
    await server.heads.take(1);
    cancel.abort(reason);
    await expect(outcome).rejects.toBe(reason);
  });

  test("may be anywhere, while a guard looks at the host", async () => {
    await using server = await proxyServer(answering("HTTP/1.1 200 OK\r\n\r\n"));
    const proxy = proxyOf(`http://127.0.0.1:${server.port}`);
    const guard = new AddressGuard();
    (await through(proxy, "host.example", 443, { guard })).destroy();
    for (const host of ["10.0.0.1", "0x7f.1", "::1"]) {
      await expect(through(proxy, host, 443, { guard })).rejects.toMatchObject({
        code: "KING_NET_FORBIDDEN",
      });
    }
    expect(server.heads.values).toHaveLength(1);
  });

  test.each(["a b", "a\r\nx: y", "", "a/b", "user@host"])("is not asked for %j", async (host) => {
    await using server = await proxyServer();
    await expect(
      through(proxyOf(`http://127.0.0.1:${server.port}`), host, 443),
    ).rejects.toMatchObject({ code: "KING_OPTION_INVALID", details: { option: "host" } });
    expect(server.sockets.size).toBe(0);
  });
});

describe("credentials", () => {
  test("are in nothing that is shown", async () => {
    await using server = await proxyServer(answering("HTTP/1.1 407 No\r\n\r\n"));
    const proxy = proxyOf(`http://user:secret@127.0.0.1:${server.port}`);
    const error = await through(proxy, "host.example", 443).catch((each) => each);
    expect(error.code).toBe("KING_NET_PROXY");
    const shown = inspect([proxy, error], { depth: 20, showHidden: true });
    expect(shown).not.toMatch(/secret|dXNlcjpzZWNyZXQ/);
  });

  test.each(["http://us%3Aer:secret@a", "http://a:secret%ff@b", "http://a:secret%0a@b"])(
    "that cannot be sent are refused, and not shown: %#",
    (url) => {
      expect(() => proxyOf(url)).toThrow(
        expect.objectContaining({
          code: "KING_OPTION_INVALID",
          message: expect.not.stringContaining("secret"),
          details: { option: "proxy.url" },
        }),
      );
    },
  );
});

describe("options", () => {
  test.each([
    [{ url: "socks5://a" }, "proxy.url"],
    [{ url: "a:1080" }, "proxy.url"],
    [{ url: "http://a/path" }, "proxy.url"],
    [{ url: "http://a?b" }, "proxy.url"],
    [{ url: "http://a:0" }, "proxy.url"],
    [{}, "proxy.url"],
    [{ url: "http://a", tls: {} }, "proxy.tls"],
    [{ url: "https://a", tls: { pins: [] } }, "tls.pins"],
    [{ url: "http://a", headers: new Headers() }, "proxy.headers"],
    [{ url: "http://a", headers: { "a b": "c" } }, "proxy.headers"],
    [{ url: "http://a", headers: { a: "b\r\nc: d" } }, "proxy.headers"],
    [{ url: "http://a", headers: { Host: "b" } }, "proxy.headers"],
    [{ url: "http://a", headers: { "content-length": "0" } }, "proxy.headers"],
    [{ url: "http://a", auth: "a:b" }, "proxy.auth"],
  ])("%j are refused", (options, option) => {
    expect(
      () => new ConnectProxy(options as ProxyOptions, { policy: tlsPolicy(), clock: systemClock }),
    ).toThrow(expect.objectContaining({ code: "KING_OPTION_INVALID", details: { option } }));
  });
});
