import type { TLSSocket } from "node:tls";
import { systemClock, type TicketStore } from "@king-runtime/core";
import { makeCertificates, recorder, type TestClock, testClock } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { createTicketStore, type TicketStoreOptions } from "../../src/tls/ticket-store.ts";
import { tlsFacts } from "../../src/tls/tls-facts.ts";
import { type SecureOptions, secure, tlsServer } from "./client-harness.ts";

const { ca, leaf, wrongHost } = await makeCertificates();
const other = await makeCertificates("Another test authority");

/** A store that tells of every ticket it is given. */
function watchedStore(clock: TestClock) {
  const puts = recorder<{ origin: string; ticket: Uint8Array; expiresAt: number }>();
  const store = createTicketStore({ clock });
  const tickets: TicketStore = {
    put(origin, ticket, expiresAt) {
      store.put(origin, ticket, expiresAt);
      puts.record({ origin, ticket, expiresAt });
    },
    take: (origin) => store.take(origin),
  };
  return { tickets, puts };
}

/** A clock at rest that says what time it is. */
const clockOfNow = () => testClock({ startMs: Date.now() });

describe.each(["TLSv1.2", "TLSv1.3"] as const)("sessions of %s", (version) => {
  /** A server, and a client that has connected to it once and got its ticket. */
  async function once(first: SecureOptions = {}, certificate = leaf) {
    const server = await tlsServer({
      ...certificate,
      maxVersion: version,
      ALPNProtocols: ["h2", "http/1.1"],
    });
    const clock = clockOfNow();
    const { tickets, puts } = watchedStore(clock);
    const connect = async (options: SecureOptions = {}): Promise<TLSSocket> =>
      await secure(server.port, { tls: { ca }, clock, tickets, alpn: ["h2"], ...options });
    (await connectAndRead(connect, first)).destroy();
    await puts.take(version === "TLSv1.3" ? 2 : 1);
    return {
      server,
      clock,
      puts,
      connect,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }

  test("are resumed", async () => {
    await using place = await once();
    const socket = await place.connect();
    expect(tlsFacts(socket)).toMatchObject({ resumed: true, peerVerified: true, alpn: "h2" });
    socket.destroy();
  });

  test("are resumed on one connection after the other", async () => {
    await using place = await once();
    for (const connection of [2, 3]) {
      const socket = await place.connect();
      expect([connection, socket.isSessionReused()]).toEqual([connection, true]);
      socket.destroy();
    }
  });

  test("are not resumed where something else is trusted, shown or asked for", async () => {
    await using place = await once();
    const others: SecureOptions[] = [
      { alpn: ["http/1.1"] },
      { alpn: [] },
      { tls: { ca: [ca, other.ca] } },
      { tls: { ca, ...wrongHost } },
      { tls: { ca, serverName: "127.0.0.1" } },
      { host: "127.0.0.1" },
      { policy: { verifyPeer: false } },
      ...(version === "TLSv1.3" ? [{ policy: { minVersion: version } }] : []),
    ];
    for (const options of others) {
      const socket = await place.connect(options);
      expect([options, socket.isSessionReused()]).toEqual([options, false]);
      socket.destroy();
    }
  });

  test("are not resumed by who trusts others, whom the certificate would not convince", async () => {
    await using place = await once();
    await expect(place.connect({ tls: { ca: other.ca } })).rejects.toMatchObject({
      details: { reason: "unknown-authority" },
    });
  });

  test("of a server that nobody verified convince nobody who does", async () => {
    await using place = await once({ policy: { verifyPeer: false } }, wrongHost);
    await expect(place.connect()).rejects.toMatchObject({ details: { reason: "wrong-host" } });
  });

  test("of a server whose key is not pinned are not kept", async () => {
    const pins = ["sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="];
    await using place = await once();
    const before = place.puts.values.length;
    for (let round = 0; round < 2; round++) {
      await expect(place.connect({ tls: { ca, pins } })).rejects.toMatchObject({
        details: { reason: "not-pinned" },
      });
    }
    expect(place.puts.values.length).toBe(before);
  });

  test("are good for ticketLifetimeMs, however often they are resumed", async () => {
    const policy = { ticketLifetimeMs: 60_000 };
    await using place = await once({ policy });
    const expiresAt = place.clock.now() + 60_000;
    place.clock.advance(59_999);
    const socket = await connectAndRead(place.connect, { policy });
    expect(socket.isSessionReused()).toBe(true);
    socket.destroy();
    expect(new Set(place.puts.values.map((put) => put.expiresAt))).toEqual(new Set([expiresAt]));
    place.clock.advance(1);
    const late = await place.connect({ policy });
    expect(late.isSessionReused()).toBe(false);
    late.destroy();
  });

  test("are good for as long as the certificate at most", async () => {
    const policy = { ticketLifetimeMs: 604_800_000 };
    await using server = await tlsServer({ ...leaf, maxVersion: version });
    const clock = testClock({ startMs: Date.now() + 9 * 86_400_000 });
    const { tickets, puts } = watchedStore(clock);
    const socket = await secure(server.port, { tls: { ca }, policy, clock, tickets });
    const validTo = tlsFacts(socket).peerCertificate?.validTo;
    expect((await puts.take(1))[0]?.expiresAt).toBe(validTo);
    socket.destroy();
  });

  test.each([
    ["a bit of it is wrong", (ticket: Uint8Array) => flip(ticket, ticket.length - 9)],
    ["its time is longer than it was", (ticket: Uint8Array) => flip(ticket, 34)],
    ["it is cut short", (ticket: Uint8Array) => ticket.subarray(0, 60)],
    ["there is nothing left of it", () => new Uint8Array()],
    ["it is something else", () => new Uint8Array(500)],
  ])("lead to a full handshake when %s", async (_, damage) => {
    await using place = await once();
    const ticket = damage(Uint8Array.from(place.puts.values[0]?.ticket as Uint8Array));
    const tickets: TicketStore = { put: () => undefined, take: () => ticket };
    const socket = await place.connect({ tickets });
    expect(socket.isSessionReused()).toBe(false);
    socket.destroy();
  });

  test("lead to a full handshake when the store hands out those of others", async () => {
    await using place = await once();
    const ticket = place.puts.values[0]?.ticket;
    const tickets: TicketStore = { put: () => undefined, take: () => ticket };
    const socket = await place.connect({ tickets, host: "127.0.0.1" });
    expect(socket.isSessionReused()).toBe(false);
    socket.destroy();
  });
});

/** The server's tickets of TLS 1.3 come behind the handshake. */
async function connectAndRead(
  connect: (options: SecureOptions) => Promise<TLSSocket>,
  options: SecureOptions,
): Promise<TLSSocket> {
  const sessions = recorder<Buffer>();
  const socket = await connect(options);
  if (socket.getProtocol() === "TLSv1.3" && !socket.isSessionReused()) {
    socket.on("session", sessions.record);
    await sessions.take(2);
  }
  return socket;
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

describe("a store that fails", () => {
  const failing: [string, TicketStore][] = [
    [
      "at once",
      {
        put: () => {
          throw new Error("full");
        },
        take: () => {
          throw new Error("broken");
        },
      },
    ],
    [
      "later",
      {
        put: () => Promise.reject(new Error("full")),
        take: () => Promise.reject(new Error("broken")),
      },
    ],
  ];
  test.each(failing)("%s does not break connections", async (_, tickets) => {
    await using server = await tlsServer(leaf);
    const socket = await connectAndRead(
      (options) => secure(server.port, { tls: { ca }, tickets, ...options }),
      {},
    );
    expect(socket.authorized).toBe(true);
    socket.destroy();
  });

  test("to answer is waited for no longer than 100 ms", async () => {
    await using server = await tlsServer(leaf);
    const clock = clockOfNow();
    const asked = recorder<string>();
    const tickets: TicketStore = {
      put: () => undefined,
      take(origin) {
        asked.record(origin);
        return new Promise(() => undefined);
      },
    };
    const connected = secure(server.port, { tls: { ca }, tickets, clock });
    await asked.take(1);
    expect(clock.nextTimerMs).toBe(100);
    clock.advance(100);
    const socket = await connected;
    expect(socket.authorized).toBe(true);
    expect(clock.pendingTimers).toBe(0);
    socket.destroy();
  });

  test("that answers later is used", async () => {
    await using server = await tlsServer(leaf);
    const clock = clockOfNow();
    const { tickets, puts } = watchedStore(clock);
    const slow: TicketStore = {
      put: async (...all) => tickets.put(...all),
      take: async (origin) => tickets.take(origin),
    };
    const options: SecureOptions = { tls: { ca }, tickets: slow, clock };
    const first = await secure(server.port, options);
    await puts.take(2);
    first.destroy();
    const second = await secure(server.port, options);
    expect(second.isSessionReused()).toBe(true);
    second.destroy();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("a ticket store", () => {
  const ticket = (text: string) => Buffer.from(text);
  const textOf = (bytes: Uint8Array | undefined | Promise<unknown>) =>
    bytes === undefined ? undefined : Buffer.from(bytes as Uint8Array).toString();

  test("gives each ticket once, the newest first", () => {
    const clock = testClock();
    const store = createTicketStore({ clock });
    for (const each of ["a", "b"]) store.put("o", ticket(each), clock.now() + 1);
    expect([1, 2, 3].map(() => textOf(store.take("o")))).toEqual(["b", "a", undefined]);
  });

  test("gives no ticket to another origin", () => {
    const clock = testClock();
    const store = createTicketStore({ clock });
    store.put("o", ticket("a"), clock.now() + 1);
    expect(store.take("p")).toBeUndefined();
  });

  test("gives no ticket that has expired, and takes none", () => {
    const clock = testClock();
    const store = createTicketStore({ clock });
    store.put("o", ticket("a"), clock.now() + 20);
    store.put("o", ticket("b"), clock.now() + 10);
    store.put("o", ticket("c"), clock.now());
    clock.advance(10);
    expect(textOf(store.take("o"))).toBe("a");
    store.put("o", ticket("d"), clock.now() + 10);
    clock.advance(10);
    expect(store.take("o")).toBeUndefined();
  });

  test("keeps the four newest of an origin", () => {
    const clock = testClock();
    const store = createTicketStore({ clock });
    for (const each of "abcdef") store.put("o", ticket(each), clock.now() + 1);
    expect([1, 2, 3, 4, 5].map(() => textOf(store.take("o")))).toEqual([
      "f",
      "e",
      "d",
      "c",
      undefined,
    ]);
  });

  test("drops the oldest ticket of the origin that was not used for longest when it is full", () => {
    const clock = testClock();
    const store = createTicketStore({ clock, maxEntries: 3 });
    const put = (origin: string, text: string) => store.put(origin, ticket(text), clock.now() + 1);
    put("o", "o1");
    put("p", "p1");
    put("o", "o2");
    put("q", "q1");
    expect(store.take("p")).toBeUndefined();
    put("r", "r1");
    expect([1, 2].map(() => textOf(store.take("o")))).toEqual(["o2", undefined]);
    expect(textOf(store.take("q"))).toBe("q1");
    expect(textOf(store.take("r"))).toBe("r1");
  });

  test("counts what it gave out and what expired no longer", () => {
    const clock = testClock();
    const store = createTicketStore({ clock, maxEntries: 2 });
    const put = (origin: string) => store.put(origin, ticket(origin), clock.now() + 10);
    put("o");
    put("p");
    store.take("o");
    put("q");
    expect([textOf(store.take("p")), textOf(store.take("q"))]).toEqual(["p", "q"]);
  });

  test("takes no ticket of more than 16 KiB", () => {
    const clock = testClock();
    const store = createTicketStore({ clock });
    store.put("o", new Uint8Array(16_385), clock.now() + 1);
    expect(store.take("o")).toBeUndefined();
    store.put("o", new Uint8Array(16_384), clock.now() + 1);
    expect(store.take("o")).toHaveLength(16_384);
  });

  test.each([
    ["options", undefined],
    ["options", null],
    ["clock", {}],
    ["clock", { clock: "soon" }],
    ["maxEntrys", { clock: systemClock, maxEntrys: 5 }],
    ["maxEntries", { clock: systemClock, maxEntries: Symbol("many") }],
  ])("names %s, of options that it cannot take", (name, options) => {
    expect(() => createTicketStore(options as unknown as TicketStoreOptions)).toThrow(
      expect.objectContaining({
        code: "KING_OPTION_INVALID",
        message: expect.stringContaining(name),
      }),
    );
  });

  test("has copies of its own", () => {
    const clock = testClock();
    const store = createTicketStore({ clock });
    const bytes = ticket("a");
    store.put("o", bytes, clock.now() + 1);
    bytes.fill(0);
    expect(textOf(store.take("o"))).toBe("a");
  });

  test.each([0, 1.5, -1, Number.NaN, Number.POSITIVE_INFINITY])(
    "of %d tickets is refused",
    (maxEntries) => {
      expect(() => createTicketStore({ clock: testClock(), maxEntries })).toThrow(/^maxEntries: /);
    },
  );
});
