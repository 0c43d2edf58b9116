import type { Exchange } from "@king-runtime/core";
import { connectRaw, memoryInUse, type RawSocket, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { exchangeSource } from "../exchange-harness.ts";
import { type HostileListener, hostileListener, post, request } from "./hostile-listener.ts";
import {
  data,
  flag,
  frame,
  headers,
  requestFields,
  resetStream,
  windowUpdate,
} from "./http2-frames.ts";
import { openHttp2 } from "./http2-peer.ts";

/** Waits until all connections but the neighbour's are over. */
async function settled(place: HostileListener): Promise<void> {
  while (place.listener.stats().sessionsActive > 1) await new Promise(setImmediate);
}

describe("what a listener has served or refused, it forgets", () => {
  const endings: [string, (socket: RawSocket) => Promise<void>][] = [
    ["requests that are refused", (socket) => socket.write("nonsense\r\n\r\n")],
    [
      "connections reset within a head",
      async (socket) => {
        await socket.write(`GET /${"a".repeat(500)}`);
        socket.reset();
      },
    ],
    [
      "connections reset within a body",
      async (socket) => {
        await socket.write(post(["Content-Length: 60000"], "x".repeat(5_000)));
        socket.reset();
      },
    ],
    [
      "connections reset within a preface of HTTP/2",
      async (socket) => {
        await socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n");
        socket.reset();
      },
    ],
    [
      "connections reset with requests waiting",
      async (socket) => {
        await socket.write(request("GET /a HTTP/1.1").repeat(8));
        socket.reset();
      },
    ],
  ];
  test.each(endings)("%s", async (_, attack) => {
    await using place = await hostileListener();
    const round = async (count: number) => {
      for (let i = 0; i < count; i += 10) {
        await Promise.all(
          Array.from({ length: 10 }, async () => {
            await using socket = await connectRaw({ port: place.port });
            await attack(socket).catch(() => undefined);
            await socket.ended;
          }),
        );
      }
      await settled(place);
    };
    await round(50); // what is made once
    const { total } = await memoryInUse();
    await round(500);
    // A session and its exchange are some 20 kB: kept, they would be 10 MB.
    expect((await memoryInUse()).total - total).toBeLessThan(4_000_000);
    await place.neighboursAreServed();
  });

  test("streams of one HTTP/2 connection, served and reset", async () => {
    await using place = await hostileListener();
    await using peer = await openHttp2({ port: place.port });
    await peer.send(windowUpdate(0, 2 ** 30));
    let id = 1;
    const round = async (count: number) => {
      for (let i = 0; i < count; i++, id += 4) {
        await peer.send(headers(id, requestFields("/a", "POST"), flag.endHeaders));
        if (i % 10 === 0) await peer.send(resetStream(id, 8));
        else await peer.send(data(id, "x".repeat(100), flag.endStream));
        expect(await peer.get(id + 2)).toBe(200);
      }
    };
    await round(100);
    const { total } = await memoryInUse();
    await round(1_000);
    expect((await memoryInUse()).total - total).toBeLessThan(4_000_000);
    expect(place.listener.stats().streamsActive).toBe(0);
  });
});

describe("what a listener holds for a client is bounded", () => {
  /** Sends until nothing goes any more, and tells how much went. */
  async function pushed(socket: RawSocket, piece: Uint8Array, mostBytes: number): Promise<number> {
    let sent = 0;
    while (sent < mostBytes) {
      const idle = Promise.withResolvers<"idle">();
      const timer = setTimeout(() => idle.resolve("idle"), 300);
      const outcome = await Promise.race([socket.write(piece), idle.promise]);
      clearTimeout(timer);
      if (outcome === "idle") break;
      sent += piece.length;
    }
    return sent;
  }

  const received = (exchange: Exchange): number => {
    const { wireBytesReceived = 0 } = exchange.session.stats();
    return wireBytesReceived;
  };

  test("of a body that nobody reads, over HTTP/1.1", async () => {
    await using source = await exchangeSource({ maxBodyBytes: Number.POSITIVE_INFINITY });
    await using socket = await connectRaw({ port: source.listener.local.port });
    await socket.write(post(["Content-Length: 1000000000"]));
    const exchange = await source.next();
    const sending = pushed(socket, Buffer.alloc(100_000), 100_000_000);
    sending.catch(() => undefined);
    expect(await sending).toBeLessThan(30_000_000); // buffers of the two kernels
    expect(received(exchange)).toBeLessThan(1_000_000);
  });

  test("of bodies that nobody reads, over HTTP/2", async () => {
    await using source = await exchangeSource({ maxBodyBytes: Number.POSITIVE_INFINITY });
    await using peer = await openHttp2({ port: source.listener.local.port });
    const exchanges: Exchange[] = [];
    for (let id = 1; id < 21; id += 2) {
      await peer.send(headers(id, requestFields("/", "POST"), flag.endHeaders));
      exchanges.push(await source.next());
    }
    // As much as the connection's window lets, which none of the streams has to itself.
    const quarter = data(1, "x".repeat(16_000));
    await peer.send(quarter, data(3, "x".repeat(16_000)), data(5, "x".repeat(16_000)));
    await peer.send(frame(6, 0, 0, Buffer.alloc(8)));
    await peer.next(6);
    await peer.send(...Array(4).fill(quarter)).catch(() => undefined);
    expect(await peer.goAway()).toBe(3);
    for (const exchange of exchanges) {
      expect(received(exchange)).toBeLessThan(200_000);
      expect((await exchange.closed).clean).toBe(false);
    }
  });

  test("of heads that do not end: maxHeaderBytes each", async () => {
    await using place = await hostileListener({ maxHeaderBytes: 16_384 });
    const { total } = await memoryInUse();
    const sockets = await Promise.all(
      Array.from({ length: 100 }, () => connectRaw({ port: place.port })),
    );
    for (const socket of sockets) {
      await socket.write(`GET / HTTP/1.1\r\nHost: a\r\n${"A: b\r\n".repeat(2_000)}`);
    }
    await place.neighboursAreServed();
    expect(place.listener.stats().sessionsActive).toBeGreaterThanOrEqual(100);
    // 100 heads of 12 kB, as some thousand strings, and 100 connections; both ends are counted.
    expect((await memoryInUse()).total - total).toBeLessThan(60_000_000);
    await Promise.all(sockets.map((socket) => socket[Symbol.asyncDispose]()));
  });

  test("of a response that is written without waiting: maxWriteBufferBytes", async () => {
    await using source = await exchangeSource({ maxWriteBufferBytes: 262_144 });
    await using socket = await connectRaw({ port: source.listener.local.port, reading: false });
    await socket.write(request("GET / HTTP/1.1"));
    const exchange = await source.next();
    exchange.respond(200);
    let accepted = 0;
    const writing = async () => {
      const chunk = new Uint8Array(65_536);
      for (;;) {
        void exchange.write(chunk);
        accepted += chunk.length;
        await new Promise(setImmediate);
      }
    };
    await expect(withDeadline(writing(), "a refusal")).rejects.toMatchObject({
      code: "KING_STREAM_BUFFER_FULL",
    });
    expect(accepted).toBeLessThan(30_000_000); // buffers of the two kernels
  });
});
