import { createSocket } from "node:dgram";
import { type OpenStreamOptions, type Stream, seededRandom } from "@king-runtime/core";
import { withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import {
  connect,
  type EngineName,
  engineNames,
  engines,
  listen,
  needEngines,
  type Pair,
} from "./engines.ts";

type Limits = Parameters<(typeof engines)["matrix"]["open"]>[0];

/** A connection of two engines with limits of their own. */
async function open(
  [client, clientLimits]: [EngineName, Limits],
  [server, serverLimits]: [EngineName, Limits],
): Promise<Pair> {
  const listening = await listen(await engines[server].open(serverLimits));
  const pair = await connect(await engines[client].open(clientLimits), listening);
  return {
    ...pair,
    async [Symbol.asyncDispose]() {
      await pair[Symbol.asyncDispose]();
      await listening[Symbol.asyncDispose]();
    },
  };
}

const bytes = (text: string) => Buffer.from(text);

async function collect(stream: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += Buffer.from(chunk).toString();
  return text;
}

describe.each(engineNames)("%s", (name: EngineName) => {
  const peer = engineNames.find((each) => each !== name) as EngineName;

  test("refuses streams of the peer beyond maxStreams, and takes more once they end", async (context) => {
    await needEngines(context, name, "matrix");
    await using pair = await open(["matrix", { maxStreams: 10 }], [name, { maxStreams: 3 }]);
    const { client, server } = pair;
    const granted: Stream[] = [];
    let refused = 0;
    // Either the peer is told the limit, or what exceeds it is reset.
    for (let i = 0; i < 6; i++) {
      try {
        const stream = await client.openStream({ direction: "send" });
        await stream.write(bytes(`${i}`));
        granted.push(stream);
      } catch (error) {
        expect(error).toMatchObject({ code: "KING_STREAM_LIMIT" });
        refused++;
      }
    }
    const seen: Stream[] = [];
    for await (const stream of server.streams()) if (seen.push(stream) === 3) break;
    expect(server.stats().streamsActive).toBe(3);
    const cut = granted.slice(3).map((stream) => withDeadline(stream.closed, "a refusal"));
    for (const closed of await Promise.all(cut)) expect(closed.by).toBe("peer");
    expect(cut.length + refused).toBe(3);
    for (const stream of granted.slice(0, 3)) await stream.end();
    // In the order in which the network brought them.
    expect((await Promise.all(seen.map(collect))).sort()).toEqual(["0", "1", "2"]);
    const last = await client.openStream({ direction: "send", atLimit: "wait" });
    await last.end(bytes("after all"));
    for await (const stream of server.streams()) {
      expect(await collect(stream)).toBe("after all");
      break;
    }
  });

  test("sends on streams that the peer does not allow yet as soon as it does", async (context) => {
    await needEngines(context, name, peer);
    await using pair = await open([peer, { maxStreams: 2 }], [name, { maxStreams: 8 }]);
    const { client, server } = pair;
    // currentspace lets a peer open unidirectional ones without asking for a limit.
    const direction = name === "currentspace" ? "send" : "both";
    const sending = Array.from({ length: 5 }, async (_, i) => {
      const stream = await server.openStream({ direction, atLimit: "wait" });
      await stream.end(bytes(`stream ${i}`));
      await collect(stream);
    });
    const texts: string[] = [];
    for await (const stream of client.streams()) {
      texts.push(await collect(stream));
      await stream.end();
      if (texts.length === 5) break;
    }
    await withDeadline(Promise.all(sending), "every end");
    expect(texts.sort()).toEqual([0, 1, 2, 3, 4].map((i) => `stream ${i}`));
  });

  test("refuses options of openStream, and codes, that mean nothing (KING_OPTION_INVALID)", async (context) => {
    await needEngines(context, name, peer);
    await using pair = await open([name, {}], [peer, {}]);
    const wrong = { code: "KING_OPTION_INVALID" };
    const options = [{ direction: "receive" }, { atLimit: "never" }, { priority: 1 }];
    for (const each of options) {
      const opening = pair.client.openStream(each as OpenStreamOptions);
      await expect(opening).rejects.toMatchObject(wrong);
    }
    const stream = await pair.client.openStream();
    expect(() => stream.reset(-1)).toThrow(expect.objectContaining(wrong));
    expect(() => stream.stopReading(2 ** 53)).toThrow(expect.objectContaining(wrong));
    expect(stream.state).toBe("open");
    await expect(pair.client.close({ code: 0.5 })).rejects.toMatchObject(wrong);
    await expect(pair.client.close({ reason: "x".repeat(1_001) })).rejects.toMatchObject(wrong);
    expect(pair.client.state).toBe("open");
    stream.reset();
    await pair.client.close({ code: 2 ** 32 - 1, reason: "x".repeat(1_000) });
    const told = await withDeadline(pair.server.closed, "the end at the peer");
    expect([told.code, told.reason?.length]).toEqual([2 ** 32 - 1, 1_000]);
  });

  test("tells bytes on the wire and the round trip, and counts", async (context) => {
    await needEngines(context, name, peer);
    await using pair = await open([name, {}], [peer, {}]);
    const stream = await pair.client.openStream({ direction: "send" });
    await stream.end(new Uint8Array(50_000));
    for await (const other of pair.server.streams()) {
      for await (const _ of other);
      break;
    }
    const stats = pair.client.stats();
    expect(stats.wireBytesSent).toBeGreaterThan(50_000);
    expect(stats.wireBytesReceived).toBeGreaterThan(1_000);
    expect(stats.roundTripMs).toBeGreaterThanOrEqual(0);
    expect(stats.roundTripMs).toBeLessThan(1_000);
    expect([stats.streamsOpened, stats.streamsActive]).toEqual([1, 0]);
  });
});

test("currentspace bounds what is held for all readers of a session together", async (context) => {
  await needEngines(context, "currentspace", "matrix");
  const limits = { streamWindowBytes: 100_000, maxSessionUndeliveredBytes: 250_000 };
  await using pair = await open(["matrix", {}], ["currentspace", limits]);
  const { client, server } = pair;
  const incoming = server.streams()[Symbol.asyncIterator]();
  const held: Stream[] = [];
  for (let i = 0; i < 3; i++) {
    const stream = await client.openStream();
    void stream.write(new Uint8Array(100_000))?.catch(() => undefined);
    held.push((await incoming.next()).value);
  }
  const closed = await withDeadline(Promise.race(held.map((stream) => stream.closed)), "a reset");
  expect(closed).toMatchObject({
    by: "local",
    clean: false,
    error: { code: "KING_QUIC_UNDELIVERED_LIMIT", details: { limitBytes: 250_000 } },
  });
  expect(held.filter((stream) => stream.state === "open")).toHaveLength(2);
  // The room of the one that was reset is free again.
  const next = await client.openStream();
  await next.end(new Uint8Array(20_000));
  expect((await collect((await incoming.next()).value)).length).toBe(20_000);
});

test("matrix goes on serving whatever datagrams come", async (context) => {
  await needEngines(context, "matrix");
  const seed = Number(process.env["KING_FUZZ_SEED"] ?? 20_001);
  const random = seededRandom(seed);
  const engine = await engines.matrix.open();
  await using server = await listen(engine);
  const socket = createSocket("udp4");
  for (let i = 0; i < 500; i++) {
    const packet = Buffer.alloc(1 + Math.floor(random.next() * 1_400));
    for (let at = 0; at < packet.length; at++) packet[at] = Math.floor(random.next() * 256);
    // A third looks like the first packet of a connection, of a known version or another.
    if (i % 3 === 0) packet[0] = 0xc0 | (i & 0x0f);
    if (i % 6 === 0 && packet.length > 5) packet.writeUInt32BE(1, 1);
    await new Promise<void>((resolve, reject) => {
      socket.send(packet, server.port, "127.0.0.1", (error) => (error ? reject(error) : resolve()));
    });
  }
  socket.close();
  await using pair = await connect(engine, server);
  const stream = await pair.client.openStream({ direction: "send" });
  await stream.end(bytes("still here"));
  for await (const other of pair.server.streams()) {
    expect(await collect(other), `KING_FUZZ_SEED=${seed}`).toBe("still here");
    break;
  }
});
