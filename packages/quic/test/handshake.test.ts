import { X509Certificate } from "node:crypto";
import type { QuicTls, StreamSession, TicketStore } from "@king-runtime/core";
import { eventually } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { certificates, type EngineName, engineNames, engines, needEngines } from "./engines.ts";

const { ca, leaf } = certificates;
const toServer = { alpn: ["king"], ca, serverName: "localhost" };

/** A server of one engine, and a way to it for a client of the other. */
async function place(name: EngineName, peer: EngineName, own: Partial<QuicTls> = {}, limits = {}) {
  const sessions: StreamSession[] = [];
  const listener = await (await engines[peer].open(limits)).listen({
    local: { address: "127.0.0.1", port: 0 },
    tls: { alpn: ["king"], ...leaf, ...own },
    onSession: (session) => sessions.push(session),
  });
  const engine = await engines[name].open(limits);
  const remote = { address: "127.0.0.1", port: listener.local.port };
  return {
    sessions,
    connect: (tls: QuicTls = toServer, tickets?: TicketStore) =>
      engine.connect({ remote, tls, ...(tickets === undefined ? {} : { tickets }) }),
    async accepted(count = 1) {
      return eventually("a session at the server", () => sessions[count - 1]);
    },
    async [Symbol.asyncDispose]() {
      listener.abort();
      await listener.closed;
    },
  };
}

/** Keeps every ticket, and tells by which name it was asked for. */
function ticketStore() {
  const kept = new Map<string, Uint8Array[]>();
  const taken: (Uint8Array | undefined)[] = [];
  return {
    kept,
    taken,
    put(origin: string, ticket: Uint8Array) {
      kept.set(origin, [...(kept.get(origin) ?? []), ticket]);
    },
    take(origin: string) {
      const ticket = kept.get(origin)?.pop();
      taken.push(ticket);
      return ticket;
    },
  };
}

/** Ends a session when something went both ways on it: tickets come after the handshake. */
async function use(session: StreamSession, other: StreamSession): Promise<void> {
  const stream = await session.openStream();
  await stream.end(Buffer.from("x"));
  for await (const incoming of other.streams()) {
    for await (const _ of incoming);
    await incoming.end(Buffer.from("y"));
    break;
  }
  for await (const _ of stream);
}

describe.each(engineNames)("%s", (name) => {
  const peer = engineNames.find((each) => each !== name) as EngineName;

  describe.each([
    ["client", name, peer],
    ["server", peer, name],
  ] as const)("as %s", (_, asClient, asServer) => {
    test("says what the handshake settled", async (context) => {
      await needEngines(context, name, peer);
      await using server = await place(asClient, asServer);
      const session = await server.connect();
      const other = await server.accepted();
      const settled = { version: "TLSv1.3", alpn: "king" };
      expect(session.tls).toMatchObject({
        ...settled,
        serverName: "localhost",
        peerVerified: true,
      });
      expect(other.tls).toMatchObject({ ...settled, peerVerified: false });
      expect(other.tls?.peerCertificate).toBe(undefined);
      if (asClient === "matrix") {
        expect(session.tls?.peerCertificate?.subjectAltName).toContain("localhost");
        expect(session.tls?.resumed).toBe(false);
      }
      session.abort();
    });

    test("clients show a certificate where the server wants one, and are known by it", async (context) => {
      await needEngines(context, name, peer);
      await using server = await place(asClient, asServer, { ca });
      const session = await server.connect({ ...toServer, ...leaf });
      const other = await server.accepted();
      expect(other.tls).toMatchObject({
        peerVerified: true,
        peerCertificate: { fingerprint256: new X509Certificate(leaf.cert).fingerprint256 },
      });
      await use(session, other);
      session.abort();
    });

    test("clients without a certificate, or with another authority's, are not let in", async (context) => {
      await needEngines(context, name, peer);
      await using server = await place(asClient, asServer, { ca });
      for (const own of [{}, certificates.selfSigned]) {
        const refused = await (async () => {
          // A client may take the handshake for complete before the server has looked (RFC 8446, section 4.4).
          const session = await server.connect({ ...toServer, ...own });
          return (await session.closed).error;
        })().catch((error) => error);
        expect(refused).toMatchObject({ code: "KING_QUIC_TLS" });
      }
      expect(server.sessions).toEqual([]);
    });

    test("a ticket resumes a session, once, and for the same settings alone", async (context) => {
      await needEngines(context, name, peer);
      await using server = await place(asClient, asServer);
      const store = ticketStore();
      const first = await server.connect(toServer, store);
      await use(first, await server.accepted(1));
      await eventually("a ticket", () => store.kept.size > 0);
      first.abort();
      await first.closed;
      const second = await server.connect(toServer, store);
      expect(store.taken).toEqual([undefined, expect.any(Uint8Array)]);
      const other = await server.accepted(2);
      // The one of the two that tells.
      expect((asClient === "matrix" ? second : other).tls?.resumed).toBe(true);
      await use(second, other);
      second.abort();
      const third = await server.connect({ ...toServer, alpn: ["king", "other"] }, store);
      expect(store.taken.at(-1)).toBe(undefined);
      third.abort();
    });

    test("a ticket that is none leads to a full handshake", async (context) => {
      await needEngines(context, name, peer);
      await using server = await place(asClient, asServer);
      const store = { put: () => undefined, take: () => Buffer.from("no ticket at all") };
      const session = await server.connect(toServer, store);
      await use(session, await server.accepted());
      expect(session.tls?.resumed ?? false).toBe(false);
      session.abort();
    });
  });

  test("keeps a session that is silent alive when told to, and not else", async (context) => {
    await needEngines(context, name, peer);
    const short = { idleTimeoutMs: 200 };
    await using server = await place(name, peer, {}, short);
    const kept = await (await engines[name].open({ ...short, keepAliveIntervalMs: 40 })).connect({
      remote: (await server.connect()).remote as { address: string; port: number },
      tls: toServer,
    });
    const [silent, busy] = [await server.accepted(1), await server.accepted(2)];
    expect((await silent.closed).error).toMatchObject({ code: "KING_QUIC_IDLE" });
    await eventually("three more pings", () => (busy.stats().packetsReceived as number) > 8);
    expect([kept.state, busy.state]).toEqual(["open", "open"]);
    kept.abort();
  });

  test("counts packets, the round trip and the congestion window", async (context) => {
    await needEngines(context, name, peer);
    await using server = await place(name, peer);
    const session = await server.connect();
    await use(session, await server.accepted());
    const stats = session.stats();
    for (const known of ["packetsSent", "packetsReceived", "congestionWindowBytes"] as const) {
      expect(stats[known]).toBeGreaterThan(0);
    }
    expect(stats.packetsLost).toBe(name === "matrix" ? 0 : undefined);
    session.abort();
  });
});
