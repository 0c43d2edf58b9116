import { connectRaw, eventually } from "@king-runtime/testkit";
import { expect, test, vi } from "vitest";
import WebSocket from "ws";
import { startServer, uploadTo, watchBucket } from "./started-server.ts";

// Processes and full sockets take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

test("a watcher is greeted, by default in the inbox", async () => {
  const { origin } = await startServer();
  const socket = new WebSocket(`${origin.replace("http", "ws")}/watch`);
  const greeting = await new Promise((resolve) =>
    socket.once("message", (data) => resolve(String(data))),
  );
  expect(greeting).toBe('{"event":"subscribed","bucket":"inbox"}');
  socket.terminate();
});

test("without an upgrade 426, and a bucket that cannot be is 400", async () => {
  const { origin } = await startServer();
  const plain = await fetch(`${origin}/watch?bucket=inbox`);
  expect(plain.status).toBe(426);
  expect(plain.headers.get("upgrade")).toBe("websocket");
  expect(await plain.json()).toMatchObject({ status: 426 });
  for (const bucket of ["", "..", "a%00b", "a/b", "x".repeat(1_025)]) {
    const socket = new WebSocket(`${origin.replace("http", "ws")}/watch?bucket=${bucket}`);
    const error = await new Promise<Error>((resolve) => socket.once("error", resolve));
    expect(error.message).toContain("400");
  }
});

test("a page of another origin may not watch", async () => {
  const { origin } = await startServer();
  const socket = new WebSocket(`${origin.replace("http", "ws")}/watch`, {
    origin: "https://evil.example",
  });
  const error = await new Promise<Error>((resolve) => socket.once("error", resolve));
  expect(error.message).toContain("403");
});

test("a watcher that stops reading costs bounded memory, and the others hear of everything", async () => {
  const { origin, listener, realtime } = await startServer({
    realtime: { maxSendBufferBytes: 65_536, closeTimeoutMs: 200 },
  });
  const object = "o".repeat(1_000);
  await using stuck = await connectRaw({ port: listener.local.port, reading: false });
  await stuck.write(
    `GET /watch HTTP/1.1\r\nhost: 127.0.0.1:${listener.local.port}\r\nupgrade: websocket\r\n` +
      "connection: Upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n",
  );
  const quick = await watchBucket(origin);
  await expect.poll(() => realtime.stats().connections).toBe(2);

  // Events of uploads, many times over what the system's own socket buffers hold.
  await uploadTo(origin, `object=${object}`, "x");
  const [, event] = await quick.events.take(2);
  const text = JSON.stringify(event);
  let published = 2;
  let largest = 0;
  while (realtime.stats().connections === 2) {
    for (let i = 0; i < 50; i++) realtime.publish("bucket:inbox", text);
    published += 50;
    largest = Math.max(largest, realtime.stats().bufferedBytes);
    await quick.events.take(published);
    if (published > 50_000) break;
  }
  expect(realtime.stats().connections).toBe(1);
  expect(largest).toBeLessThan(3 * 65_536);

  // And goes on as if nothing had been.
  expect((await uploadTo(origin, "object=next", "x")).status).toBe(202);
  await quick.events.until((events) => events.at(-1)?.["object_id"] === "next");
});

test("watchers are told to go when the server drains", async () => {
  const { origin, system } = await startServer();
  const { socket } = await watchBucket(origin);
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  const report = await system.drain({ deadlineMs: 5_000 });
  expect(await closed).toBe(1001);
  expect(report).toMatchObject({ clean: true, cut: [] });
  await eventually("the port to be closed", async () => {
    await expect(fetch(origin)).rejects.toThrow();
    return true;
  });
});
