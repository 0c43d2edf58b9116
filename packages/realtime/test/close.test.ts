import { createSystem } from "@king-runtime/core";
import { recordDiagnostics, recorder, testClock } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import type { CloseDiagnostic, Connection, ErrorDiagnostic } from "../src/index.ts";
import { createRealtime } from "../src/index.ts";
import { connectClient, connectRawClient, openEndpoint } from "./endpoint.ts";

async function opened(options = {}, handle = {}) {
  const endpoint = await openEndpoint(options, () => handle);
  const client = await connectClient(endpoint.url);
  const [connection] = (await endpoint.opened.take(1)) as [Connection];
  return { ...endpoint, client, connection };
}

test("closes with the code and reason it is given, after what was sent before", async () => {
  const { client, connection } = await opened();
  connection.send("last words");
  await connection.close({ code: 4001, reason: "moved" });
  expect(client.messages.values).toEqual(["last words"]);
  expect(await client.closed).toEqual({ code: 4001, reason: "moved" });
  expect(await connection.closed).toMatchObject({
    by: "local",
    clean: true,
    code: 4001,
    reason: "moved",
  });
});

test("closes with 1000 unless told otherwise, once, however often it is asked", async () => {
  const { client, connection } = await opened();
  using closes = recordDiagnostics<CloseDiagnostic>("king:realtime:close");
  await Promise.all([connection.close(), connection.close({ code: 4000 })]);
  await connection.close();
  expect((await client.closed).code).toBe(1000);
  expect(closes.values).toMatchObject([{ connection, closed: { code: 1000 } }]);
});

test.each([[999], [1004], [1005], [1006], [1015], [1016], [2999], [5000], [1000.5]])(
  "refuses the close code %d",
  async (code) => {
    const { connection } = await opened();
    await expect(connection.close({ code })).rejects.toMatchObject({
      code: "KING_REALTIME_CLOSE_INVALID",
    });
    expect(connection.state).toBe("open");
    await connection.close();
  },
);

test("refuses a reason that fits no close frame", async () => {
  const { connection } = await opened();
  await expect(connection.close({ reason: "é".repeat(62) })).rejects.toMatchObject({
    code: "KING_REALTIME_CLOSE_INVALID",
  });
  await connection.close({ reason: "e".repeat(123) });
});

test("abort cuts at once, without a close frame", async () => {
  const { client, connection } = await opened();
  const why = new Error("no more");
  connection.abort(why);
  expect((await client.closed).code).toBe(1006);
  expect(await connection.closed).toMatchObject({ by: "local", clean: false, error: why });
});

test("a peer that does not answer is cut at the deadline of close", async () => {
  const clock = testClock();
  const { port, opened: connections } = await openEndpoint({ clock });
  await connectRawClient(port);
  const [connection] = await connections.take(1);
  const closing = connection?.close({ deadlineMs: 500 });
  expect(connection?.state).toBe("draining");
  clock.advance(500);
  await closing;
  expect(await connection?.closed).toMatchObject({ by: "local", clean: false });
});

test("an endpoint that takes no messages closes with 1003", async () => {
  const { client, connection } = await opened();
  client.socket.send("anybody there?");
  expect((await client.closed).code).toBe(1003);
  expect(await connection.closed).toMatchObject({ by: "local", clean: true, code: 1003 });
});

test.each([
  [
    "throws",
    () => {
      throw new Error("bug");
    },
  ],
  ["rejects", () => Promise.reject(new Error("bug"))],
])("a message handler that %s closes with 1011 and tells the operator", async (_, onMessage) => {
  const { client } = await opened({}, { onMessage });
  using errors = recordDiagnostics<ErrorDiagnostic>("king:realtime:error");
  client.socket.send("x");
  expect(await client.closed).toEqual({ code: 1011, reason: "internal error" });
  expect(errors.values).toMatchObject([{ error: { message: "bug" } }]);
});

test("a greeting that throws closes with 1011", async () => {
  const { url } = await openEndpoint({}, () => ({
    channels: ["news"],
    onOpen: () => {
      throw new Error("bug");
    },
  }));
  const client = await connectClient(url);
  expect((await client.closed).code).toBe(1011);
});

test("a greeting that rejects closes with 1011 and tells the operator", async () => {
  using errors = recordDiagnostics<ErrorDiagnostic>("king:realtime:error");
  const { client, realtime } = await opened(
    {},
    { channels: ["news"], onOpen: () => Promise.reject(new Error("bug")) },
  );
  expect(await client.closed).toEqual({ code: 1011, reason: "internal error" });
  expect(errors.values).toMatchObject([{ error: { message: "bug" } }]);
  expect(realtime.subscribers("news")).toBe(0);
});

test("while a greeting is pending nothing published arrives and nothing is read", async () => {
  const greeting = Promise.withResolvers<void>();
  const received = recorder<unknown>();
  const { realtime, connection, client } = await opened(
    {},
    {
      channels: ["news"],
      onOpen: async (connection: Connection) => {
        connection.send("at once");
        await greeting.promise;
        connection.send("after a while");
      },
      onMessage: (_: Connection, message: unknown) => received.record(message),
    },
  );
  client.socket.send("am I heard?");
  expect(await client.messages.take(1)).toEqual(["at once"]);
  expect(realtime.publish("news", "too early")).toBe(0);
  expect([...connection.channels]).toEqual([]);
  expect(received.values).toEqual([]);
  greeting.resolve();
  await received.take(1);
  expect(realtime.publish("news", "in time")).toBe(1);
  expect(await client.messages.take(3)).toEqual(["at once", "after a while", "in time"]);
});

test("a greeting that ends after its connection joins nothing", async () => {
  const greeting = Promise.withResolvers<void>();
  const { realtime, connection } = await opened(
    {},
    { channels: ["news"], onOpen: () => greeting.promise },
  );
  connection.abort();
  await connection.closed;
  greeting.resolve();
  await new Promise((settled) => setImmediate(settled));
  expect(realtime.subscribers("news")).toBe(0);
});

test("a greeting that fills its channels by itself closes with 1011 when its own find no room", async () => {
  using errors = recordDiagnostics<ErrorDiagnostic>("king:realtime:error");
  const { client } = await opened(
    { maxChannelsPerConnection: 1 },
    { channels: ["news"], onOpen: (connection: Connection) => void connection.join("sport") },
  );
  expect((await client.closed).code).toBe(1011);
  expect(errors.values).toMatchObject([{ error: { code: "KING_REALTIME_CHANNEL_LIMIT" } }]);
});

test("a handler that returns something other than a promise has answered", async () => {
  const { client } = await opened(
    {},
    {
      onOpen: () => 1,
      onMessage: (connection: Connection, message: unknown) => connection.send(`got ${message}`),
    },
  );
  client.socket.send("one");
  client.socket.send("two");
  expect(await client.messages.take(2)).toEqual(["got one", "got two"]);
});

test("messages are handed over one after the other, and wait unread for a slow handler", async () => {
  const seen = recorder<unknown>();
  const gates: (() => void)[] = [];
  const { client, connection } = await opened(
    {},
    {
      onMessage: (_: Connection, message: unknown) =>
        new Promise<void>((done) => {
          gates.push(done);
          seen.record(message);
        }),
    },
  );
  client.socket.send("one");
  client.socket.send("two");
  client.socket.send(new Uint8Array([3]));
  await seen.take(1);
  for (const expected of [["one"], ["one", "two"], ["one", "two", Buffer.from([3])]]) {
    expect(await seen.take(expected.length)).toEqual(expected);
    expect(seen.values).toHaveLength(expected.length);
    gates.shift()?.();
  }
  await connection.close();
});

test("closing the realtime tells every peer 1001 and waits for them", async () => {
  const { realtime, url, client } = await opened();
  const other = await connectClient(url);
  await realtime.close();
  for (const { closed } of [client, other])
    expect(await closed).toEqual({ code: 1001, reason: "server shutdown" });
  expect(await realtime.closed).toMatchObject({ clean: true, connectionsAborted: 0 });
  await expect(connectClient(url)).rejects.toThrow("503");
});

test("peers that do not answer are cut at the deadline and counted", async () => {
  const clock = testClock();
  const { realtime, port, opened: connections } = await openEndpoint({ clock });
  await connectRawClient(port);
  await connections.take(1);
  const closing = realtime.close({ deadlineMs: 1_000 });
  clock.advance(1_000);
  await closing;
  expect(await realtime.closed).toMatchObject({ clean: false, connectionsAborted: 1 });
});

test("is a component: drains with 1001, tells its health, and does not start twice", async () => {
  const { realtime, client } = await opened({ maxConnections: 1 });
  const component = realtime.component({ name: "watchers", dependsOn: ["web"] });
  expect(component).toMatchObject({ name: "watchers", dependsOn: ["web"] });
  await component.start({ signal: AbortSignal.abort() });
  expect(component.health?.()).toMatchObject({ status: "degraded" });
  expect(component.stats?.()).toEqual({ connections: 1, channels: 0, bufferedBytes: 0 });
  await component.drain?.({ deadlineMs: 1_000, signal: new AbortController().signal });
  expect((await client.closed).code).toBe(1001);
  await component.stop();
  expect(component.health?.()).toMatchObject({ status: "unhealthy", reason: "closed" });
  expect(() => component.start({ signal: new AbortController().signal })).toThrow(
    expect.objectContaining({ code: "KING_REALTIME_CLOSED" }),
  );
});

test("a drain that has to cut peers is not clean, and says how many", async () => {
  const clock = testClock();
  const { realtime, port, opened: connections } = await openEndpoint({ clock });
  await connectRawClient(port);
  await connectRawClient(port);
  await connections.take(2);
  const drained = realtime
    .component()
    .drain?.({ deadlineMs: 1_000, signal: new AbortController().signal });
  clock.advance(1_000);
  await expect(drained).rejects.toMatchObject({
    code: "KING_REALTIME_CONNECTIONS_CUT",
    message: expect.stringContaining("2 connections"),
    details: { connections: 2 },
  });
});

test("the report of a system's drain names a realtime that had to cut peers", async () => {
  const { realtime, port, opened: connections } = await openEndpoint();
  await connectRawClient(port);
  await connections.take(1);
  const system = createSystem({ components: [realtime.component()] });
  await system.start();
  const report = await system.drain({ deadlineMs: 100 });
  expect(report).toMatchObject({ clean: false });
});

test("draining what was aborted before is nobody's fault", async () => {
  const { realtime } = await opened();
  realtime.abort();
  await realtime.closed;
  await realtime.component().drain?.({ deadlineMs: 1_000, signal: new AbortController().signal });
});

test("options are checked when it is created", () => {
  expect(() => createRealtime({ maxConnections: 0 })).toThrow(
    expect.objectContaining({ code: "KING_OPTION_INVALID" }),
  );
  expect(() => createRealtime({ maxConnection: 1 } as object)).toThrow(/maxConnections/);
});

test("aborting cuts every connection at once and is over when they are", async () => {
  const { realtime, url, client } = await opened();
  const other = await connectClient(url);
  realtime.abort();
  realtime.abort();
  expect(await realtime.closed).toMatchObject({ clean: false, connectionsAborted: 2 });
  expect(realtime.stats().connections).toBe(0);
  expect([(await client.closed).code, (await other.closed).code]).toEqual([1006, 1006]);
  await expect(connectClient(url)).rejects.toThrow("503");
});
