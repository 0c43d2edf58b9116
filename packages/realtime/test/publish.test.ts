import { recorder, watchResources } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { connectClient, openEndpoint } from "./endpoint.ts";

const channelOfPath = ({ path }: { path: string }) => ({ channels: [path.slice(1)] });

test("a message reaches everyone in its channel, in order, and nobody else", async () => {
  const { url, realtime } = await openEndpoint({}, channelOfPath);
  const [one, two, other] = await Promise.all([
    connectClient(`${url}news`),
    connectClient(`${url}news`),
    connectClient(`${url}other`),
  ]);
  const sent = Array.from({ length: 100 }, (_, index) => `message ${index}`);
  for (const message of sent) expect(realtime.publish("news", message)).toBe(2);
  expect(realtime.publish("other", "last")).toBe(1);
  expect(realtime.publish("nobody", "lost")).toBe(0);
  expect(await one.messages.take(100)).toEqual(sent);
  expect(await two.messages.take(100)).toEqual(sent);
  expect(await other.messages.take(1)).toEqual(["last"]);
  expect(other.messages.values).toHaveLength(1);
});

test("text arrives as text and bytes as bytes, also for Node's own client", async () => {
  const { url, realtime, opened } = await openEndpoint({}, channelOfPath);
  const messages = recorder<unknown>();
  const client = new WebSocket(`${url}news`);
  client.binaryType = "arraybuffer";
  client.onmessage = ({ data }) => messages.record(data);
  await opened.take(1);
  const large = "ü".repeat(70_000);
  realtime.publish("news", large);
  realtime.publish("news", new Uint8Array([0, 255]));
  const [text, bytes] = await messages.take(2);
  expect(text).toBe(large);
  expect([...new Uint8Array(bytes as ArrayBuffer)]).toEqual([0, 255]);
  const closed = new Promise<CloseEvent>((resolve) => {
    client.onclose = resolve;
  });
  client.close(3001, "bye");
  const { code, reason, wasClean } = await closed;
  expect({ code, reason, wasClean }).toEqual({ code: 3001, reason: "bye", wasClean: true });
  const [connection] = opened.values;
  expect(await connection?.closed).toMatchObject({ by: "peer", clean: true, code: 3001 });
});

test("nothing comes before the greeting", async () => {
  const { url, realtime } = await openEndpoint({}, () => ({
    channels: ["news"],
    onOpen(connection) {
      // Not even what is published while the connection is being greeted.
      expect(realtime.publish("news", "too early")).toBe(0);
      connection.send("welcome");
    },
  }));
  const { messages } = await connectClient(url);
  realtime.publish("news", "first");
  expect(await messages.take(2)).toEqual(["welcome", "first"]);
});

test("the sender can be left out", async () => {
  const { url, realtime } = await openEndpoint({}, () => ({
    channels: ["chat"],
    onMessage(connection, message) {
      realtime.publish("chat", message, { except: connection });
      connection.send("done");
    },
  }));
  const [one, two] = [await connectClient(url), await connectClient(url)];
  one.socket.send("hello");
  expect(await two.messages.take(1)).toEqual(["hello"]);
  expect(await one.messages.take(1)).toEqual(["done"]);
  expect(one.messages.values).toEqual(["done"]);
});

test("a connection joins and leaves while it is open", async () => {
  const { url, realtime, opened } = await openEndpoint();
  const { messages } = await connectClient(url);
  const [connection] = await opened.take(1);
  expect(connection?.join("a")).toBe(true);
  expect(connection?.join("a")).toBe(false);
  expect([...(connection?.channels ?? [])]).toEqual(["a"]);
  realtime.publish("a", "in");
  expect(connection?.leave("a")).toBe(true);
  expect(realtime.publish("a", "out")).toBe(0);
  connection?.send("end");
  expect(await messages.take(2)).toEqual(["in", "end"]);
});

test("a connection that ended is in no channel, and takes nothing", async () => {
  const { url, realtime, opened } = await openEndpoint({}, channelOfPath);
  const client = await connectClient(`${url}news`);
  const [connection] = await opened.take(1);
  client.socket.close();
  await connection?.closed;
  expect(realtime.subscribers("news")).toBe(0);
  expect(realtime.publish("news", "late")).toBe(0);
  expect(connection?.send("late")).toBe(false);
  expect(connection?.join("news")).toBe(false);
  expect(realtime.stats()).toEqual({ connections: 0, channels: 0, bufferedBytes: 0 });
});

test("a message that no connection could take is refused before anybody gets it", async () => {
  const { url, realtime, opened } = await openEndpoint(
    { maxSendBufferBytes: 2_000 },
    channelOfPath,
  );
  const { messages } = await connectClient(`${url}news`);
  const [connection] = await opened.take(1);
  const tooLarge = expect.objectContaining({ code: "KING_REALTIME_MESSAGE_TOO_LARGE" });
  expect(() => realtime.publish("news", "x".repeat(2_000))).toThrow(tooLarge);
  expect(() => connection?.send("x".repeat(2_000))).toThrow(tooLarge);
  expect(() => realtime.publish("", "x")).toThrow(
    expect.objectContaining({ code: "KING_REALTIME_CHANNEL_INVALID" }),
  );
  realtime.publish("news", "fits");
  expect(await messages.take(1)).toEqual(["fits"]);
});

test("the upgraded socket outlives its request and the other requests of the listener", async () => {
  const { url, realtime, port } = await openEndpoint({}, channelOfPath);
  const { messages } = await connectClient(`${url}news`);
  for (let i = 0; i < 3; i++)
    expect((await fetch(`http://127.0.0.1:${port}/news`)).status).toBe(426);
  realtime.publish("news", "still here");
  expect(await messages.take(1)).toEqual(["still here"]);
});

test("nothing is left behind by connections that came and went", async () => {
  const resources = watchResources();
  const { url, realtime, listener } = await openEndpoint({ heartbeatIntervalMs: 1_000 });
  const clients = await Promise.all(Array.from({ length: 20 }, () => connectClient(url)));
  for (const [index, { socket }] of clients.entries())
    index % 2 === 0 ? socket.close() : socket.terminate();
  await Promise.all(clients.map(({ closed }) => closed));
  await realtime.close();
  await listener.close();
  await resources.settled();
});
