import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { connectRaw, eventually } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { type AccessEvent, type ListenHttpOptions, listenHttp, request } from "../src/index.ts";

async function accessOf(
  options: Partial<ListenHttpOptions>,
  work: (port: number) => Promise<unknown>,
): Promise<AccessEvent[]> {
  const events: AccessEvent[] = [];
  const listen = (event: unknown) => void events.push(event as AccessEvent);
  subscribe("king:transport:access", listen);
  try {
    await using listener = await listenHttp({
      handler: async (exchange) => exchange.respond(201, {}, await exchange.bytes()),
      onHandlerError: () => undefined,
      ...options,
    });
    await work(listener.local.port);
    await eventually("the access event", () => events.length > 0);
    return events;
  } finally {
    unsubscribe("king:transport:access", listen);
  }
}

test("each exchange is told of when it has ended, without its query", async () => {
  const before = Date.now();
  const [event] = await accessOf({}, (port) =>
    request(`http://127.0.0.1:${port}/a?token=secret`, {
      method: "POST",
      body: "hello",
      headers: { "user-agent": "test/1" },
    }).then((response) => response.bytes()),
  );
  expect(event).toEqual({
    time: expect.any(Number),
    durationMs: expect.any(Number),
    requestId: expect.stringMatching(/^[\w-]+-\w+$/),
    protocol: "h1",
    method: "POST",
    path: "/a",
    authority: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    status: 201,
    bytesReceived: 5,
    bytesSent: 5,
    remote: { address: "127.0.0.1", port: expect.any(Number), family: "IPv4" },
    userAgent: "test/1",
    clean: true,
  });
  expect(event?.time).toBeGreaterThanOrEqual(before);
  expect(event?.durationMs).toBeGreaterThanOrEqual(0);
});

test("of one that a client broke off it says so", async () => {
  const [event] = await accessOf({ handler: () => new Promise(() => undefined) }, async (port) => {
    await using socket = await connectRaw({ port });
    await socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await new Promise((resolve) => setImmediate(resolve));
    socket.halfClose();
    socket.reset();
  });
  expect(event).toMatchObject({ clean: false, error: "KING_STREAM_RESET" });
  expect(event).not.toHaveProperty("status");
});

test("of one that was refused it tells too", async () => {
  const events = await accessOf({ maxUrlBytes: 64 }, (port) =>
    request(`http://127.0.0.1:${port}/${"x".repeat(64)}`).then((response) => response.bytes()),
  );
  expect(events[0]).toMatchObject({ status: 414, clean: true });
});
