import { createSystem } from "@king-runtime/core";
import {
  eventually,
  notRun,
  requireSoftware,
  runProcess,
  sessionClauses,
  testClock,
  withDeadline,
} from "@king-runtime/testkit";
import { describe, expect, test, vi } from "vitest";
import { type ConnectUdpOptions, connectUdp } from "../../src/udp/connect-udp.ts";
import { type ListenUdpOptions, listenUdp } from "../../src/udp/listen-udp.ts";
import { createUdpComponent } from "../../src/udp/udp-component.ts";
import type { UdpListener } from "../../src/udp/udp-listener.ts";
import { udpPeer, udpSource } from "./udp-harness.ts";

const text = (datagram: Uint8Array | undefined) => Buffer.from(datagram ?? []).toString();

async function serverSession() {
  const source = await udpSource();
  const peer = await udpPeer();
  await peer.send("hello", source.port);
  const session = await source.next();
  return {
    session,
    async [Symbol.asyncDispose]() {
      await peer[Symbol.asyncDispose]();
      await source[Symbol.asyncDispose]();
    },
  };
}

async function clientSession() {
  const peer = await udpPeer();
  const session = await connectUdp({ host: "127.0.0.1", port: peer.port });
  return {
    session,
    async [Symbol.asyncDispose]() {
      session.abort();
      await peer[Symbol.asyncDispose]();
    },
  };
}

// The clauses about work under way are about streams, which UDP does not have: they have tests of their own.
const clauses = [
  "is open, knows its role, protocol and both endpoints, also after its end",
  "close() without work under way is clean, and ours",
  "is one end, however often close() is called",
  "reports its end to whoever asks for `closed` afterwards, each time the same",
  "events() ends with closed, for one who listens and for one who comes late",
  "events() rejects with the reason of its signal, and leaves the session alone",
].map((title) => sessionClauses.find((clause) => clause.title === title));

describe.each([
  ["server", serverSession],
  ["client", clientSession],
] as const)("a UDP session of a %s", (_, open) => {
  test.each(clauses)("$title", async (clause) => {
    await using place = await open();
    const unused = () => Promise.reject(new Error("no such thing over UDP"));
    await clause?.run({
      session: place.session,
      work: unused,
      disconnect: unused,
      [Symbol.asyncDispose]: async () => undefined,
    });
    expect(place.session.state).toBe(
      clause?.title.startsWith("events() rejects") ? "open" : "closed",
    );
  });

  test("fails its reader with the reason of an abort", async () => {
    await using place = await open();
    const { session } = place;
    const reading = (async () => {
      for await (const _ of session);
    })();
    const reason = new Error("enough");
    session.abort(reason);
    await expect(reading).rejects.toBe(reason);
    expect(await session.closed).toMatchObject({ by: "local", clean: false, error: reason });
    expect(() => session.send(Buffer.from("late"))).toThrow(
      expect.objectContaining({ code: "KING_SESSION_CLOSED" }),
    );
  });

  test("refuses what is no datagram, or too large for one, and a second reader", async () => {
    await using place = await open();
    const { session } = place;
    const tooLarge = {
      code: "KING_NET_FRAME_LIMIT",
      details: { limitBytes: 65_507, bytes: 65_508 },
    };
    expect(() => session.send(Buffer.alloc(65_508))).toThrow(expect.objectContaining(tooLarge));
    expect(() => session.send("text" as unknown as Uint8Array)).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID" }),
    );
    const reading = session[Symbol.asyncIterator]();
    expect(() => session[Symbol.asyncIterator]()).toThrow(
      expect.objectContaining({ code: "KING_STREAM_BUSY" }),
    );
    reading.next().catch(() => undefined);
  });
});

test("a reader of a UDP session that leaves before its first datagram makes room for another, and for the end", async () => {
  await using source = await udpSource();
  await using peer = await udpPeer();
  await peer.send("one", source.port);
  const session = await source.next();
  await session[Symbol.asyncIterator]().return(undefined);
  const second = session[Symbol.asyncIterator]();
  expect(Buffer.from((await second.next()).value as Uint8Array).toString()).toBe("one");
  await second.return(undefined);
  const reason = new Error("no more");
  await expect(session[Symbol.asyncIterator]().throw(reason)).rejects.toBe(reason);
  const last = session[Symbol.asyncIterator]();
  void session.close();
  await last.return(undefined);
  await withDeadline(session.close(), "the end");
  expect(await session.closed).toMatchObject({ by: "local", clean: true });
});

describe("a UDP listener", () => {
  test("has a session for each peer, and sends each what is for it", async () => {
    await using source = await udpSource();
    await using ada = await udpPeer();
    await using bob = await udpPeer();
    await ada.send("from ada", source.port);
    const first = await source.next();
    await bob.send("from bob", source.port);
    const second = await source.next();
    expect(first.remote).toEqual({ address: "127.0.0.1", port: ada.port, family: "IPv4" });
    expect(first.local).toEqual(source.listener.local);
    await second.send(Buffer.from("to bob"));
    await first.send(Buffer.from("to ada"));
    expect([await ada.receive(), await bob.receive()]).toEqual(["to ada", "to bob"]);
    await ada.send("more", source.port);
    const got: string[] = [];
    for await (const datagram of first) if (got.push(text(datagram)) === 2) break;
    expect(got).toEqual(["from ada", "more"]);
    expect([...source.listener.sessions()]).toEqual([first, second]);
    expect(source.listener.stats()).toMatchObject({ sessionsAccepted: 2, sessionsActive: 2 });
    await eventually("the count", () => first.stats().datagramsSent === 1);
    expect(first.stats()).toMatchObject({
      datagramsReceived: 2,
      datagramsDropped: 0,
      wireBytesSent: 6,
      wireBytesReceived: 12,
      streamsOpened: 0,
    });
  });

  test("carries the largest datagram, and an empty one", async () => {
    await using source = await udpSource();
    await using client = await connectUdp({ host: "127.0.0.1", port: source.port });
    const large = Buffer.alloc(65_507, "x");
    await client.send(large);
    const session = await source.next();
    await session.send(large);
    await session.send(Buffer.alloc(0));
    const lengths: number[] = [];
    for await (const { length } of client) if (lengths.push(length) === 2) break;
    expect(lengths).toEqual([65_507, 0]);
  });

  test("drops datagrams larger than maxDatagramBytes, and tells", async () => {
    await using source = await udpSource({ maxDatagramBytes: 10 });
    await using peer = await udpPeer();
    await peer.send("0123456789a", source.port);
    const session = await source.next();
    await peer.send("0123456789", source.port);
    const reader = session[Symbol.asyncIterator]();
    expect(text((await reader.next()).value)).toBe("0123456789");
    expect(session.stats()).toMatchObject({ datagramsReceived: 2, datagramsDropped: 1 });
  });

  test("holds maxQueuedDatagrams for a slow reader, the newest", async () => {
    await using source = await udpSource({ maxQueuedDatagrams: 3 });
    await using peer = await udpPeer();
    for (let i = 0; i < 10; i++) await peer.send(`${i}`, source.port);
    const session = await source.next();
    await eventually("all of them", () => session.stats().datagramsReceived === 10);
    expect(session.stats().datagramsDropped).toBe(7);
    const got: string[] = [];
    for await (const datagram of session) if (got.push(text(datagram)) === 3) break;
    expect(got).toEqual(["7", "8", "9"]);
  });

  test("holds maxQueuedBytes for all its sessions together", async () => {
    await using source = await udpSource({ maxQueuedBytes: 65_536 });
    await using greedy = await udpPeer();
    await using modest = await udpPeer();
    const large = Buffer.alloc(20_000);
    await greedy.send(large, source.port);
    const first = await source.next();
    for (let i = 0; i < 5; i++) await greedy.send(large, source.port);
    await eventually("all of them", () => first.stats().datagramsReceived === 6);
    expect(first.stats().datagramsDropped).toBe(3);
    await modest.send(large, source.port);
    const second = await source.next();
    await eventually("its own", () => second.stats().datagramsReceived === 1);
    expect(second.stats().datagramsDropped).toBe(1);
    // What is read, or belongs to a session that ends, makes room.
    await first[Symbol.asyncIterator]().next();
    await modest.send(large, source.port);
    await eventually("room", () => second.stats().datagramsReceived === 2);
    expect(second.stats().datagramsDropped).toBe(1);
  });

  test("counts datagrams of one byte, of which there may be many, for what they take", async () => {
    await using source = await udpSource({ maxQueuedBytes: 65_536 });
    await using peer = await udpPeer();
    await peer.send("a", source.port);
    const session = await source.next();
    for (let count = 2; count <= 300; count++) {
      await peer.send("a", source.port);
      // What the system holds for us is bounded, too.
      const isHere = () => session.stats().datagramsReceived === count;
      if (count % 100 === 0) await eventually("all of them", isHere);
    }
    expect(session.stats().datagramsDropped).toBe(300 - 255);
  });

  test("gives peers whose reader keeps up theirs, when another has all that may be held", async () => {
    await using listener = await listenUdp({
      maxQueuedBytes: 65_536,
      async onSession(session) {
        for await (const datagram of session) {
          if (text(datagram) === "stay") await new Promise(() => undefined);
          await session.send(datagram);
        }
      },
    });
    const { port } = listener.local;
    await using greedy = await udpPeer();
    await using modest = await udpPeer();
    const full = Buffer.alloc(65_536 - 256, "x");
    await greedy.send("stay", port);
    await greedy.send(full.subarray(0, 60_000), port);
    await greedy.send(full.subarray(60_000 + 256), port);
    await eventually("all of them", () => {
      const [first] = [...listener.sessions()];
      return first?.stats().datagramsReceived === 3;
    });
    for (const each of ["one", "two", "three"]) {
      await modest.send(each, port);
      expect(await modest.receive()).toBe(each);
    }
    listener.abort();
  });

  test("drops datagrams from port 0, where nobody can be answered", async (context) => {
    const python = requireSoftware("python", context);
    const script = [
      "import socket, struct, sys",
      "try:",
      "  s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)",
      "except PermissionError:",
      "  sys.exit(print('not permitted'))",
      "s.sendto(struct.pack('!HHHH', 0, int(sys.argv[1]), 9, 0) + b'x', ('127.0.0.1', 0))",
    ].join("\n");
    await using source = await udpSource();
    const args = ["-c", script, String(source.port)];
    const { stdout } = await runProcess({ command: python, args });
    if (stdout !== "") notRun(context, "raw sockets are not permitted", "run as root");
    await eventually("a refusal", () => source.listener.stats().datagramsRefused === 1);
    expect(source.listener.stats().sessionsAccepted).toBe(0);
  });

  test("drops datagrams of peers beyond maxSessions until one is over", async () => {
    await using source = await udpSource({ maxSessions: 1 });
    await using ada = await udpPeer();
    await using bob = await udpPeer();
    await ada.send("first", source.port);
    const session = await source.next();
    await bob.send("second", source.port);
    await eventually("a refusal", () => source.listener.stats().datagramsRefused === 1);
    expect(source.listener.stats()).toMatchObject({ sessionsActive: 1, sessionsRefused: 1 });
    await session.close();
    await bob.send("again", source.port);
    expect((await source.next()).remote?.port).toBe(bob.port);
  });

  test("drops datagrams of peers that are denied", async () => {
    await using source = await udpSource({ deny: ["127.0.0.0/8"], allow: ["127.0.0.1"] });
    await using peer = await udpPeer();
    await peer.send("no", source.port);
    await eventually("a refusal", () => source.listener.stats().datagramsRefused === 1);
    expect(source.listener.stats().sessionsAccepted).toBe(0);
  });

  test("ends a session without datagrams for idleTimeoutMs, cleanly; a later one begins another", async () => {
    const clock = testClock();
    await using source = await udpSource({ idleTimeoutMs: 4_000, clock });
    await using peer = await udpPeer();
    await peer.send("one", source.port);
    const session = await source.next();
    clock.advance(3_000);
    await session.send(Buffer.from("still here"));
    await peer.receive();
    clock.advance(4_000);
    expect(session.state).toBe("open");
    clock.advance(1_000);
    expect(await session.closed).toEqual({ by: "network", clean: true, streamsAborted: 0 });
    expect(source.listener.stats().sessionsActive).toBe(0);
    await peer.send("two", source.port);
    const next = await source.next();
    expect(next.id).not.toBe(session.id);
  });

  test("has what its sessions were sent first read, with the reader ending with the session", async () => {
    await using source = await udpSource();
    await using peer = await udpPeer();
    for (const each of ["one", "two"]) await peer.send(each, source.port);
    const session = await source.next();
    await eventually("both", () => session.stats().datagramsReceived === 2);
    const going = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const got: string[] = [];
    const reading = (async () => {
      for await (const datagram of session) {
        got.push(text(datagram));
        begun.resolve();
        await going.promise;
        session.send(Buffer.from(`answer to ${text(datagram)}`));
      }
    })();
    await begun.promise;
    const closing = source.listener.close();
    expect([source.listener.state, session.state]).toEqual(["draining", "draining"]);
    await peer.send("too late", source.port);
    await eventually("it", () => session.stats().datagramsDropped === 1);
    going.resolve();
    await withDeadline(Promise.all([closing, reading]), "both ends");
    expect(got).toEqual(["one", "two"]);
    expect(await peer.receive()).toBe("answer to one");
    expect(await peer.receive()).toBe("answer to two");
    expect(await source.listener.closed).toEqual({ by: "local", clean: true, sessionsAborted: 0 });
  });

  test("aborts at the deadline of close() what is still at work, and counts it", async () => {
    await using source = await udpSource();
    await using peer = await udpPeer();
    await peer.send("one", source.port);
    const session = await source.next();
    await session[Symbol.asyncIterator]().next();
    await withDeadline(source.listener.close({ deadlineMs: 20 }), "close()");
    expect((await session.closed).clean).toBe(false);
    expect(await source.listener.closed).toMatchObject({ clean: false, sessionsAborted: 1 });
  });

  test("gives onDatagram the datagrams of a peer one at a time, and tells what it throws", async () => {
    const seen: string[] = [];
    const onError = vi.fn();
    let running = 0;
    await using listener = await listenUdp({
      onError,
      async onDatagram(datagram, session) {
        expect(++running).toBe(1);
        await new Promise(setImmediate);
        running--;
        seen.push(text(datagram));
        if (text(datagram) === "bad") throw new Error("a bad one");
        await session.send(datagram);
      },
    });
    await using peer = await udpPeer();
    for (const each of ["a", "bad", "b"]) await peer.send(each, listener.local.port);
    expect([await peer.receive(), await peer.receive()]).toEqual(["a", "b"]);
    expect(seen).toEqual(["a", "bad", "b"]);
    expect(onError.mock.calls).toEqual([[new Error("a bad one")]]);
    expect(listener.stats().sessionsActive).toBe(1);
  });

  test.each([
    ["throws", () => Promise.reject(new Error("mine"))],
    [
      "rejects",
      () => {
        throw new Error("mine");
      },
    ],
  ])("aborts a session whose handler %s, and tells", async (_, onSession) => {
    const told = Promise.withResolvers<unknown>();
    await using source = await udpSource({ onSession, onError: told.resolve });
    await using peer = await udpPeer();
    await peer.send("hello", source.port);
    expect(await withDeadline(told.promise, "the error")).toEqual(new Error("mine"));
    expect(source.listener.stats().sessionsActive).toBe(0);
  });

  test("does not tell of handlers that fail with the abort of their session", async () => {
    const onError = vi.fn();
    const over = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    await using source = await udpSource({
      onError,
      async onSession(session) {
        try {
          for await (const _ of session) begun.resolve();
        } finally {
          setImmediate(over.resolve);
        }
      },
    });
    await using peer = await udpPeer();
    await peer.send("hello", source.port);
    await begun.promise;
    source.listener.abort();
    await over.promise;
    expect(onError).not.toHaveBeenCalled();
  });

  test("says which address cannot be had", async () => {
    await using first = await udpSource();
    const second = listenUdp({ port: first.port, onDatagram: () => undefined });
    await expect(second).rejects.toMatchObject({
      code: "KING_NET_BIND",
      details: { address: "127.0.0.1", port: first.port },
    });
  });

  test("closes when its signal aborts", async () => {
    const over = new AbortController();
    await using source = await udpSource({ signal: over.signal });
    over.abort();
    expect((await withDeadline(source.listener.closed, "closed")).clean).toBe(true);
    const refused = udpSource({ signal: over.signal });
    await expect(refused).rejects.toBe(over.signal.reason);
  });

  test.each<[string, Record<string, unknown>]>([
    ["onSession", { onSession: undefined }],
    ["onSession", { onDatagram: () => undefined }],
    ["onSession", { onSession: 7 }],
    ["onError", { onError: "log" }],
    ["host", { host: "" }],
    ["port", { port: 65_536 }],
    ["clock", { clock: {} }],
    ["signal", { signal: {} }],
    ["allow", { allow: ["nowhere"] }],
    ["maxDatagramBytes", { maxDatagramBytes: 0 }],
    ["resolveTimeoutMs", { resolveTimeoutMs: 1 }],
    ["size", { size: 1 }],
  ])("refuses a wrong %s by name: %o", async (option, wrong) => {
    const options = { onSession: () => undefined, ...wrong } as ListenUdpOptions;
    await expect(listenUdp(options)).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      details: { option },
    });
  });

  test("answers a program that is not ours", async (context) => {
    const python = requireSoftware("python", context);
    await using listener = await listenUdp({
      onDatagram: (datagram, session) => session.send(Buffer.from(text(datagram).toUpperCase())),
    });
    const script = [
      "import socket, sys",
      "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
      "s.settimeout(10)",
      "s.sendto(b'hello', ('127.0.0.1', int(sys.argv[1])))",
      "print(s.recvfrom(100)[0].decode())",
    ].join("\n");
    const { stdout } = await runProcess({
      command: python,
      args: ["-c", script, String(listener.local.port)],
    });
    expect(stdout).toBe("HELLO\n");
  });

  test("opens with its system and drains with it", async () => {
    let listener: UdpListener | undefined;
    const component = createUdpComponent({
      onDatagram: () => undefined,
      onListening(opened) {
        listener = opened;
      },
    });
    const system = createSystem({ components: [component] });
    expect(system.health().status).toBe("unhealthy");
    await system.start();
    expect(system.health().components["udp"]).toEqual({ status: "healthy" });
    expect(system.metrics()["udp"]).toMatchObject({ sessionsActive: 0 });
    expect((await system.drain()).clean).toBe(true);
    expect(listener?.state).toBe("closed");
  });
});

describe("a UDP client", () => {
  test("hears its peer alone", async () => {
    await using peer = await udpPeer();
    await using stranger = await udpPeer();
    await using session = await connectUdp({ host: "127.0.0.1", port: peer.port });
    await session.send(Buffer.from("hello"));
    expect(await peer.receive()).toBe("hello");
    const port = session.local?.port ?? 0;
    await stranger.send("spam", port);
    await peer.send("answer", port);
    for await (const datagram of session) {
      expect(text(datagram)).toBe("answer");
      break;
    }
    expect(session.stats().datagramsReceived).toBe(1);
  });

  test("learns that nobody is there", async () => {
    const gone = await udpPeer();
    await gone[Symbol.asyncDispose]();
    await using session = await connectUdp({ host: "127.0.0.1", port: gone.port });
    const reading = session[Symbol.asyncIterator]().next();
    await session.send(Buffer.from("anybody?"));
    const refused = {
      code: "KING_NET_CONNECT",
      details: { port: gone.port, attempts: [{ address: "127.0.0.1", code: "ECONNREFUSED" }] },
    };
    await expect(withDeadline(reading, "an error")).rejects.toMatchObject(refused);
    expect(await session.closed).toMatchObject({ by: "network", clean: false, error: refused });
  });

  test("says that a name has no address", async () => {
    const connecting = connectUdp({ host: "nowhere.invalid", port: 9 });
    await expect(connecting).rejects.toMatchObject({
      code: "KING_NET_RESOLVE",
      details: { host: "nowhere.invalid" },
    });
  });

  test("ends when its signal aborts, and when it is idle", async () => {
    await using peer = await udpPeer();
    const over = new AbortController();
    const to = { host: "127.0.0.1", port: peer.port };
    const session = await connectUdp({ ...to, signal: over.signal });
    const reason = new Error("enough");
    over.abort(reason);
    expect((await session.closed).error).toBe(reason);
    await expect(connectUdp({ ...to, signal: over.signal })).rejects.toBe(reason);
    const clock = testClock();
    const idle = await connectUdp({ ...to, clock, idleTimeoutMs: 1_000 });
    clock.advance(1_250);
    expect(await idle.closed).toMatchObject({ by: "network", clean: true });
    expect(clock.pendingTimers).toBe(0);
  });

  test.each<[string, object]>([
    ["host", { host: 7 }],
    ["port", { port: 0 }],
    ["maxSessions", { maxSessions: 1 }],
    ["tls", { tls: {} }],
  ])("refuses a wrong %s by name", async (option, wrong) => {
    const options = { host: "127.0.0.1", port: 9, ...wrong } as ConnectUdpOptions;
    await expect(connectUdp(options)).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      details: { option },
    });
  });
});
