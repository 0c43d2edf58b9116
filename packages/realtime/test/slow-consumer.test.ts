import { recordDiagnostics } from "@king-runtime/testkit";
import { expect, test, vi } from "vitest";
import type { SlowDiagnostic } from "../src/index.ts";
import { connectClient, connectRawClient, openEndpoint } from "./endpoint.ts";

// Processes and full sockets take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const everyone = () => ({ channels: ["news"] });
const message = "m".repeat(64 * 1024);

test("a subscriber that never reads costs at most its bound, and others get everything", async () => {
  const maxSendBufferBytes = 512 * 1024;
  const { url, port, realtime, opened } = await openEndpoint({ maxSendBufferBytes }, everyone);
  using slow = recordDiagnostics<SlowDiagnostic>("king:realtime:slow");
  const stuck = await connectRawClient(port, { reading: false });
  const [stuckConnection] = await opened.take(1);
  const quick = await connectClient(url);

  // Far more than what the bound and the system's socket buffers hold together.
  const rounds = 512;
  let largest = 0;
  for (let round = 0; round < rounds; round++) {
    expect(realtime.publish("news", message)).toBeGreaterThanOrEqual(1);
    largest = Math.max(largest, stuckConnection?.bufferedBytes ?? 0);
    // The quick one keeps up; the pace is its own.
    await quick.messages.take(round + 1);
  }
  expect(largest).toBeGreaterThan(maxSendBufferBytes / 2);
  expect(largest).toBeLessThanOrEqual(maxSendBufferBytes);
  expect(slow.values).toMatchObject([{ connection: stuckConnection }]);
  expect(realtime.subscribers("news")).toBe(1);

  // What it had been sent before arrives whole and in order once it reads, then the reason.
  stuck.halfClose();
  stuck.resume();
  const received = await stuck.readToEnd();
  const frames = received.subarray(received.indexOf("\r\n\r\n") + 4);
  const frameBytes = 10 + message.length;
  const whole = Math.floor(frames.length / frameBytes);
  expect(whole).toBeGreaterThan(0);
  for (let i = 0; i < whole; i++) {
    expect(
      frames.subarray(i * frameBytes + 10, (i + 1) * frameBytes).equals(Buffer.from(message)),
    ).toBe(true);
  }
  const close = frames.subarray(whole * frameBytes);
  expect(close[0]).toBe(0x88);
  expect(close.readUInt16BE(2)).toBe(1013);
  expect(close.subarray(4).toString()).toBe("slow consumer");
});

test("one that never answers is cut after closeTimeoutMs, and its memory is free", async () => {
  const { port, realtime, opened } = await openEndpoint(
    { maxSendBufferBytes: 64 * 1024 + 1_024, closeTimeoutMs: 100 },
    everyone,
  );
  await connectRawClient(port, { reading: false });
  const [connection] = await opened.take(1);
  while (realtime.publish("news", message) > 0) await new Promise((next) => setImmediate(next));
  expect(await connection?.closed).toMatchObject({
    by: "local",
    clean: false,
    code: 1013,
    reason: "slow consumer",
  });
  expect(realtime.stats()).toEqual({ connections: 0, channels: 0, bufferedBytes: 0 });
});

test("a flood of tiny messages to one that never reads is bounded as well", async () => {
  const { port, realtime, opened } = await openEndpoint({ maxSendBufferBytes: 65_536 }, everyone);
  await connectRawClient(port, { reading: false });
  const [connection] = await opened.take(1);
  // Fills what the system holds; from then on everything waits here.
  while (connection?.bufferedBytes === 0) {
    connection.send("m".repeat(10_000));
    await new Promise((next) => setImmediate(next));
  }
  let sent = 0;
  while (realtime.publish("news", "x") > 0) sent++;
  expect(sent).toBeGreaterThan(0);
  expect(sent).toBeLessThan(65_536 / 100);
  expect(connection?.state).toBe("draining");
});

test("drained resolves once a reader has caught up", async () => {
  const { url, opened } = await openEndpoint({ maxSendBufferBytes: 16 * 1024 * 1024 });
  const { messages } = await connectClient(url);
  const [connection] = await opened.take(1);
  let sent = 0;
  // What the system takes at once differs from run to run.
  while (connection?.bufferedBytes === 0) {
    connection.send(message);
    sent++;
  }
  await connection?.drained();
  expect(connection?.bufferedBytes).toBe(0);
  await messages.take(sent);
});

test("what is sent in one turn is no sign of a slow reader, however small its bound", async () => {
  const { url, opened } = await openEndpoint({ maxSendBufferBytes: 1_024 });
  const { messages } = await connectClient(url);
  const [connection] = await opened.take(1);
  for (let i = 0; i < 200; i++) expect(connection?.send("m".repeat(100))).toBe(true);
  expect(await messages.take(200)).toHaveLength(200);
  expect(connection?.state).toBe("open");
});

test("drained resolves on a connection that is closed with something left to send", async () => {
  const { port, opened } = await openEndpoint({ closeTimeoutMs: 50 }, everyone);
  await connectRawClient(port, { reading: false });
  const [connection] = await opened.take(1);
  while (connection?.send(message)) await new Promise((next) => setImmediate(next));
  expect(connection?.state).toBe("draining");
  await connection?.drained();
  expect(await connection?.closed).toMatchObject({ code: 1013 });
});
