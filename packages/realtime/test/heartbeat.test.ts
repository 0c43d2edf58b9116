import { recorder, testClock } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { clientFrame, connectClient, connectRawClient, openEndpoint } from "./endpoint.ts";

test("a silent peer is pinged, and one that stays silent is cut", async () => {
  const clock = testClock();
  const { port, opened } = await openEndpoint({ clock, heartbeatIntervalMs: 1_000 });
  const socket = await connectRawClient(port);
  const [connection] = await opened.take(1);
  clock.advance(1_000);
  expect(socket.received()).toHaveLength(0);
  clock.advance(1_000);
  expect(await socket.readBytes(2)).toEqual(Buffer.from([0x89, 0x00]));
  expect(connection?.state).toBe("open");
  clock.advance(1_000);
  expect(await connection?.closed).toMatchObject({ by: "network", clean: false, code: 1006 });
});

test("any sign of life keeps a connection", async () => {
  const clock = testClock();
  const messages = recorder<unknown>();
  const { port, opened } = await openEndpoint({ clock, heartbeatIntervalMs: 1_000 }, () => ({
    onMessage: (_, message) => messages.record(message),
  }));
  const socket = await connectRawClient(port);
  const [connection] = await opened.take(1);
  for (let beat = 1; beat <= 6; beat++) {
    clock.advance(1_000);
    await socket.write(clientFrame(0x81, `${beat}`));
    await messages.take(beat);
  }
  expect(connection?.state).toBe("open");
  expect(socket.received()).toHaveLength(0);
});

test("a client that answers pings is kept", async () => {
  const clock = testClock();
  const { url, opened } = await openEndpoint({ clock, heartbeatIntervalMs: 1_000 });
  const { socket } = await connectClient(url);
  const pings = recorder<void>();
  socket.on("ping", () => pings.record());
  const [connection] = await opened.take(1);
  for (let round = 1; round <= 3; round++) {
    clock.advance(2_000);
    await pings.take(round);
    // Its pong comes before the answer to this ping of ours.
    await new Promise<void>((resolve) => {
      socket.once("pong", () => resolve());
      socket.ping();
    });
  }
  expect(connection?.state).toBe("open");
});

test("there is one timer for all connections, and none without one", async () => {
  const clock = testClock();
  const { url, opened, realtime } = await openEndpoint({ clock });
  expect(clock.pendingTimers).toBe(0);
  const clients = [await connectClient(url), await connectClient(url), await connectClient(url)];
  await opened.take(3);
  const timers = clock.pendingTimers;
  for (const { socket } of clients) socket.close();
  await Promise.all(opened.values.map(({ closed }) => closed));
  expect([timers, clock.pendingTimers]).toEqual([1, 0]);
  expect(realtime.stats().connections).toBe(0);
});

test("Infinity never pings", async () => {
  const clock = testClock();
  const { url, opened } = await openEndpoint({ clock, heartbeatIntervalMs: Infinity });
  await connectClient(url);
  await opened.take(1);
  expect(clock.pendingTimers).toBe(0);
});

test("a connection that is not read, because the application is busy, is not taken for dead", async () => {
  const clock = testClock();
  const work = Promise.withResolvers<void>();
  const started = recorder<void>();
  const { url, opened } = await openEndpoint({ clock, heartbeatIntervalMs: 1_000 }, () => ({
    onMessage: () => {
      started.record();
      return work.promise;
    },
  }));
  const { socket } = await connectClient(url);
  socket.send("this takes a while");
  await started.take(1);
  clock.advance(10_000);
  const [connection] = opened.values;
  expect(connection?.state).toBe("open");
  work.resolve();
});
