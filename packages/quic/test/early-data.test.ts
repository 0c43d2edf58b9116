import { createSocket } from "node:dgram";
import type { QuicSession, Stream } from "@king-runtime/core";
import { eventually, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { connectQuic, openCurrentSpaceEngine, openMatrixEngine } from "../src/index.ts";
import type { QuicEngineOptions } from "../src/limits.ts";
import { certificates, needEngines, tls } from "./engines.ts";
import { udpProxy } from "./udp-proxy.ts";

const secret = "one secret of all listeners here";

/** Gives out the newest ticket, wherever it is from. */
function ticketStore() {
  const kept: Uint8Array[] = [];
  return {
    kept,
    put: (_origin: string, ticket: Uint8Array) => void kept.push(ticket),
    take: () => kept.pop(),
  };
}

async function textOf(stream: Stream): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Answers each stream with the number of bytes that came on it. */
async function count(session: QuicSession): Promise<void> {
  for await (const stream of session.streams()) {
    void stream.end(Buffer.from(String((await textOf(stream)).length)));
  }
}

async function listen(
  options: QuicEngineOptions,
  certificate = certificates.leaf,
  serve: (session: QuicSession) => void = () => undefined,
) {
  const sessions: QuicSession[] = [];
  const engine = await openMatrixEngine(options);
  const listener = await engine.listen({
    local: { address: "127.0.0.1", port: 0 },
    tls: { alpn: tls.alpn, ...certificate },
    onSession(session) {
      sessions.push(session);
      serve(session);
    },
  });
  return {
    port: listener.local.port,
    accepted: (count: number) => eventually("a session", () => sessions[count - 1]),
    sessions,
    async [Symbol.asyncDispose]() {
      listener.abort();
      await listener.closed;
    },
  };
}

/** A listener behind a path that can keep what it sends, and a client that has a ticket of `first`. */
async function place(options: QuicEngineOptions = {}, first: QuicEngineOptions = options) {
  const own = { ticketSecret: secret, earlyData: true };
  const server = await listen({ ...own, ...options });
  const path = await udpProxy(server.port);
  const tickets = ticketStore();
  const engine = await openMatrixEngine({ handshakeTimeoutMs: 1_000 });
  const connect = (port = path.port, earlyData = true) =>
    engine.connect({ remote: { address: "127.0.0.1", port }, tls, tickets, earlyData });
  {
    await using issuer = await listen({ ...own, ...first });
    const session = await connect(issuer.port);
    expect(session.earlyData).toBeUndefined();
    await eventually("a ticket", () => tickets.kept.length > 0);
    session.abort();
    await session.closed;
  }
  return {
    ...server,
    path,
    tickets,
    connect,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await path[Symbol.asyncDispose]();
    },
  };
}

const firstStream = async (session: QuicSession) => {
  for await (const stream of session.streams()) return stream;
  throw new Error("no stream came");
};

describe("early data of matrix", () => {
  test("is served before the handshake is complete, and both sides can tell", async (context) => {
    await needEngines(context, "matrix");
    await using here = await place();
    here.path.hold();
    const client = await withDeadline(here.connect(), "a session that waits for nothing");
    expect(client.earlyData?.state).toBe("pending");
    const stream = await client.openStream();
    expect(client.earlyData?.includes(stream)).toBe(true);
    await stream.end(Buffer.from("early"));

    const server = await here.accepted(1);
    const served = await firstStream(server);
    expect(await textOf(served)).toBe("early");
    expect(server.earlyData?.state).toBe("pending");
    expect(server.earlyData?.includes(served)).toBe(true);
    await served.end(Buffer.from("answer"));

    here.path.letGo();
    expect(await textOf(stream)).toBe("answer");
    await Promise.all([client.earlyData?.handshake, server.earlyData?.handshake]);
    expect([client.earlyData?.state, server.earlyData?.state]).toEqual(["accepted", "accepted"]);
    expect(client.tls).toMatchObject({ resumed: true, alpn: "king", peerVerified: true });

    const later = await client.openStream();
    await later.end(Buffer.from("late"));
    const servedLater = await firstStream(server);
    expect(client.earlyData?.includes(later)).toBe(false);
    expect(server.earlyData?.includes(servedLater)).toBe(false);
    await servedLater.end();
    expect(await textOf(servedLater)).toBe("late");
    expect(await textOf(later)).toBe("");
    await client.close();
    expect(await server.closed).toMatchObject({ clean: true });
  });

  test("is off unless both sides ask for it", async (context) => {
    await needEngines(context, "matrix");
    await using here = await place();
    const session = await here.connect(here.path.port, false);
    expect(session.tls?.resumed).toBe(true);
    expect(session.earlyData).toBeUndefined();
    expect((await here.accepted(1)).earlyData).toBeUndefined();
    session.abort();
    await using off = await place({ earlyData: false });
    const plain = await off.connect();
    expect(plain.earlyData).toBeUndefined();
    expect((await off.accepted(1)).earlyData).toBeUndefined();
    plain.abort();
  });

  test("needs a ticket: without one the session comes with its handshake", async (context) => {
    await needEngines(context, "matrix");
    await using here = await place();
    here.tickets.kept.length = 0;
    const session = await here.connect();
    expect(session.earlyData).toBeUndefined();
    await here.accepted(1);
    session.abort();
  });

  test("needs a ticket that allows it: one of currentspace does not", async (context) => {
    await needEngines(context, "matrix", "currentspace");
    const listener = await (await openCurrentSpaceEngine()).listen({
      local: { address: "127.0.0.1", port: 0 },
      tls: { alpn: tls.alpn, ...certificates.leaf },
      onSession: () => undefined,
    });
    const tickets = ticketStore();
    const engine = await openMatrixEngine();
    const remote = { address: "127.0.0.1", port: listener.local.port };
    for (const resumed of [false, true]) {
      const session = await engine.connect({ remote, tls, tickets, earlyData: true });
      expect(session.tls?.resumed).toBe(resumed);
      expect(session.earlyData).toBeUndefined();
      await eventually("a ticket", () => tickets.kept.length > 0);
      session.abort();
      await session.closed;
    }
    listener.abort();
    await listener.closed;
  });

  test.for([
    ["of another secret", { ticketSecret: "another secret, as long as it has to be" }],
    ["that takes none", { earlyData: false }],
    ["that allows less than then", { maxStreams: 3 }],
  ] as const)("is sent again to a listener %s: once and whole", async ([, options], context) => {
    await needEngines(context, "matrix");
    const size = 100_000;
    await using here = await place(options, {});
    const client = await here.connect();
    expect(client.earlyData?.state).toBe("pending");
    const streams = await Promise.all([1, 2, 3].map(() => client.openStream()));
    const texts = ["a".repeat(size), "b", "c"];
    for (const [i, stream] of streams.entries()) {
      void stream.end(Buffer.from(texts[i] as string));
    }
    const server = await here.accepted(1);
    const got: string[] = [];
    for await (const stream of server.streams()) {
      expect(server.earlyData?.includes(stream) ?? false).toBe(false);
      got.push(await textOf(stream));
      await stream.end(Buffer.from("seen"));
      if (got.length === 3) break;
    }
    expect(got.sort()).toEqual(texts);
    for (const stream of streams) expect(await textOf(stream)).toBe("seen");
    expect(client.earlyData?.state).toBe("rejected");
    expect(client.tls?.resumed).toBe(false);
    await client.close();
    expect(await server.closed).toMatchObject({ clean: true });
  });

  test("is taken up to maxEarlyDataBytes; the rest comes after the handshake", async (context) => {
    await needEngines(context, "matrix");
    await using here = await place({ maxEarlyDataBytes: 3_000 });
    here.path.hold();
    const client = await here.connect();
    const stream = await client.openStream();
    const text = Array.from({ length: 5_000 }, (_, i) => String(i)).join(" ");
    const sent = stream.end(Buffer.from(text));
    const server = await here.accepted(1);
    const served = await firstStream(server);
    const incoming = served[Symbol.asyncIterator]();
    let got = Buffer.from((await incoming.next()).value as Uint8Array);
    const more = incoming.next();
    // All of the first flight has been through, and none of it after this.
    await eventually("the first flight", () => here.path.carried > 8);
    expect(got.length).toBeGreaterThan(1_000);
    expect(got.length).toBeLessThan(3_000);
    expect(server.earlyData?.state).toBe("pending");
    here.path.letGo();
    for (let next = await more; next.done !== true; next = await incoming.next()) {
      expect(server.earlyData?.state).toBe("accepted");
      got = Buffer.concat([got, next.value]);
    }
    expect(got.toString()).toBe(text);
    await sent;
    client.abort();
  });

  test("holds datagrams until the handshake is complete", async (context) => {
    await needEngines(context, "matrix");
    await using here = await place();
    here.path.hold();
    const client = await here.connect();
    const stream = await client.openStream();
    client.sendDatagram(Buffer.from("early"));
    await stream.end(Buffer.from("x"));
    const server = await here.accepted(1);
    expect(await textOf(await firstStream(server))).toBe("x");
    expect(server.stats().datagramsReceived).toBe(0);
    here.path.letGo();
    for await (const datagram of server.datagrams()) {
      expect(Buffer.from(datagram).toString()).toBe("early");
      expect(server.earlyData?.state).toBe("accepted");
      break;
    }
    client.abort();
  });

  test("arrives once and whole over a path that loses one in ten packets, taken or not", async (context) => {
    await needEngines(context, "matrix");
    await using issuer = await place({ maxEarlyDataBytes: 8_000 });
    const ticket = issuer.tickets.kept.at(-1) as Uint8Array;
    const serve = (session: QuicSession) => void count(session).catch(() => undefined);
    const early = { earlyData: true, maxEarlyDataBytes: 8_000 };
    const shared = { ...early, ticketSecret: secret };
    await using here = await listen(shared, certificates.leaf, serve);
    await using stranger = await listen(early, certificates.leaf, serve);
    const text = Array.from({ length: 4_000 }, (_, i) => String(i)).join(" ");
    const seeds = [1, 2, 3];
    const states = await Promise.all(
      [here, stranger].flatMap((server) =>
        seeds.map(async (seed) => {
          await using lossy = await udpProxy(server.port, { loss: 0.1, seed });
          const engine = await openMatrixEngine();
          const client = await engine.connect({
            remote: { address: "127.0.0.1", port: lossy.port },
            tls,
            tickets: { take: () => ticket, put: () => undefined },
            earlyData: true,
          });
          const stream = await client.openStream();
          void stream.end(Buffer.from(`${seed} ${text}`));
          expect(await textOf(stream)).toBe(String(text.length + 2));
          const state = client.earlyData?.state;
          client.abort();
          await client.closed;
          return state;
        }),
      ),
    );
    expect(states).toEqual([...seeds.map(() => "accepted"), ...seeds.map(() => "rejected")]);
  });

  test("ends with its session also when that is aborted here (KING_SESSION_CLOSED)", async (context) => {
    await needEngines(context, "matrix");
    await using here = await place();
    here.path.hold();
    const client = await here.connect();
    const stream = await client.openStream();
    await expect(client.migrate()).rejects.toMatchObject({ code: "KING_QUIC_MIGRATION" });
    client.abort(new Error("enough"));
    await expect(client.earlyData?.handshake).rejects.toMatchObject({
      code: "KING_SESSION_CLOSED",
    });
    expect(await stream.closed).toMatchObject({ clean: false, error: { message: "enough" } });
    expect(await client.closed).toMatchObject({ by: "local", clean: false });
  });

  test("goes out whole when its session is closed at once", async (context) => {
    await needEngines(context, "matrix");
    await using here = await place();
    const client = await here.connect();
    const stream = await client.openStream({ direction: "send" });
    await stream.end(Buffer.from("all"));
    const closing = client.close();
    const server = await here.accepted(1);
    expect(await textOf(await firstStream(server))).toBe("all");
    await closing;
    expect(await client.closed).toMatchObject({ by: "local", clean: true });
  });

  test("ends with its session where the server's certificate is not trusted (KING_QUIC_TLS)", async (context) => {
    await needEngines(context, "matrix");
    await using here = await place();
    await using other = await listen({}, certificates.wrongHost);
    const session = await here.connect(other.port);
    const stream = await session.openStream();
    const reading = textOf(stream);
    const failure = { code: "KING_QUIC_TLS" };
    await expect(session.earlyData?.handshake).rejects.toMatchObject(failure);
    await expect(reading).rejects.toMatchObject(failure);
    expect(await session.closed).toMatchObject({ clean: false, error: failure });
    expect(other.sessions).toEqual([]);
  });

  test("ends with its session where nobody answers (KING_QUIC_TIMEOUT, KING_QUIC_CONNECT)", async (context) => {
    await needEngines(context, "matrix");
    await using here = await place();
    const ticket = here.tickets.kept.at(-1) as Uint8Array;
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    const { port } = socket.address();
    const ends = async (code: string) => {
      const session = await here.connect(port);
      const stream = await session.openStream();
      const ended = { code };
      await expect(session.earlyData?.handshake).rejects.toMatchObject(ended);
      expect(await session.closed).toMatchObject({ by: "network", clean: false, error: ended });
      expect(stream.state).toBe("closed");
      await expect(session.openStream()).rejects.toMatchObject({ code: "KING_SESSION_CLOSED" });
    };
    await ends("KING_QUIC_TIMEOUT");
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    here.tickets.kept.push(ticket);
    await ends("KING_QUIC_CONNECT");
  });

  test("can be a copy: a stranger who recorded it has it served again, and never completes the handshake", async (context) => {
    await needEngines(context, "matrix");
    await using here = await place({ handshakeTimeoutMs: 300 });
    const recorded: Buffer[] = [];
    const tap = createSocket("udp4");
    await new Promise<void>((resolve) => tap.bind(0, "127.0.0.1", resolve));
    tap.on("message", (packet) => void recorded.push(packet));
    const client = await here.connect(tap.address().port);
    const stream = await client.openStream();
    await stream.end(Buffer.from("pay"));
    await eventually("the first flight", () => recorded.length > 1);
    for (const packet of recorded) tap.send(packet, here.port, "127.0.0.1");
    const server = await here.accepted(1);
    const served = await firstStream(server);
    expect(await textOf(served)).toBe("pay");
    expect(server.earlyData?.includes(served)).toBe(true);
    await expect(server.earlyData?.handshake).rejects.toMatchObject({ code: "KING_QUIC_TIMEOUT" });
    expect(await server.closed).toMatchObject({ clean: false });
    client.abort();
    await client.closed;
    tap.close();
  });
});

test("currentspace refuses early data (KING_QUIC_CAPABILITY)", async (context) => {
  await needEngines(context, "currentspace", "matrix");
  const remote = { address: "127.0.0.1", port: 9 };
  const refusal = { code: "KING_QUIC_CAPABILITY", details: { capability: "early-data" } };
  const engine = await openCurrentSpaceEngine();
  await expect(engine.connect({ remote, tls, earlyData: true })).rejects.toMatchObject(refusal);
  const named = connectQuic({ engine: "currentspace", remote, tls, earlyData: true });
  await expect(named).rejects.toMatchObject(refusal);
  // Of those that are installed one is taken that has it.
  await using server = await listen({});
  const session = await connectQuic({
    remote: { address: "127.0.0.1", port: server.port },
    tls,
    earlyData: true,
  });
  expect(session.capabilities.has("receive-backpressure")).toBe(true);
  await server.accepted(1);
  session.abort();
});
