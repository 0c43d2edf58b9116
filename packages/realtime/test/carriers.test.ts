import { recordDiagnostics, recorder, withDeadline } from "@king-runtime/testkit";
import { describe, expect, type TestContext, test, vi } from "vitest";
import {
  type Connection,
  connectWebSocket,
  type Message,
  type SlowDiagnostic,
} from "../src/index.ts";
import { carriers, openCarried } from "./carriers.ts";
import { clientFrame } from "./endpoint.ts";

// Processes and full sockets take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const echo = () => ({
  onMessage: (connection: Connection, message: Message) => void connection.send(message),
});
const everyone = () => ({ channels: ["news"] });
const mebibyte = 1_048_576;

describe.each(carriers)("a WebSocket over %s", (carrier) => {
  test("carries text and bytes of any size both ways, in order", async (context) => {
    const limits = { maxMessageBytes: 4 * mebibyte, maxSendBufferBytes: 8 * mebibyte };
    const place = await openCarried(carrier, context, { ...limits, handle: echo });
    const connection = await place.connect(limits);
    const large = Buffer.alloc(4 * mebibyte, "king");
    const sent: Message[] = [
      "hello",
      "",
      "é".repeat(40_000),
      Buffer.from([1, 2, 3]),
      large,
      "last",
    ];
    for (const message of sent) expect(connection.send(message)).toBe(true);
    const received: Message[] = [];
    for await (const message of connection) {
      received.push(message);
      if (received.length === sent.length) break;
    }
    expect(received.map((each) => (typeof each === "string" ? each : each.length))).toEqual(
      sent.map((each) => (typeof each === "string" ? each : each.length)),
    );
    expect(large.equals(received[4] as Buffer)).toBe(true);
    expect(place.opened.values[0]?.remote?.address).toBe("127.0.0.1");
  });

  test("is in channels, several on one session where that has streams", async (context) => {
    const place = await openCarried(carrier, context, { handle: everyone });
    const connections = [await place.connect(), await place.connect(), await place.connect()];
    await place.opened.take(3);
    expect(place.realtime.publish("news", "tea is ready")).toBe(3);
    for (const connection of connections) {
      const { value } = await connection[Symbol.asyncIterator]().next();
      expect(value).toBe("tea is ready");
    }
  });

  test("tells the code and the reason of a close to the other side", async (context) => {
    const place = await openCarried(carrier, context);
    const [first, second] = [await place.connect(), await place.connect()];
    const [one, two] = (await place.opened.take(2)) as [Connection, Connection];
    await first.close({ code: 4001, reason: "moved" });
    const moved = { code: 4001, reason: "moved", clean: true };
    expect(await one.closed).toMatchObject({ ...moved, by: "peer" });
    expect(await first.closed).toMatchObject({ ...moved, by: "local" });
    two.send("last words");
    await two.close({ code: 4002, reason: "gone" });
    expect(await second.closed).toMatchObject({ code: 4002, reason: "gone", by: "peer" });
    const reader = second[Symbol.asyncIterator]();
    expect(await reader.next()).toEqual({ done: false, value: "last words" });
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  test("answers pings of either side", async (context) => {
    const place = await openCarried(carrier, context);
    const connection = await place.connect();
    const [served] = (await place.opened.take(1)) as [Connection];
    expect(await withDeadline(connection.ping(), "the server's pong")).toBeGreaterThan(0);
    expect(await withDeadline(served.ping(), "the client's pong")).toBeGreaterThan(0);
  });

  test("is closed with 1013 when its client does not read", async (context) => {
    const maxSendBufferBytes = 256 * 1024;
    const place = await openCarried(carrier, context, { maxSendBufferBytes, handle: everyone });
    using slow = recordDiagnostics<SlowDiagnostic>("king:realtime:slow");
    const stuck = await place.raw();
    const [connection] = (await place.opened.take(1)) as [Connection];
    const message = Buffer.alloc(16_384, "m");
    let largest = 0;
    let sent = 0;
    while (place.realtime.publish("news", message) > 0) {
      sent++;
      largest = Math.max(largest, connection.bufferedBytes);
      await new Promise((next) => setImmediate(next));
    }
    expect(largest).toBeLessThanOrEqual(maxSendBufferBytes);
    if (carrier === "h3 by currentspace") {
      // Its client cannot have the server wait, and breaks off what it does not read.
      expect([1006, 1013]).toContain((await withDeadline(connection.closed, "the end")).code);
      return;
    }
    expect(slow.values).toMatchObject([{ connection }]);
    // What it had been sent before arrives whole and in order once it reads, then the reason.
    const frames = await stuck.readBytes(sent * (message.length + 4));
    for (let at = 0; at < frames.length; at += message.length + 4) {
      expect(frames.subarray(at + 4, at + 4 + message.length).equals(message)).toBe(true);
    }
    const close = await stuck.readBytes(2 + 2 + "slow consumer".length);
    expect([close[0], close.readUInt16BE(2)]).toEqual([0x88, 1013]);
    await stuck.stream.end(clientFrame(0x88, Buffer.from([1013 >> 8, 1013 & 255])));
    expect(await connection.closed).toMatchObject({ code: 1013, by: "local" });
  });

  /** A client that sends to a server whose first `onMessage` has not returned. */
  async function toDeafServer(context: TestContext) {
    const gate = Promise.withResolvers<void>();
    const received = recorder<number>();
    const place = await openCarried(carrier, context, {
      handle: () => ({
        onMessage: (_, message) => {
          received.record(message.length);
          return gate.promise;
        },
      }),
    });
    const connection = await place.connect({ maxSendBufferBytes: 128 * 1024 });
    const message = Buffer.alloc(16_384, "m");
    let sent = 0;
    return {
      received,
      connection,
      read: () => gate.resolve(),
      /** Until nothing can be sent any more; tells how many messages went. */
      async sendAll() {
        while (connection.send(message)) {
          sent++;
          await new Promise((next) => setImmediate(next));
        }
      },
      sent: () => sent,
    };
  }

  if (carrier === "h3 by currentspace") {
    test("is broken off when it sends what the server does not read, for its engine cannot have it wait", async (context) => {
      const { connection, sendAll, received } = await toDeafServer(context);
      const sending = async () => {
        // Where the client itself is behind, it goes on when there is room.
        while (connection.state !== "closed") {
          await sendAll().catch(() => connection.drained());
          await new Promise((next) => setImmediate(next));
        }
      };
      await withDeadline(sending(), "the end");
      expect(await withDeadline(connection.closed, "the end")).toMatchObject({
        code: 1006,
        clean: false,
      });
      expect(received.values).toHaveLength(1);
    });
  } else {
    test("makes its client wait while the server does not read", async (context) => {
      const { connection, sendAll, received, read, sent } = await toDeafServer(context);
      await expect(withDeadline(sendAll(), "a full send buffer")).rejects.toMatchObject({
        code: "KING_REALTIME_SEND_BUFFER_FULL",
        details: { limitBytes: 128 * 1024 },
      });
      expect(connection.bufferedBytes).toBeGreaterThan(64 * 1024);
      expect(connection.state).toBe("open");
      expect(received.values).toHaveLength(1);
      read();
      await withDeadline(connection.drained(), "room again");
      expect(connection.bufferedBytes).toBe(0);
      expect(connection.send("one more")).toBe(true);
      await received.take(sent() + 1);
      expect(received.values.at(-1)).toBe("one more".length);
    });
  }

  test("that breaks off within a message has ended with 1006, and its neighbours live on", async (context) => {
    const place = await openCarried(carrier, context, {
      handle: () => ({ ...echo(), ...everyone() }),
    });
    const raw = await place.raw();
    const [broken] = (await place.opened.take(1)) as [Connection];
    const neighbour = await place.connect();
    await place.opened.take(2);
    const half = clientFrame(0x82, Buffer.alloc(1_000)).subarray(0, 500);
    await raw.write(half);
    raw.stream.reset();
    expect(await withDeadline(broken.closed, "the end")).toMatchObject({
      by: "network",
      clean: false,
      code: 1006,
    });
    expect(place.realtime.subscribers("news")).toBe(1);
    neighbour.send("still here");
    expect((await neighbour[Symbol.asyncIterator]().next()).value).toBe("still here");
  });

  test("that the server cuts within a loop rejects there", async (context) => {
    const place = await openCarried(carrier, context);
    const connection = await place.connect();
    const [served] = (await place.opened.take(1)) as [Connection];
    const next = connection[Symbol.asyncIterator]().next();
    const ping = connection.ping();
    served.abort();
    await expect(next).rejects.toMatchObject({
      code: "KING_REALTIME_CONNECTION_ENDED",
      details: { closeCode: 1006 },
    });
    // The server may have answered just before.
    await ping.catch((error) => expect(error.code).toBe("KING_REALTIME_CONNECTION_ENDED"));
    expect(await connection.closed).toMatchObject({ by: "network", clean: false, code: 1006 });
    expect(connection.send("too late")).toBe(false);
    await expect(connection.ping()).rejects.toMatchObject({
      code: "KING_REALTIME_CONNECTION_ENDED",
    });
  });

  test("outlives its listener's close and is told 1001 by its realtime's", async (context) => {
    const place = await openCarried(carrier, context, { handle: echo });
    const connection = await place.connect();
    await place.opened.take(1);
    await withDeadline(place.listener.close(), "the listener's close");
    connection.send("still here");
    expect((await connection[Symbol.asyncIterator]().next()).value).toBe("still here");
    await withDeadline(place.realtime.close(), "the realtime's close");
    expect(await connection.closed).toMatchObject({
      by: "peer",
      clean: true,
      code: 1001,
      reason: "server shutdown",
    });
  });

  test("leaves nothing behind on its session when it has ended", async (context) => {
    const place = await openCarried(carrier, context);
    const session = await place.session();
    const connection = await connectWebSocket(session);
    const [served] = (await place.opened.take(1)) as [Connection];
    await connection.close();
    await withDeadline(session.close(), "the session's close");
    expect(await session.closed).toMatchObject({ clean: true, streamsAborted: 0 });
    await withDeadline(served.closed, "the server's end");
    expect(place.realtime.stats().connections).toBe(0);
  });

  test.for([
    ["a foreign page", "https://evil.example"],
    ["a page that came without TLS", "http://localhost"],
  ])("of %s is refused with 403", async ([, origin = ""], context) => {
    const place = await openCarried(carrier, context, { handle: echo });
    await expect(place.connect({ origin })).rejects.toMatchObject({
      code: "KING_REALTIME_HANDSHAKE_REFUSED",
      details: { status: 403 },
    });
    expect(place.realtime.stats().connections).toBe(0);
  });

  test("of the endpoint's own page connects", async (context) => {
    const place = await openCarried(carrier, context);
    const origin = `https://localhost:${place.listener.local.port}`;
    expect((await place.connect({ origin })).state).toBe("open");
  });

  test("of another version is answered 426, and so is what asks for none", async (context) => {
    const place = await openCarried(carrier, context);
    await expect(place.raw({ "sec-websocket-version": "8" })).rejects.toMatchObject({
      code: "KING_HTTP_UPGRADE_REFUSED",
      details: { status: 426 },
    });
    const session = await place.session();
    const { response } = await session.request();
    const { status, headers } = await response;
    expect(status).toBe(426);
    // Connection-specific fields exist on HTTP/1.1 alone (RFC 9113, section 8.2.2).
    expect(headers.get("upgrade")).toBe(carrier === "h1" ? "websocket" : undefined);
  });

  test("is refused with 503 by an endpoint that has as many as it may", async (context) => {
    const place = await openCarried(carrier, context, { maxConnections: 1 });
    const first = await place.connect();
    await expect(place.connect()).rejects.toMatchObject({ details: { status: 503 } });
    await first.close();
    await withDeadline(Promise.all(place.opened.values.map((each) => each.closed)), "its end");
    expect((await place.connect()).state).toBe("open");
  });
});
