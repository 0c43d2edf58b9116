import { EventEmitter } from "node:events";
import type { Stream } from "@king-runtime/core";
import { expect, test } from "vitest";
import { CurrentSpaceConnection } from "../src/current-space/connection.ts";
import type { NativeSession, NativeStream } from "../src/current-space/native.ts";
import { resolveLimits } from "../src/limits.ts";
import { QuicSession } from "../src/quic-session.ts";

/** A connection that has not said yet that it is one. */
function connecting() {
  const streams = new Map<number, NativeStream>();
  const native = Object.assign(new EventEmitter(), {
    _getOrCreateStream(id: number) {
      const known = streams.get(id);
      if (known !== undefined) return known;
      const stream = Object.assign(new EventEmitter(), {
        id,
        _pushData: () => undefined,
        destroy: () => undefined,
      }) as unknown as NativeStream;
      streams.set(id, stream);
      return stream;
    },
    getMetrics: () => null,
    close: async () => undefined,
  });
  const endpoint = { address: "127.0.0.1", port: 1 };
  const connection = new CurrentSpaceConnection({
    native: native as unknown as NativeSession,
    role: "client",
    local: () => endpoint,
    remote: endpoint,
    tls: () => ({ version: "TLSv1.3", peerVerified: true }),
  });
  const arrive = (id: number, text: string) => {
    const stream = native._getOrCreateStream(id);
    stream._pushData(Buffer.from(text));
    native.emit("stream", stream);
  };
  return { native, streams, connection, arrive };
}

test("a stream that comes before the client is told of its connection is not lost", async () => {
  const { native, connection, arrive } = connecting();
  arrive(3, "first");
  await Promise.resolve();
  native._getOrCreateStream(3)._pushData(Buffer.from(" second"));
  const session = new QuicSession(connection, resolveLimits());
  native._getOrCreateStream(3)._pushData(null);
  for await (const stream of session.streams()) {
    let text = "";
    for await (const chunk of stream) text += Buffer.from(chunk).toString();
    expect(text).toBe("first second");
    break;
  }
});

test("a connection that ends before the client is told of it is told to have ended", async () => {
  const { native, connection } = connecting();
  native.emit("close", { errorCode: 7, reason: "no" });
  const session = new QuicSession(connection, resolveLimits());
  expect(await session.closed).toMatchObject({ by: "peer", code: 7, reason: "no" });
});

test("a stream that breaks in the very turn in which it comes up, and that nobody has, takes nobody down", async () => {
  const { native, connection } = connecting();
  const session = new QuicSession(connection, resolveLimits());
  // As the engine does for bytes of a stream that is over here, and the reset right after.
  const stream = native._getOrCreateStream(4);
  stream._pushData(Buffer.from("late"));
  expect(() => stream.emit("error", new Error("StreamReset(268)"))).not.toThrow();
  await Promise.resolve();
  expect(session.stats().streamsActive).toBe(0);
});

test("a stream that the engine forgets and hears of again can break, and takes nobody down", async () => {
  const { native, streams, connection, arrive } = connecting();
  const session = new QuicSession(connection, resolveLimits());
  arrive(4, "first");
  const [stream] = await streamsOf(session, 1);
  // In one turn, before its owner has heard that the first object is gone.
  streams.delete(4);
  const again = native._getOrCreateStream(4);
  again._pushData(Buffer.from(" second"));
  again.emit("error", new Error("StreamReset(268)"));
  await expect(textOf(stream)).rejects.toMatchObject({
    code: "KING_STREAM_RESET",
    details: { code: 268 },
  });
});

async function streamsOf(session: QuicSession, count: number): Promise<Stream[]> {
  const found: Stream[] = [];
  for await (const stream of session.streams()) if (found.push(stream) === count) break;
  return found;
}

async function textOf(stream: Stream | undefined): Promise<string> {
  let text = "";
  for await (const chunk of stream ?? []) text += Buffer.from(chunk).toString();
  return text;
}
