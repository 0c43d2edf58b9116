import { type Clock, createSystem, systemClock } from "@king-runtime/core";
import {
  connectRaw,
  eventually,
  stalled,
  testClock,
  watchResources,
  withDeadline,
} from "@king-runtime/testkit";
import { describe, expect, test, vi } from "vitest";
import { type ConnectTcpOptions, connectTcp } from "../../src/tcp/connect-tcp.ts";
import { type ListenTcpOptions, listenTcp } from "../../src/tcp/listen-tcp.ts";
import { createTcpComponent } from "../../src/tcp/tcp-component.ts";
import type { TcpListener } from "../../src/tcp/tcp-listener.ts";
import type { TcpSession } from "../../src/tcp/tcp-session.ts";
import { clientPair, nodeClient, serverPair, sessionSource } from "./tcp-harness.ts";

/** Sends back what comes, to its end. */
async function echo({ stream }: TcpSession): Promise<void> {
  for await (const chunk of stream) await stream.write(chunk);
  await stream.end();
}

/** How a connection ends that the client ends at once. */
async function howItEnds(port: number): Promise<string> {
  try {
    await using socket = await connectRaw({ port });
    socket.halfClose();
    return await socket.ended;
  } catch (error) {
    // A reset may come before the client has noticed that it is connected.
    if ((error as NodeJS.ErrnoException).code === "ECONNRESET") return "reset";
    throw error;
  }
}

describe("a TCP listener", () => {
  test("serves sessions, and knows their ends, bytes and numbers", async () => {
    await using listener = await listenTcp({ onSession: echo });
    await using socket = await connectRaw({ port: listener.local.port });
    await socket.write("hello");
    expect((await socket.readBytes(5)).toString()).toBe("hello");
    const [session] = [...listener.sessions()];
    expect(session?.remote).toMatchObject({ address: "127.0.0.1", family: "IPv4" });
    expect(session?.local).toEqual(listener.local);
    expect(session?.tls).toBeUndefined();
    const { streamsOpened, streamsActive, ...wire } = session?.stats() ?? {};
    expect({ streamsOpened, streamsActive }).toEqual({ streamsOpened: 1, streamsActive: 1 });
    expect(wire).toEqual({ wireBytesSent: 5, wireBytesReceived: 5 });
    const numbers = {
      sessionsAccepted: 1,
      sessionsRefused: 0,
      sessionsActive: 1,
      streamsActive: 1,
    };
    expect(listener.stats()).toEqual(numbers);
    socket.halfClose();
    expect(await socket.ended).toBe("end");
    expect(await session?.closed).toMatchObject({ clean: true, streamsAborted: 0 });
    expect(listener.stats()).toEqual({ ...numbers, sessionsActive: 0, streamsActive: 0 });
  });

  test("answers a peer that has ended its half", async () => {
    await using listener = await listenTcp({
      async onSession({ stream }) {
        let bytes = 0;
        for await (const chunk of stream) bytes += chunk.length;
        await stream.end(Buffer.from(`${bytes} bytes`));
      },
    });
    await using socket = await connectRaw({ port: listener.local.port });
    await socket.write("x".repeat(100_000));
    socket.halfClose();
    expect((await socket.readToEnd()).toString()).toBe("100000 bytes");
  });

  test.each([
    ["server", serverPair],
    ["client", clientPair],
  ] as const)(
    "holds little of what a %s does not read, and all of it comes in the end",
    async (_, open) => {
      await using pair = await open();
      const { session, end } = pair;
      const chunk = Buffer.alloc(65_536);
      const total = 512 * chunk.length;
      let handed = 0;
      (async () => {
        for (; handed < total; handed += chunk.length) {
          if (!end.socket.write(chunk))
            await new Promise((resolve) => end.socket.once("drain", resolve));
        }
        end.socket.end();
      })();
      await stalled(() => handed);
      expect(handed).toBeLessThan(total);
      // Node's own buffer: one chunk over its mark at most. The rest is the systems'.
      expect(session.stats().wireBytesReceived).toBeLessThanOrEqual(2 * 65_536);
      let received = 0;
      for await (const { length } of session.stream) received += length;
      expect(received).toBe(total);
    },
  );

  test("refuses a writer that does not wait beyond maxWriteBufferBytes", async () => {
    await using source = await sessionSource({ maxWriteBufferBytes: 100_000 });
    await using socket = await connectRaw({ port: source.port, reading: false });
    const { stream } = await source.next();
    const full = expect.objectContaining({
      code: "KING_STREAM_BUFFER_FULL",
      details: { limitBytes: 100_000 },
    });
    expect(() => {
      for (let i = 0; i < 1_000; i++) stream.write(Buffer.alloc(65_536))?.catch(() => undefined);
    }).toThrow(full);
    socket.reset();
  });

  test("aborts a session whose peer breaks it off, and tells nobody of it", async () => {
    const onError = vi.fn();
    await using listener = await listenTcp({ onSession: echo, onError });
    const socket = await connectRaw({ port: listener.local.port });
    await socket.write("hello");
    await socket.readBytes(5);
    const [session] = [...listener.sessions()];
    socket.reset();
    expect(await session?.closed).toMatchObject({ clean: false, streamsAborted: 1 });
    expect((await session?.closed)?.by).not.toBe("local");
    await new Promise(setImmediate);
    expect(onError).not.toHaveBeenCalled();
    expect(listener.stats().sessionsActive).toBe(0);
  });

  test.each([
    ["rejects", async () => Promise.reject(new Error("mine"))],
    [
      "throws",
      () => {
        throw new Error("mine");
      },
    ],
  ])("resets the connection when its handler %s, and tells", async (_, onSession) => {
    const onError = vi.fn();
    await using listener = await listenTcp({ onSession, onError });
    expect(await howItEnds(listener.local.port)).toBe("reset");
    expect(onError.mock.calls).toEqual([[new Error("mine")]]);
    expect(listener.stats().sessionsAccepted).toBe(1);
    await eventually("its end", () => listener.stats().sessionsActive === 0);
  });

  test("goes on when onError itself fails", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const failure = new Error("of onError");
    await using listener = await listenTcp({
      onSession: () => Promise.reject(new Error("mine")),
      onError: () => Promise.reject(failure),
    });
    for (let i = 0; i < 2; i++) expect(await howItEnds(listener.local.port)).toBe("reset");
    expect(log.mock.calls).toEqual([[failure], [failure]]);
    log.mockRestore();
  });

  test("closes connections beyond maxSessions at once, and counts them", async () => {
    await using source = await sessionSource({ maxSessions: 1 });
    await using first = await connectRaw({ port: source.port });
    const session = await source.next();
    await using second = await connectRaw({ port: source.port });
    await second.ended;
    expect(source.listener.stats()).toMatchObject({ sessionsRefused: 1, sessionsActive: 1 });
    first.halfClose();
    await session.close();
    await using third = await connectRaw({ port: source.port });
    expect((await source.next()).state).toBe("open");
    third.reset();
  });

  test("ends sessions over which nothing moves for idleTimeoutMs", async () => {
    const clock = testClock();
    await using source = await sessionSource({ idleTimeoutMs: 4_000, clock });
    await using socket = await connectRaw({ port: source.port });
    const session = await source.next();
    const read = (async () => {
      for await (const _ of session.stream);
    })();
    clock.advance(3_000);
    await socket.write("x");
    await eventually("the byte", () => session.stats().wireBytesReceived === 1);
    clock.advance(4_000);
    expect(session.state).toBe("open");
    await session.stream.write(Buffer.from("y"));
    await socket.readBytes(1);
    clock.advance(4_000);
    expect(session.state).toBe("open");
    clock.advance(1_000);
    const idle = { code: "KING_NET_IDLE", details: { timeoutMs: 4_000 } };
    await expect(read).rejects.toMatchObject(idle);
    expect(await session.closed).toMatchObject({ by: "network", clean: false, error: idle });
    expect(await socket.ended).toBe("reset");
  });

  test("takes bytes that wait for a peer for no movement", async () => {
    const clock = testClock();
    await using source = await sessionSource({ idleTimeoutMs: 4_000, clock });
    await using socket = await connectRaw({ port: source.port, reading: false });
    const { stream, closed } = await source.next();
    let written = 0;
    (async () => {
      for (;;) {
        await stream.write(Buffer.alloc(65_536));
        written++;
      }
    })().catch(() => undefined);
    await stalled(() => written);
    for (let i = 0; i < 6; i++) {
      if (i < 4) stream.write(Buffer.from("more"))?.catch(() => undefined);
      clock.advance(1_000);
    }
    expect((await withDeadline(closed, "closed")).clean).toBe(false);
    socket.reset();
  });

  test("never ends idle sessions with Infinity", async () => {
    const clock = testClock();
    await using source = await sessionSource({ idleTimeoutMs: Number.POSITIVE_INFINITY, clock });
    await using socket = await connectRaw({ port: source.port });
    const session = await source.next();
    clock.advance(86_400_000);
    expect(session.state).toBe("open");
    socket.reset();
  });

  test("says which address cannot be had", async () => {
    await using first = await listenTcp({ onSession: echo });
    const second = listenTcp({ onSession: echo, port: first.local.port });
    await expect(second).rejects.toMatchObject({
      code: "KING_NET_BIND",
      details: { address: "127.0.0.1", port: first.local.port },
    });
  });

  test.each<[string, Record<string, unknown>]>([
    ["onSession", { onSession: undefined }],
    ["onError", { onError: 1 }],
    ["host", { host: "" }],
    ["port", { port: -1 }],
    ["clock", { clock: 1 }],
    ["signal", { signal: 1 }],
    ["allow", { allow: ["10.0.0.0/33"] }],
    ["deny", { deny: ["localhost"] }],
    ["maxSessions", { maxSessions: 0 }],
    ["idleTimeoutMs", { idleTimeoutMs: -1 }],
    ["keepAliveDelayMs", { keepAliveDelayMs: "1s" }],
    ["connectTimeoutMs", { connectTimeoutMs: 1 }],
    ["maxSession", { maxSession: 1 }],
    ["tls", { tls: null }],
    ["tls.alpn", { tls: { alpn: "h2" } }],
    ["tls.alpn", { tls: { alpn: [""] } }],
  ])("refuses a wrong %s by name: %o", async (option, wrong) => {
    const options = { onSession: echo, ...wrong } as ListenTcpOptions;
    await expect(listenTcp(options)).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      details: { option },
    });
  });

  test("leaves nothing behind", async () => {
    const watch = watchResources();
    await using listener = await listenTcp({ onSession: echo });
    await using client = await connectTcp({ host: "127.0.0.1", port: listener.local.port });
    await client.stream.end(Buffer.from("hello"));
    for await (const _ of client.stream);
    await Promise.all([client.close(), listener.close()]);
    await watch.settled();
  });

  test("opens with its system, and drains with it", async () => {
    let listener: TcpListener | undefined;
    const component = createTcpComponent({
      onSession: echo,
      onListening(opened) {
        listener = opened;
      },
    });
    const system = createSystem({ components: [component] });
    expect(system.health().status).toBe("unhealthy");
    await system.start();
    expect(system.health().components["tcp"]).toEqual({ status: "healthy" });
    await using socket = await connectRaw({ port: listener?.local.port ?? 0 });
    await socket.write("x");
    await socket.readBytes(1);
    expect(system.metrics()["tcp"]).toMatchObject({ sessionsAccepted: 1, sessionsActive: 1 });
    const draining = system.drain();
    socket.halfClose();
    expect((await draining).clean).toBe(true);
    expect(listener?.state).toBe("closed");
  });
});

describe("the firewall of a TCP listener", () => {
  const from = "127.0.0.1";
  test.each<[string, Pick<ListenTcpOptions, "allow" | "deny">, boolean]>([
    ["without lists", {}, true],
    ["that allows the address", { allow: [from] }, true],
    ["that allows its network", { allow: ["10.0.0.0/8", "127.0.0.0/8"] }, true],
    ["that allows others", { allow: ["10.0.0.0/8", "::1"] }, false],
    ["that denies the address", { deny: [from] }, false],
    ["that denies others", { deny: ["10.0.0.0/8"] }, true],
    ["that allows and denies it", { allow: [from], deny: ["127.0.0.0/30"] }, false],
  ])("%s", async (_, lists, admitted) => {
    // A dual-stack socket, on which IPv4 peers have addresses such as ::ffff:127.0.0.1.
    for (const host of ["127.0.0.1", "::"]) {
      await using listener = await listenTcp({ onSession: echo, host, ...lists });
      expect(await howItEnds(listener.local.port)).toBe(admitted ? "end" : "reset");
      expect(listener.stats()).toMatchObject({
        sessionsAccepted: admitted ? 1 : 0,
        sessionsRefused: admitted ? 0 : 1,
      });
    }
  });
});

describe("close() of a TCP listener", () => {
  test("refuses connections, tells handlers at work, and waits for them", async () => {
    const told = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    await using listener = await listenTcp({
      async onSession({ stream, draining }) {
        await stream.write(Buffer.from("welcome"));
        draining.addEventListener("abort", () => told.resolve());
        await goOn.promise;
        await stream.end(Buffer.from(", and bye"));
        for await (const _ of stream);
      },
    });
    const { port } = listener.local;
    await using socket = await connectRaw({ port });
    await socket.readBytes(7);
    const closing = listener.close();
    await withDeadline(told.promise, "word of the end");
    expect(listener.state).toBe("draining");
    await expect(connectRaw({ port })).rejects.toMatchObject({ code: "ECONNREFUSED" });
    goOn.resolve();
    expect((await socket.readToEnd()).toString()).toBe(", and bye");
    socket.halfClose();
    await withDeadline(closing, "close()");
    expect(await listener.closed).toEqual({ by: "local", clean: true, sessionsAborted: 0 });
  });

  test("ends sessions that no handler is at work on", async () => {
    await using source = await sessionSource();
    await using socket = await connectRaw({ port: source.port });
    const session = await source.next();
    const closing = source.listener.close();
    expect(await socket.ended).toBe("end");
    expect(session.draining.aborted).toBe(true);
    socket.halfClose();
    await withDeadline(closing, "close()");
    expect((await session.closed).clean).toBe(true);
  });

  test("cuts at its deadline what has not ended, and counts it", async () => {
    const onError = vi.fn();
    await using listener = await listenTcp({ onSession: echo, onError });
    await using socket = await connectRaw({ port: listener.local.port });
    await socket.write("x");
    await socket.readBytes(1);
    await withDeadline(listener.close({ deadlineMs: 20 }), "close()");
    expect(await listener.closed).toEqual({ by: "local", clean: false, sessionsAborted: 1 });
    expect(await socket.ended).toBe("reset");
    expect(onError).not.toHaveBeenCalled();
  });

  test("is what its signal does", async () => {
    const over = new AbortController();
    await using source = await sessionSource({ signal: over.signal });
    over.abort();
    expect((await withDeadline(source.listener.closed, "closed")).clean).toBe(true);
    await expect(sessionSource({ signal: over.signal })).rejects.toBe(over.signal.reason);
  });
});

describe("connectTcp", () => {
  test("says that nobody is there", async () => {
    const gone = await listenTcp({ onSession: echo });
    const { port } = gone.local;
    await gone.close();
    await expect(connectTcp({ host: "127.0.0.1", port })).rejects.toMatchObject({
      code: "KING_NET_CONNECT",
      details: { port, attempts: [{ address: "127.0.0.1", code: "ECONNREFUSED" }] },
    });
  });

  test("aborts the session with the reason of its signal, and rejects with it before", async () => {
    await using listener = await listenTcp({ onSession: echo });
    const over = new AbortController();
    const to = { host: "127.0.0.1", port: listener.local.port, signal: over.signal };
    const session = await connectTcp(to);
    const reason = new Error("enough");
    over.abort(reason);
    expect(await session.closed).toMatchObject({ by: "local", error: reason });
    await expect(connectTcp(to)).rejects.toBe(reason);
  });

  test.each<[string, Record<string, unknown>]>([
    ["tls", { tls: null }],
    ["tls", { tls: false }],
    ["tls", { tls: true }],
    ["tls", { tls: "" }],
    ["tls", { tls: [] }],
    ["tls.alpn", { tls: { alpn: "h2" } }],
    ["clock", { clock: { every: () => undefined } }],
    ["clock", { clock: [] }],
    ["allow", { allow: [] }],
  ])("refuses a wrong %s by name, before it connects: %o", async (option, wrong) => {
    await using listener = await listenTcp({ onSession: echo });
    const to = { host: "127.0.0.1", port: listener.local.port, ...wrong } as ConnectTcpOptions;
    await expect(connectTcp(to)).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      details: { option },
    });
    expect(listener.stats()).toMatchObject({ sessionsAccepted: 0, sessionsRefused: 0 });
  });

  test("heeds a signal that fires just when it has connected", async () => {
    await using listener = await listenTcp({ onSession: echo });
    // The turns between the connection and who waits for it are few.
    for (let turns = 0; turns < 12; turns++) {
      const over = new AbortController();
      const reason = new Error("enough");
      const clock: Clock = Object.create(systemClock, {
        after: {
          value: (...timing: Parameters<Clock["after"]>) => {
            const timer = systemClock.after(...timing);
            // The deadline of the connect is over with it.
            const cancel = async () => {
              timer.cancel();
              for (let turn = 0; turn < turns; turn++) await undefined;
              over.abort(reason);
            };
            return { ...timer, cancel };
          },
        },
      });
      const to = { host: "127.0.0.1", port: listener.local.port, signal: over.signal, clock };
      const connecting = connectTcp(to).then(
        async (session) => (await session.closed).error,
        (error: unknown) => error,
      );
      expect(await withDeadline(connecting, `an end after ${turns} turns`)).toBe(reason);
    }
  });

  test("ends an idle session, and leaves no timer", async () => {
    await using listener = await listenTcp({ onSession: echo });
    const clock = testClock();
    const to = { host: "127.0.0.1", port: listener.local.port, clock };
    const session = await connectTcp({ ...to, idleTimeoutMs: 1_000 });
    clock.advance(1_250);
    expect((await session.closed).by).toBe("network");
    expect(clock.pendingTimers).toBe(0);
  });

  test("tells draining of close() and of the end, whenever it is asked", async () => {
    await using listener = await listenTcp({ onSession: echo });
    const to = { host: "127.0.0.1", port: listener.local.port };
    const first = await connectTcp(to);
    expect(first.draining.aborted).toBe(false);
    const closing = first.close();
    expect(first.draining.aborted).toBe(true);
    await closing;
    const second = await connectTcp(to);
    second.abort();
    await second.closed;
    expect(second.draining.aborted).toBe(true);
  });

  test.each<[string, object]>([
    ["host", { host: undefined }],
    ["port", { port: "80" }],
    ["deny", { deny: [] }],
    ["onSession", { onSession: echo }],
    ["tls.alpn", { tls: { alpn: 1 } }],
  ])("refuses a wrong %s by name", async (option, wrong) => {
    const options = { host: "127.0.0.1", port: 9, ...wrong };
    await expect(connectTcp(options)).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      details: { option },
    });
  });
});

test("a session is reset also while its end is under way", async () => {
  await using source = await sessionSource();
  for (let i = 0; i < 20; i++) {
    const end = await nodeClient(source.port);
    end.socket.resume();
    const session = await source.next();
    void session.stream.end();
    if (i % 2 === 1) await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
    session.abort(new Error("after all"));
    await withDeadline(session.closed, "closed");
    end.wire.destroy();
  }
});
