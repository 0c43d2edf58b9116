import { expect, test, vi } from "vitest";
import { clientFrame, connectClient, connectRawClient, openEndpoint } from "./endpoint.ts";

// Processes and full sockets take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const text = 0x01;
const continuation = 0x00;
const ping = 0x89;

test("a message in more fragments than maxMessageFragments closes with 1008", async () => {
  const received: unknown[] = [];
  const { port, opened } = await openEndpoint({ maxMessageFragments: 3 }, () => ({
    onMessage: (_, message) => void received.push(message),
  }));
  const socket = await connectRawClient(port);
  const three = [clientFrame(text, "a"), clientFrame(continuation, "b"), clientFrame(0x80, "c")];
  await socket.write(Buffer.concat(three));
  const four = [three[0], three[1], three[1], three[2]] as Buffer[];
  await socket.write(Buffer.concat(four));
  const close = await socket.readBytes(4);
  expect(close[0]).toBe(0x88);
  expect(close.readUInt16BE(2)).toBe(1008);
  expect(received).toEqual(["abc"]);
  socket.halfClose();
  const [connection] = await opened.take(1);
  expect(await connection?.closed).toMatchObject({ by: "local", clean: false, code: 1008 });
});

test("a frame that comes in more reads than maxMessageReads closes with 1008", async () => {
  const { port, opened } = await openEndpoint({ maxMessageReads: 8 }, () => ({
    onMessage: () => {},
  }));
  const socket = await connectRawClient(port);
  const [connection] = await opened.take(1);
  const frame = clientFrame(0x82, Buffer.alloc(120));
  const left = connection?.closed.then(() => true);
  // Two reads may come as one; far more are sent than are allowed.
  for (const byte of frame.subarray(0, -1)) {
    if (connection?.state !== "open") break;
    await socket.write(Buffer.of(byte));
    await new Promise((next) => setImmediate(next));
  }
  const close = await socket.readBytes(4);
  expect(close.readUInt16BE(2)).toBe(1008);
  socket.halfClose();
  expect(await left).toBe(true);
  expect(await connection?.closed).toMatchObject({ by: "local", clean: false, code: 1008 });
});

test("a flood of pings from a peer that never reads is cut after maxPendingPongs", async () => {
  const { port, opened } = await openEndpoint({ maxPendingPongs: 3 });
  const socket = await connectRawClient(port, { reading: false });
  const [connection] = await opened.take(1);
  // Fills what the system holds; from then on every answer waits here.
  while (connection?.bufferedBytes === 0) {
    connection.send("m".repeat(10_000));
    await new Promise((next) => setImmediate(next));
  }
  await socket.write(Buffer.concat(Array.from({ length: 4 }, () => clientFrame(ping, "p"))));
  expect(await connection?.closed).toMatchObject({
    by: "local",
    clean: false,
    code: 1006,
    error: { message: expect.stringContaining("maxPendingPongs (3)") },
  });
});

test("pings of a peer that reads are answered, each with its payload", async () => {
  const { port, url } = await openEndpoint({ maxPendingPongs: 1 });
  const socket = await connectRawClient(port);
  for (let round = 0; round < 10; round++) {
    await socket.write(clientFrame(ping, `${round}`));
    expect(await socket.readBytes(3)).toEqual(Buffer.from([0x8a, 1, 0x30 + round]));
  }
  const client = await connectClient(url);
  const answer = new Promise((heard) => client.socket.once("pong", (data) => heard(String(data))));
  client.socket.ping("hello");
  expect(await answer).toBe("hello");
});
