import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { defineConfig } from "@king-runtime/core";
import { recorder, stalled, testClock, withDeadline } from "@king-runtime/testkit";
import { openHttpSession } from "@king-runtime/transport";
import { describe, expect, onTestFinished, test } from "vitest";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import {
  type ClientConnection,
  type ConnectWebSocketOptions,
  connectWebSocket,
  type Message,
  realtimeSection,
} from "../src/index.ts";
import { proofOf } from "../src/proof.ts";
import { carriers, openCarried } from "./carriers.ts";

/** A server of HTTP/1.1 that says what it is told to: `answer` gets the request and what lies below it. */
async function openServer(
  answer: (request: IncomingMessage, socket: Duplex) => void,
): Promise<(options?: ConnectWebSocketOptions) => Promise<ClientConnection>> {
  const server = createServer();
  const sockets: Duplex[] = [];
  server.on("upgrade", (request, socket) => {
    socket.on("error", () => undefined);
    sockets.push(socket);
    answer(request, socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return async (options) =>
    connectWebSocket(await openHttpSession(`http://127.0.0.1:${port}`), options);
}

const accepting = (request: IncomingMessage, ...more: string[]) =>
  [
    "HTTP/1.1 101 Switching Protocols",
    "connection: Upgrade",
    "upgrade: websocket",
    `sec-websocket-accept: ${proofOf(request.headers["sec-websocket-key"] ?? "")}`,
    ...more,
    "\r\n",
  ].join("\r\n");

/** A server that takes any handshake and then sends `frames`; `received` is what comes back. */
async function sending(frames: Uint8Array, options: ConnectWebSocketOptions = {}) {
  const received = recorder<Buffer>();
  const connect = await openServer((request, socket) => {
    socket.write(accepting(request));
    socket.on("data", received.record);
    socket.on("end", () => socket.end());
    socket.write(frames);
  });
  return { connection: await connect(options), received };
}

/** The `ws` server, which is none of ours. */
async function foreignServer(
  onConnection: (socket: WebSocket, request: IncomingMessage) => void,
  options: ServerOptions = {},
): Promise<(options?: ConnectWebSocketOptions) => Promise<ClientConnection>> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, ...options });
  server.on("connection", onConnection);
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return async (asked) =>
    connectWebSocket(await openHttpSession(`http://127.0.0.1:${port}`), asked);
}

describe("the handshake", () => {
  test("sends path, fields, origin and subprotocols, and tells what the server took", async () => {
    const asked = recorder<IncomingMessage>();
    const connect = await foreignServer((_, request) => asked.record(request), {
      handleProtocols: (offered) => [...offered][1] ?? false,
    });
    const connection = await connect({
      path: "/chat?room=1",
      headers: { authorization: "Bearer x" },
      origin: "https://app.example",
      subprotocols: ["v2.chat", "v1.chat"],
    });
    const [request] = await asked.take(1);
    expect(request?.url).toBe("/chat?room=1");
    expect(request?.headers).toMatchObject({
      authorization: "Bearer x",
      origin: "https://app.example",
      "sec-websocket-protocol": "v2.chat, v1.chat",
      "sec-websocket-version": "13",
    });
    expect(request?.headers).not.toHaveProperty("sec-websocket-extensions");
    expect(connection.subprotocol).toBe("v1.chat");
    expect(connection.headers.get("upgrade")).toBe("websocket");
  });

  test("has a key of its own for each connection", async () => {
    const keys = recorder<unknown>();
    const connect = await foreignServer((_, { headers }) =>
      keys.record(headers["sec-websocket-key"]),
    );
    await connect();
    await connect();
    const [one, two] = await keys.take(2);
    expect(Buffer.from(String(one), "base64")).toHaveLength(16);
    expect(one).not.toBe(two);
  });

  test.each([
    ["no proof", "sec-websocket-accept", () => ["x: y"], undefined],
    [
      "a wrong proof",
      "sec-websocket-accept",
      () => [`sec-websocket-accept: ${proofOf("other")}`],
      undefined,
    ],
    [
      "two proofs",
      "sec-websocket-accept",
      (key: string) => Array<string>(2).fill(`sec-websocket-accept: ${proofOf(key)}`),
      undefined,
    ],
    [
      "a subprotocol where none was offered",
      "sec-websocket-protocol",
      (key: string) => [`sec-websocket-accept: ${proofOf(key)}`, "sec-websocket-protocol: chat"],
      undefined,
    ],
    [
      "a subprotocol that was not offered",
      "sec-websocket-protocol",
      (key: string) => [`sec-websocket-accept: ${proofOf(key)}`, "sec-websocket-protocol: b"],
      ["a"],
    ],
    [
      "two subprotocols",
      "sec-websocket-protocol",
      (key: string) => [`sec-websocket-accept: ${proofOf(key)}`, "sec-websocket-protocol: a, b"],
      ["a", "b"],
    ],
    [
      "an extension",
      "sec-websocket-extensions",
      (key: string) => [
        `sec-websocket-accept: ${proofOf(key)}`,
        "sec-websocket-extensions: permessage-deflate",
      ],
      undefined,
    ],
  ])(
    "RFC 6455, section 4.1: an answer with %s fails the connection",
    async (_, field, fields, subprotocols) => {
      const cut = Promise.withResolvers<void>();
      const connect = await openServer((request, socket) => {
        socket.on("close", () => cut.resolve()).resume();
        const lines = fields(request.headers["sec-websocket-key"] ?? "");
        socket.write(
          `HTTP/1.1 101 X\r\nconnection: Upgrade\r\nupgrade: websocket\r\n${lines.join("\r\n")}\r\n\r\n`,
        );
      });
      await expect(connect(subprotocols && { subprotocols })).rejects.toMatchObject({
        code: "KING_REALTIME_HANDSHAKE_INVALID",
        details: { field },
      });
      await withDeadline(cut.promise, "the end of the connection");
    },
  );

  test("that takes none of the subprotocols offered is none's", async () => {
    const connect = await foreignServer(() => undefined, { handleProtocols: () => false });
    expect((await connect({ subprotocols: ["a"] })).subprotocol).toBeUndefined();
  });

  test.each([200, 404, 503])("that is answered %i is refused with that status", async (status) => {
    const connect = await openServer((_, socket) => {
      socket.end(`HTTP/1.1 ${status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    });
    await expect(connect()).rejects.toMatchObject({
      code: "KING_REALTIME_HANDSHAKE_REFUSED",
      details: { status },
      cause: { code: "KING_HTTP_UPGRADE_REFUSED" },
    });
  });

  test("ends at its deadline, and when its signal aborts", async () => {
    const connect = await openServer(() => undefined);
    await expect(connect({ headersTimeoutMs: 20 })).rejects.toMatchObject({
      code: "KING_HTTP_TIMEOUT",
    });
    const reason = new Error("enough");
    await expect(connect({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const asked = connect({ signal: controller.signal });
    setImmediate(() => controller.abort(reason));
    await expect(asked).rejects.toBe(reason);
  });

  test("whose answer brings frames along loses none of them", async () => {
    const frames = Buffer.concat([Buffer.from([0x81, 5]), Buffer.from("early")]);
    const connect = await openServer((request, socket) => {
      socket.write(Buffer.concat([Buffer.from(accepting(request)), frames]));
    });
    const connection = await connect();
    expect((await connection[Symbol.asyncIterator]().next()).value).toBe("early");
  });

  test.each([
    [{ path: "chat" }, /path/],
    [{ headers: { "Sec-WebSocket-Key": "x" } }, /headers/],
    [{ headers: { Origin: "https://a.example" } }, /headers/],
    [{ headers: [] }, /headers/],
    [{ origin: "https://a.example\r\nx: y" }, /origin/],
    [{ origin: "" }, /origin/],
    [{ subprotocols: "chat" }, /subprotocols/],
    [{ subprotocols: ["a b"] }, /subprotocols/],
    [{ subprotocols: ["a", "a"] }, /subprotocols/],
    [{ signal: {} }, /signal/],
    [{ onMessage: "log" }, /onMessage/],
    [{ maxMessageBytes: 0 }, /maxMessageBytes/],
    [{ maxConnections: 1 }, /no such option/],
    [{ maxMessageByte: 1 }, /did you mean maxMessageBytes/],
  ])("refuses the options %o before anything is sent", async (options, message) => {
    const upgrade = () => Promise.reject(new Error("was asked"));
    const session = { protocol: "h2" as const, upgrade };
    await expect(connectWebSocket(session, options as object)).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      message: expect.stringMatching(message),
    });
  });

  test("refuses what is no session", async () => {
    for (const none of [undefined, {}, "https://a.example"]) {
      await expect(connectWebSocket(none as never)).rejects.toMatchObject({
        code: "KING_OPTION_INVALID",
      });
    }
  });
});

describe("frames", () => {
  test("RFC 6455, section 5.3: of every kind are masked, each with a key of its own", async () => {
    const { connection, received } = await sending(Buffer.from([0x89, 1, 0x70]));
    connection.send("a".repeat(8));
    connection.send("a".repeat(8));
    void connection.ping().catch(() => undefined);
    void connection.close({ code: 1000 });
    // Pong, two texts, ping, close.
    const all = await received.until(
      (parts) => Buffer.concat([...parts]).length >= 7 + 14 + 14 + 7 + 8,
    );
    const bytes = Buffer.concat([...all]);
    const frames: { opcode: number; key: string; payload: string }[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = (bytes[at + 1] as number) & 0x7f;
      expect((bytes[at + 1] as number) & 0x80).toBe(0x80);
      const key = bytes.subarray(at + 2, at + 6);
      const payload = Buffer.from(bytes.subarray(at + 6, at + 6 + length)).map(
        (byte, index) => byte ^ (key[index % 4] as number),
      );
      frames.push({
        opcode: (bytes[at] as number) & 0x0f,
        key: key.toString("hex"),
        payload: Buffer.from(payload).toString("latin1"),
      });
      at += 6 + length;
    }
    const byKind = (opcode: number) =>
      frames.filter((each) => each.opcode === opcode).map(({ payload }) => payload);
    expect(byKind(1)).toEqual(["aaaaaaaa", "aaaaaaaa"]);
    expect(byKind(10)).toEqual(["p"]);
    expect(byKind(9)).toEqual(["1"]);
    expect(byKind(8)).toEqual(["\x03\xe8"]);
    expect(new Set(frames.map(({ key }) => key)).size).toBe(frames.length);
  });

  test("of any size are read by a foreign server, and its answers by us", async () => {
    const connect = await foreignServer((socket) => {
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    const connection = await connect();
    const sizes = [0, 1, 125, 126, 65_535, 65_536, 1_000_000];
    const messages: Message[] = sizes.flatMap((size) => [
      "é".repeat(size / 2),
      Buffer.alloc(size, 7),
    ]);
    for (const message of messages) {
      connection.send(message);
      const { value } = await connection[Symbol.asyncIterator]().next();
      expect(Buffer.from(value as Uint8Array).equals(Buffer.from(message))).toBe(true);
      expect(typeof value).toBe(typeof message);
    }
  });

  test.each([
    ["a masked frame", Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]), 1002],
    ["a reserved bit", Buffer.from([0xc1, 1, 0x61]), 1002],
    ["an unknown opcode", Buffer.from([0x83, 0]), 1002],
    ["a continuation of nothing", Buffer.from([0x80, 0]), 1002],
    ["a close of one byte", Buffer.from([0x88, 1, 3]), 1002],
    ["the close code 1005", Buffer.from([0x88, 2, 0x03, 0xed]), 1002],
    ["text that is not UTF-8", Buffer.from([0x81, 2, 0xc3, 0x28]), 1007],
    ["a message over maxMessageBytes", Buffer.from([0x82, 126, 0x10, 0]), 1009],
    ["fragments over maxMessageFragments", Buffer.from("0100000000000000", "hex"), 1008],
  ])("RFC 6455: %s of a server closes with its code", async (_, bytes, code) => {
    const { connection, received } = await sending(bytes, {
      maxMessageBytes: 1_000,
      maxMessageFragments: 3,
    });
    const closed = await withDeadline(connection.closed, "the end");
    expect(closed).toMatchObject({ by: "local", clean: false, code });
    const close = Buffer.concat([...(await received.take(1))]);
    expect([close[0], close[1]]).toEqual([0x88, 0x82]);
    const [a, b, c, d] = close.subarray(2, 8) as unknown as number[];
    expect([(a as number) ^ (close[6] as number), (b as number) ^ (close[7] as number)]).toEqual([
      code >> 8,
      code & 255,
    ]);
    expect([c, d]).toHaveLength(2);
    await expect(connection[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "KING_REALTIME_CONNECTION_ENDED",
      details: { closeCode: code },
    });
  });

  test("a flood of pings by a server that does not read is cut after maxPendingPongs", async () => {
    const connect = await openServer((request, socket) => {
      socket.pause().write(accepting(request));
      const pings = Buffer.alloc(127 * 100_000);
      for (let at = 0; at < pings.length; at += 127) pings.set([0x89, 125], at);
      socket.write(pings);
    });
    const connection = await connect({ maxPendingPongs: 3 });
    expect(await withDeadline(connection.closed, "the end")).toMatchObject({
      by: "local",
      clean: false,
      error: { message: expect.stringContaining("maxPendingPongs (3)") },
    });
  });
});

describe("messages", () => {
  const three = Buffer.from("810161810162810163", "hex");
  const close = Buffer.from([0x88, 2, 0x03, 0xe8]);

  test("that came before a close are all read after it, by more than one loop", async () => {
    const { connection } = await sending(Buffer.concat([three, close]));
    expect(await withDeadline(connection.closed, "the end")).toMatchObject({ clean: true });
    const read: Message[] = [];
    for await (const message of connection) {
      read.push(message);
      break;
    }
    for await (const message of connection) read.push(message);
    expect(read).toEqual(["a", "b", "c"]);
  });

  test("are handed to onMessage one after the other, also those that came before a close", async () => {
    const seen = recorder<Message>();
    const gates: (() => void)[] = [];
    const { connection } = await sending(Buffer.concat([three, close]), {
      onMessage: (message, own) => {
        seen.record(`${message} ${own.subprotocol}`);
        return new Promise((resolve) => gates.push(resolve));
      },
    });
    await connection.closed;
    for (const count of [1, 2, 3]) {
      await seen.take(count);
      expect(seen.values).toHaveLength(count);
      gates.at(-1)?.();
    }
    expect(seen.values).toEqual(["a undefined", "b undefined", "c undefined"]);
  });

  test("whose handler fails close with 1011, and the failure is told", async () => {
    const told = Promise.withResolvers<number>();
    const connect = await foreignServer((socket) => {
      socket.on("close", told.resolve);
      socket.send("a");
    });
    const why = new Error("bug");
    const connection = await connect({
      onMessage: () => {
        throw why;
      },
    });
    const closed = await withDeadline(connection.closed, "the end");
    expect(closed).toMatchObject({ by: "local", code: 1011, clean: false, error: why });
    expect(await told.promise).toBe(1011);
  });

  test("that nobody reads are held up to a bound, and then the server waits", async () => {
    const message = Buffer.alloc(16_384 + 4);
    message.set([0x82, 126, 0x40, 0]);
    let sent = 0;
    const connect = await openServer((request, socket) => {
      socket.write(accepting(request));
      const send = () => {
        do sent++;
        while (socket.write(message));
      };
      socket.on("drain", send);
      send();
    });
    const connection = await connect();
    const before = await stalled(() => sent);
    let read = 0;
    for await (const { length } of connection) {
      expect(length).toBe(16_384);
      if (++read > before + 10) break;
    }
    expect(sent).toBeGreaterThan(before);
    connection.abort();
  });
});

describe("an end", () => {
  test("by close is answered within closeTimeoutMs, or the connection is cut", async () => {
    const { connection } = await sending(Buffer.alloc(0), { closeTimeoutMs: 50 });
    await withDeadline(connection.close({ code: 4000, reason: "bye" }), "the cut");
    expect(await connection.closed).toMatchObject({
      by: "local",
      clean: false,
      code: 4000,
      reason: "bye",
    });
  });

  test("by close takes what may be sent alone", async () => {
    const { connection } = await sending(Buffer.alloc(0));
    for (const options of [{ code: 1005 }, { reason: "é".repeat(62) }]) {
      await expect(connection.close(options)).rejects.toMatchObject({
        code: "KING_REALTIME_CLOSE_INVALID",
      });
    }
    expect(connection.state).toBe("open");
  });

  test("by abort fails what is awaited, with its reason as the cause", async () => {
    const { connection } = await sending(Buffer.alloc(0));
    const why = new Error("no more");
    const next = connection[Symbol.asyncIterator]().next();
    connection.abort(why);
    await expect(next).rejects.toMatchObject({
      code: "KING_REALTIME_CONNECTION_ENDED",
      cause: why,
    });
    expect(await connection.closed).toMatchObject({ by: "local", clean: false, error: why });
  });

  test("of a message that fits no send buffer is none: it is refused alone", async () => {
    const { connection } = await sending(Buffer.alloc(0), { maxSendBufferBytes: 2_000 });
    expect(() => connection.send(Buffer.alloc(2_000))).toThrow(
      expect.objectContaining({ code: "KING_REALTIME_MESSAGE_TOO_LARGE" }),
    );
    expect(connection.state).toBe("open");
  });

  test("comes to a server that stays silent, after a ping", async () => {
    const clock = testClock();
    const { connection, received } = await sending(Buffer.alloc(0), {
      clock,
      heartbeatIntervalMs: 1_000,
    });
    clock.advance(2_000);
    const [ping] = await received.take(1);
    expect([ping?.[0], ping?.[1]]).toEqual([0x89, 0x80]);
    clock.advance(1_000);
    expect(await withDeadline(connection.closed, "the cut")).toMatchObject({
      by: "network",
      code: 1006,
    });
    expect(clock.pendingTimers).toBe(0);
  });
});

test("limits come from a config where they are not given", async () => {
  const config = defineConfig({
    sections: [realtimeSection],
    overrides: { realtime: { maxMessageBytes: 2 } },
  });
  const { connection } = await sending(Buffer.from("8103616263", "hex"), { config });
  expect((await withDeadline(connection.closed, "the end")).code).toBe(1009);
});

test.for(carriers)(
  "many small messages of one turn are one write over %s",
  async (carrier, context) => {
    const received = recorder<Message>();
    const place = await openCarried(carrier, context, {
      handle: () => ({ onMessage: (_, message) => received.record(message) }),
    });
    const session = await place.session();
    let writes = 0;
    const connection = await connectWebSocket({
      protocol: session.protocol,
      async upgrade(options) {
        const upgraded = await session.upgrade(options);
        const { stream } = upgraded;
        const write = stream.write.bind(stream);
        stream.write = (chunk, more) => {
          writes++;
          return write(chunk, more);
        };
        return upgraded;
      },
    });
    for (let i = 0; i < 100; i++) connection.send("x".repeat(125));
    await received.take(100);
    expect(writes).toBe(1);
  },
);
