import type { IncomingMessage } from "node:http";
import { defineConfig } from "@king-runtime/core";
import { type TestClock, testClock, watchResources } from "@king-runtime/testkit";
import { describe, expect, test, vi } from "vitest";
import { createHttpClient, request, requestSection, tlsSection } from "../../src/index.ts";
import { asking, type Carrier, carriers, type Serve, startPeer } from "./carriers.ts";
import { rawServer } from "./counting-server.ts";

/** Asks on `carrier` by a clock that the test moves. */
async function byClock(
  carrier: Carrier,
  serve: Serve,
  check: (
    ask: Awaited<ReturnType<typeof asking>>["ask"],
    clock: TestClock,
    peer: Awaited<ReturnType<typeof startPeer>>,
  ) => Promise<void>,
  onExpect?: Serve,
): Promise<void> {
  const watch = watchResources();
  const clock = testClock();
  {
    const { protocol, tls } = carrier;
    await using peer = await startPeer(serve, { protocol, tls, ...(onExpect && { onExpect }) });
    await using asks = await asking(carrier, peer, { clock });
    await check(asks.ask, clock, peer);
  }
  expect(clock.pendingTimers).toBe(0);
  await watch.settled();
}

const timeout = (phase: string, timeoutMs: number) => ({
  code: "KING_HTTP_TIMEOUT",
  category: "timeout",
  retryable: true,
  details: { phase, timeoutMs },
});

describe.each(carriers)("$name", (carrier) => {
  test("headersTimeoutMs bounds the wait for the head", async () => {
    const arrived = vi.fn();
    const serve: Serve = (incoming, outgoing) => {
      incoming.resume().once("end", arrived);
      outgoing.once("close", arrived);
    };
    await byClock(carrier, serve, async (ask, clock) => {
      const asked = ask("/", { method: "POST", body: "b", headersTimeoutMs: 5_000 });
      asked.catch(() => undefined);
      await expect.poll(() => arrived).toHaveBeenCalledOnce();
      await clock.advanceAsync(4_999);
      await clock.advanceAsync(1);
      await expect(asked).rejects.toMatchObject(timeout("headers", 5_000));
      await expect.poll(() => arrived).toHaveBeenCalledTimes(2);
    });
  });

  test("timeoutMs bounds the whole, also while the body comes", async () => {
    const closed = vi.fn();
    const serve: Serve = (_, outgoing) => {
      outgoing.once("close", closed).writeHead(200).write("half");
    };
    await byClock(carrier, serve, async (ask, clock) => {
      const response = await ask("/", { timeoutMs: 5_000 });
      const reading = response.text();
      reading.catch(() => undefined);
      await clock.advanceAsync(5_000);
      await expect(reading).rejects.toMatchObject(timeout("total", 5_000));
      await expect.poll(() => closed).toHaveBeenCalled();
    });
  });

  test("bodyIdleTimeoutMs bounds the wait of a reader, and ends the exchange", async () => {
    const closed = vi.fn();
    const serve: Serve = (_, outgoing) => {
      outgoing.once("close", closed).writeHead(200).write("half");
    };
    await byClock(carrier, serve, async (ask, clock) => {
      const response = await ask("/", { bodyIdleTimeoutMs: 5_000 });
      // Nobody reads: nobody is kept waiting.
      await clock.advanceAsync(60_000);
      const reading = response.text();
      reading.catch(() => undefined);
      await clock.advanceAsync(4_999);
      expect(closed).not.toHaveBeenCalled();
      await clock.advanceAsync(5_000);
      await expect(reading).rejects.toMatchObject(timeout("body", 5_000));
      await expect.poll(() => closed).toHaveBeenCalled();
    });
  });

  test.each(["text", "bytes", "iterator"] as const)(
    "bodyIdleResumes has %s go on where it was, and maxBodyBytes counts all",
    async (form) => {
      let goOn: (text: string, isLast: boolean) => void = () => undefined;
      const serve: Serve = (_, outgoing) => {
        outgoing.writeHead(200).write("one ");
        goOn = (text, isLast) => void (isLast ? outgoing.end(text) : outgoing.write(text));
      };
      await byClock(carrier, serve, async (ask, clock) => {
        let text = "";
        const limits = { bodyIdleTimeoutMs: 1_000, bodyIdleResumes: true };
        const response = await ask("/", { ...limits, maxBodyBytes: 13 });
        const read = async (): Promise<string> => {
          if (form === "text") return await response.text();
          if (form === "bytes") return Buffer.from(await response.bytes()).toString();
          for await (const chunk of response) text += Buffer.from(chunk).toString();
          return text;
        };
        const idle = async () => {
          const reading = read();
          reading.catch(() => undefined);
          await expect.poll(() => clock.nextTimerMs).toBe(1_000);
          await clock.advanceAsync(1_000);
          await expect(reading).rejects.toMatchObject(timeout("body", 1_000));
        };
        await idle();
        goOn("two ", false);
        await idle();
        goOn("three", true);
        expect(await read()).toBe("one two three");
        const short = await ask("/", { ...limits, maxBodyBytes: 7 });
        const first = short.text();
        first.catch(() => undefined);
        await expect.poll(() => clock.nextTimerMs).toBe(1_000);
        await clock.advanceAsync(1_000);
        await expect(first).rejects.toMatchObject(timeout("body", 1_000));
        goOn("two ", true);
        await expect(short.text()).rejects.toMatchObject({ code: "KING_HTTP_BODY_LIMIT" });
      });
    },
  );

  test("writeIdleTimeoutMs bounds how long the server takes nothing", async () => {
    const arrived: IncomingMessage[] = [];
    const serve: Serve = (incoming) => void arrived.push(incoming.pause());
    await byClock(carrier, serve, async (ask, clock, peer) => {
      const body = new Uint8Array(16_777_216);
      const asked = ask("/", { method: "POST", body, writeIdleTimeoutMs: 4_000 });
      let isOver = false;
      const failed = asked.catch((error) => {
        isOver = true;
        return error;
      });
      while (!isOver) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        await clock.advanceAsync(1_000);
      }
      expect(await failed).toMatchObject(timeout("write", 4_000));
      // A server that does not read learns of nothing.
      arrived[0]?.resume();
      if (carrier.protocol === "h1") await expect.poll(() => peer.sockets.size).toBe(0);
    });
  });
});

describe("before a request is out", () => {
  test("queueTimeoutMs, of a client alone", async () => {
    const clock = testClock();
    const arrived = Promise.withResolvers<void>();
    await using peer = await startPeer(() => arrived.resolve());
    const client = createHttpClient({ maxSessionsPerOrigin: 1, queueTimeoutMs: 700, clock });
    const first = client.request(peer.origin);
    first.catch(() => undefined);
    await arrived.promise;
    const second = client.request(peer.origin);
    second.catch(() => undefined);
    await clock.advanceAsync(700);
    await expect(second).rejects.toMatchObject(timeout("queue", 700));
    client.abort();
    await client.closed;
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([
    ["resolve", { resolver: { resolve: () => new Promise<never>(() => undefined) } }],
    ["connect", { connector: () => new Promise<never>(() => undefined) }],
  ])("connectTimeoutMs, in phase %s", async (phase, options) => {
    const clock = testClock();
    const url = phase === "resolve" ? "http://name.example/" : "http://127.0.0.1:1/";
    const asked = request(url, { ...options, connectTimeoutMs: 700, clock });
    asked.catch(() => undefined);
    await clock.advanceAsync(700);
    await expect(asked).rejects.toMatchObject({
      code: "KING_NET_TIMEOUT",
      details: { phase, timeoutMs: 700 },
    });
    expect(clock.pendingTimers).toBe(0);
  });

  test("handshakeTimeoutMs, and the connection is gone", async () => {
    const clock = testClock();
    await using server = await rawServer((socket) => socket.resume());
    const config = defineConfig({
      sections: [requestSection, tlsSection],
      operator: { tls: { handshakeTimeoutMs: 700 } },
    });
    const url = server.url.replace("http:", "https:");
    const asked = request(url, { config, clock });
    asked.catch(() => undefined);
    await expect.poll(() => server.connections).toBe(1);
    await expect.poll(() => clock.nextTimerMs).toBe(700);
    await clock.advanceAsync(700);
    await expect(asked).rejects.toMatchObject({
      code: "KING_NET_TIMEOUT",
      details: { phase: "tls", timeoutMs: 700 },
    });
    await expect.poll(() => server.sockets.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });
});
