import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { setTimeout } from "node:timers/promises";
import type { Exchange, Stream } from "@king-runtime/core";
import { makeCertificates, startNode } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import {
  type ClientProtocol,
  type HttpClientSession,
  listenHttp,
  openHttpSession,
} from "../../src/index.ts";
import { needEngine } from "../http3/engines.ts";

const { ca, leaf } = await makeCertificates();

async function echoUpgrades(exchange: Exchange): Promise<void> {
  if (exchange.path === "/none" || exchange.upgrade === undefined) {
    return exchange.respond(403, {}, "not here");
  }
  const stream = exchange.upgrade.accept({ "x-protocol": exchange.upgrade.protocol });
  for await (const chunk of stream) await stream.write(chunk);
  await stream.end();
}

async function read(stream: Stream): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += Buffer.from(chunk).toString();
  return text;
}

const protocols: ClientProtocol[] = ["h1", "h2", "h3"];

describe.each(protocols)("over %s", (protocol) => {
  async function withSession(
    context: Parameters<typeof needEngine>[0],
    run: (session: HttpClientSession) => Promise<void>,
  ): Promise<void> {
    const quic =
      protocol === "h3" ? { engine: await needEngine(context, "currentspace") } : undefined;
    await using listener = await listenHttp({
      tls: leaf,
      ...(quic && { quic }),
      handler: echoUpgrades,
    });
    const origin = `https://localhost:${listener.local.port}`;
    const options = { tls: { ca }, protocols: [protocol], ...(quic && { quic }) };
    const session = await openHttpSession(origin, options);
    try {
      await run(session);
    } finally {
      session.abort();
      listener.abort();
    }
  }

  test("a protocol has a stream of its own", async (context) => {
    await withSession(context, async (session) => {
      const { stream, headers } = await session.upgrade({ protocol: "websocket", path: "/chat" });
      expect(headers.get("x-protocol")).toBe("websocket");
      await stream.write(Buffer.from("one "));
      await stream.end(Buffer.from("two"));
      expect(await read(stream)).toBe("one two");
      expect((await stream.closed).clean).toBe(true);
    });
  });

  test("any other answer is refused with its status (KING_HTTP_UPGRADE_REFUSED)", async (context) => {
    await withSession(context, async (session) => {
      await expect(session.upgrade({ protocol: "websocket", path: "/none" })).rejects.toMatchObject(
        {
          code: "KING_HTTP_UPGRADE_REFUSED",
          details: { protocol: "websocket", status: 403 },
        },
      );
    });
  });

  test("a session that is upgraded ends with its stream, or goes on beside it", async (context) => {
    await withSession(context, async (session) => {
      const { stream } = await session.upgrade({ protocol: "websocket" });
      if (protocol === "h1") {
        await expect(session.request()).rejects.toMatchObject({ code: "KING_SESSION_CLOSED" });
      } else {
        expect((await (await session.request()).response).status).toBe(403);
      }
      const closing = session.close();
      await stream.end(Buffer.from("last"));
      expect(await read(stream)).toBe("last");
      await closing;
      expect((await session.closed).streamsAborted).toBe(0);
    });
  });
});

test("a server that takes no extended CONNECT is not asked (KING_STREAM_UNSUPPORTED)", async () => {
  const server = createHttp2Server();
  let streams = 0;
  server.on("stream", () => streams++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const session = await openHttpSession(`http://127.0.0.1:${port}`, { protocols: ["h2"] });
  await expect(session.upgrade({ protocol: "websocket" })).rejects.toMatchObject({
    code: "KING_STREAM_UNSUPPORTED",
  });
  expect(streams).toBe(0);
  await session.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

test("bytes that come with the answer to an Upgrade are not lost", async () => {
  const server = createServer();
  server.on("upgrade", (_request, socket) => {
    socket.end("HTTP/1.1 101 X\r\nconnection: Upgrade\r\nupgrade: x\r\n\r\nearly");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const session = await openHttpSession(`http://127.0.0.1:${port}`);
  const { stream } = await session.upgrade({ protocol: "x" });
  expect(await read(stream)).toBe("early");
  await stream.end();
  await session.closed;
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

test("is given up when nobody answers, or the caller wants no more", async () => {
  const server = createServer();
  server.on("upgrade", (_request, socket) => {
    socket.on("error", () => undefined).resume();
    socket.on("end", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const session = await openHttpSession(origin);
  await expect(session.upgrade({ protocol: "x", headersTimeoutMs: 50 })).rejects.toMatchObject({
    code: "KING_HTTP_TIMEOUT",
    details: { phase: "headers" },
  });
  const other = await openHttpSession(origin);
  const giveUp = new AbortController();
  const asked = other.upgrade({ protocol: "x", signal: giveUp.signal });
  giveUp.abort(new Error("enough"));
  await expect(asked).rejects.toThrow("enough");
  await Promise.all([session.closed, other.closed]);
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

test("is given up when a server of HTTP/2 never says what it takes", async () => {
  const server = createTcpServer((socket) => socket.on("error", () => undefined).resume());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const session = await openHttpSession(`http://127.0.0.1:${port}`, { protocols: ["h2"] });
  await expect(
    session.upgrade({ protocol: "websocket", headersTimeoutMs: 50 }),
  ).rejects.toMatchObject({ code: "KING_HTTP_TIMEOUT", details: { phase: "headers" } });
  const giveUp = new AbortController();
  const asked = session.upgrade({ protocol: "websocket", signal: giveUp.signal });
  giveUp.abort(new Error("enough"));
  await expect(asked).rejects.toThrow("enough");
  session.abort();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

test("is given up when a server of HTTP/2 takes the request and does not answer", async () => {
  await using server = await extendedServer(() => undefined);
  const session = await openHttpSession(server.origin, { protocols: ["h2"] });
  await expect(session.upgrade({ protocol: "x", headersTimeoutMs: 50 })).rejects.toMatchObject({
    code: "KING_HTTP_TIMEOUT",
    details: { phase: "headers" },
  });
  expect(session.state).toBe("open");
  await session.close();
});

test.each(["h1", "h2"] as const)(
  "a stream over %s outlasts what was asked with",
  async (protocol) => {
    await using listener = await listenHttp({ handler: echoUpgrades });
    const origin = `http://127.0.0.1:${listener.local.port}`;
    const session = await openHttpSession(origin, { protocols: [protocol] });
    const giveUp = new AbortController();
    const { stream } = await session.upgrade({ protocol: "websocket", signal: giveUp.signal });
    giveUp.abort();
    await stream.end(Buffer.from("still here"));
    expect(await read(stream)).toBe("still here");
    await session.close();
  },
);

test.each(["h1", "h2"] as const)("a stream over %s keeps its program running", async (protocol) => {
  await using listener = await listenHttp({
    async handler(exchange) {
      const stream = exchange.upgrade?.accept();
      if (stream === undefined) return;
      // Longer than a program takes to find that it has nothing to do.
      for await (const chunk of stream) {
        await setTimeout(50);
        await stream.write(chunk);
      }
      await stream.end();
    },
  });
  const script = `
    import { openHttpSession } from "@king-runtime/transport";
    const session = await openHttpSession(process.argv[1], { protocols: [process.argv[2]] });
    const { stream } = await session.upgrade({ protocol: "websocket" });
    await stream.end(Buffer.from("done"));
    for await (const chunk of stream) console.log(Buffer.from(chunk).toString());
    await session.close();
  `;
  await using program = await startNode("--input-type=module", {
    args: ["--eval", script, `http://127.0.0.1:${listener.local.port}`, protocol],
    cwd: import.meta.dirname,
  });
  const { code } = await program.exited;
  expect([code, program.stdout().trim(), program.stderr()]).toEqual([0, "done", ""]);
});

test.each(["h1", "h2"] as const)(
  "a session over %s that is aborted says why to all that it had",
  async (protocol) => {
    await using listener = await listenHttp({
      async handler(exchange) {
        if (exchange.path === "/late") await exchange.closed;
        else await read(exchange.upgrade?.accept() as Stream);
      },
    });
    const origin = `http://127.0.0.1:${listener.local.port}`;
    const reason = new Error("enough");
    const session = await openHttpSession(origin, { protocols: [protocol] });
    const { stream } = await session.upgrade({ protocol: "websocket" });
    session.abort(reason);
    await expect(read(stream)).rejects.toBe(reason);
    expect(await stream.closed).toMatchObject({ by: "local", clean: false, error: reason });
    expect(await session.closed).toMatchObject({ by: "local", streamsAborted: 1, error: reason });
    const other = await openHttpSession(origin, { protocols: [protocol] });
    const asked = other.upgrade({ protocol: "websocket", path: "/late" });
    await setTimeout(20);
    other.abort(reason);
    await expect(asked).rejects.toBe(reason);
    await other.closed;
    listener.abort();
  },
);

test.each(["other", "x, other", ""])(
  "a server that changes to a protocol nobody asked for does not speak HTTP (upgrade: %s)",
  async (upgrade) => {
    const server = createServer();
    server.on("upgrade", (_request, socket) => {
      socket.on("error", () => undefined).resume();
      socket.on("end", () => socket.destroy());
      socket.write(`HTTP/1.1 101 X\r\nconnection: Upgrade\r\nupgrade: ${upgrade}\r\n\r\n`);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const session = await openHttpSession(`http://127.0.0.1:${port}`);
    await expect(session.upgrade({ protocol: "x" })).rejects.toMatchObject({
      code: "KING_HTTP_PROTOCOL",
    });
    await session.closed;
    await new Promise<void>((resolve) => server.close(() => resolve()));
  },
);

/** A server of HTTP/2 that takes extended CONNECT. */
async function extendedServer(onStream: (stream: ServerHttp2Stream) => void) {
  const server = createHttp2Server({ settings: { enableConnectProtocol: true } });
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    onStream(stream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
