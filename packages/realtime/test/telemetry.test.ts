import { recorder, recordTelemetry, testTelemetry } from "@king-runtime/testkit";
import { listenHttp } from "@king-runtime/transport";
import { SpanKind } from "@opentelemetry/api";
import { expect, test } from "vitest";
import WebSocket from "ws";
import { type Connection, createRealtime } from "../src/index.ts";
import { connectClient, openEndpoint } from "./endpoint.ts";

testTelemetry({
  name: "realtime",
  async open() {
    const realtime = createRealtime();
    const connections = recorder<Connection>();
    const received = recorder<unknown>();
    const listener = await listenHttp({
      handler: (exchange) => {
        const connection = realtime.handle(exchange, {
          channels: ["news"],
          onMessage: (_, message) => received.record(message),
        });
        if (connection) connections.record(connection);
      },
    });
    return { realtime, listener, connections, received };
  },
  async run({ realtime, listener, connections, received }) {
    const [connectionsBefore, receivedBefore] = [connections.values.length, received.values.length];
    const socket = new WebSocket(`ws://127.0.0.1:${listener.local.port}/`);
    const message = new Promise((resolve) => socket.once("message", (data) => resolve(`${data}`)));
    socket.on("open", () => socket.send("up"));
    await connections.take(connectionsBefore + 1);
    await received.take(receivedBefore + 1);
    expect(realtime.publish("news", "hello")).toBe(1);
    expect(await message).toBe("hello");
    await connections.values.at(-1)?.close({ code: 1001 });
    expect((await fetch(`http://127.0.0.1:${listener.local.port}/`)).status).toBe(426);
  },
  async close({ realtime, listener }) {
    await realtime.close();
    listener.abort();
    await listener.closed;
  },
  spans: [
    {
      name: "king.realtime.publish",
      kind: SpanKind.PRODUCER,
      parent: "caller",
      attributes: {
        "king.realtime.channel": "news",
        "king.realtime.frame_bytes": 7,
        "king.realtime.recipients": 1,
      },
    },
  ],
  metrics: [
    { name: "king.realtime.connections", unit: "{connection}", kind: "upDownCounter", value: 0 },
    {
      name: "king.realtime.closes",
      unit: "{connection}",
      kind: "counter",
      attributes: { "king.realtime.close_code": 1001 },
      value: 1,
    },
    {
      name: "king.realtime.refusals",
      unit: "{request}",
      kind: "counter",
      attributes: { "http.response.status_code": 426 },
      value: 1,
    },
    { name: "king.realtime.messages.sent", unit: "{message}", kind: "counter", value: 1 },
    { name: "king.realtime.messages.received", unit: "{message}", kind: "counter", value: 1 },
  ],
});

test("a provider that comes late still sees how many connections are open", async () => {
  const { url, opened, realtime } = await openEndpoint();
  await Promise.all([connectClient(url), connectClient(url)]);
  await opened.take(2);
  await using telemetry = recordTelemetry();
  const third = await connectClient(url);
  await opened.take(3);
  const open = async () =>
    (await telemetry.metrics()).find(({ name }) => name === "king.realtime.connections")?.points;
  expect(await open()).toMatchObject([{ value: 3 }]);
  third.socket.close();
  await opened.values[2]?.closed;
  expect(await open()).toMatchObject([{ value: 2 }]);
  expect(realtime.stats().connections).toBe(2);
});
