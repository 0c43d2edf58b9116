import { connect } from "node:http2";
import { connectRaw, testClock, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { type ListenHttpOptions, listenHttp } from "../src/index.ts";

const handler: ListenHttpOptions["handler"] = (exchange) => exchange.respond(200, {}, "ok");
const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

describe("a listener that closes", () => {
  test("goes on accepting for the time of grace, and tells clients to go elsewhere", async () => {
    const clock = testClock();
    const listener = await listenHttp({ handler, clock, drainGraceMs: 1_000 });
    const { port } = listener.local;
    await using open = await connectRaw({ port });
    await open.write(get);
    expect(await open.readUntil("ok")).toContain("Connection: keep-alive");
    const closing = listener.close();
    expect(listener.state).toBe("draining");

    await using late = await connectRaw({ port });
    for (const socket of [open, late]) {
      await socket.write(get);
      expect((await socket.readToEnd()).toString()).toMatch(/Connection: close[\s\S]*ok$/);
    }
    await clock.advanceAsync(1_000);
    // A client that does not end its half is not waited for long.
    await clock.advanceAsync(5_000);
    await withDeadline(closing, "close()");
    await expect(connectRaw({ port })).rejects.toThrow();
    expect(await listener.closed).toMatchObject({ clean: true, sessionsAborted: 0 });
  });

  test("has idle connections end with the grace, and waits for requests under way", async () => {
    const clock = testClock();
    const asked = Promise.withResolvers<() => void>();
    const listener = await listenHttp({
      clock,
      drainGraceMs: 1_000,
      handler: (exchange) =>
        exchange.path === "/slow"
          ? asked.resolve(() => exchange.respond(200, {}, "slow"))
          : exchange.respond(200, {}, "ok"),
    });
    const { port } = listener.local;
    await using idle = await connectRaw({ port });
    await idle.write(get);
    await idle.readUntil("ok");
    await using busy = await connectRaw({ port });
    await busy.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    const answer = await asked.promise;
    const closing = listener.close();
    await clock.advanceAsync(1_000);
    expect(await withDeadline(idle.ended, "the end of the idle connection")).toBe("end");
    expect(listener.state).toBe("draining");
    answer();
    expect(await busy.readUntil("slow")).toContain("Connection: close");
    await withDeadline(closing, "close()");
  });

  test("over HTTP/2 serves through the grace, and what is on its way; then comes GOAWAY", async () => {
    const clock = testClock();
    const listener = await listenHttp({ handler, clock, drainGraceMs: 1_000 });
    const session = connect(`http://127.0.0.1:${listener.local.port}`);
    const goaway = new Promise((resolve) => session.once("goaway", resolve));
    const status = () =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ":path": "/" });
        stream.on("response", (head) => resolve(head[":status"]));
        stream.on("error", reject);
        stream.resume();
      });
    expect(await status()).toBe(200);
    const closing = listener.close();
    expect(await status()).toBe(200);
    await clock.advanceAsync(1_000);
    expect(await withDeadline(goaway, "GOAWAY")).toBe(0);
    await withDeadline(closing, "close()");
    expect(await listener.closed).toMatchObject({ clean: true });
    session.destroy();
  });

  test("ends at once when nobody is connected, and when it is aborted in its grace", async () => {
    const clock = testClock();
    const alone = await listenHttp({ handler, clock });
    await withDeadline(alone.close(), "close()");
    const listener = await listenHttp({ handler, clock });
    await using socket = await connectRaw({ port: listener.local.port });
    await socket.write(get);
    await socket.readUntil("ok");
    const closing = listener.close();
    listener.abort();
    await withDeadline(closing, "close()");
    expect(await listener.closed).toMatchObject({ clean: false, sessionsAborted: 1 });
  });

  test("keeps its deadline, grace included", async () => {
    const clock = testClock();
    const listener = await listenHttp({ handler: () => undefined, clock, drainGraceMs: 60_000 });
    await using socket = await connectRaw({ port: listener.local.port });
    const arrived = new Promise((resolve) => setImmediate(resolve));
    await socket.write(get);
    await arrived;
    const closing = listener.close({ deadlineMs: 1_000 });
    await clock.advanceAsync(1_000);
    await withDeadline(closing, "close()");
    expect(listener.state).toBe("closed");
  });
});

test("clients that make a connection for each request lose none when a process hands over", async () => {
  const first = await listenHttp({ handler, reusePort: true });
  const { port } = first.local;
  const second = await listenHttp({ handler, reusePort: true, port });
  let running = true;
  const failures: unknown[] = [];
  let served = 0;
  const clients = Array.from({ length: 8 }, async () => {
    while (running) {
      try {
        await using socket = await connectRaw({ port });
        await socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        await socket.readUntil("ok");
        served++;
      } catch (error) {
        failures.push(error);
      }
    }
  });
  await first.close();
  const servedBefore = served;
  while (served < servedBefore + 50) await new Promise((resolve) => setImmediate(resolve));
  running = false;
  await Promise.all(clients);
  await second.close();
  // A connection that the kernel gives to a listener in the moment it closes is reset; see the README.
  expect(failures.length).toBeLessThanOrEqual(2);
  expect(served).toBeGreaterThan(50);
});
