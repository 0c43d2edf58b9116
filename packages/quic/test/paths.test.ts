import { createHash, randomBytes } from "node:crypto";
import type { QuicSession, Stream } from "@king-runtime/core";
import { withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { certificates, type EngineName, engineNames, engines, needEngines } from "./engines.ts";
import { type UdpProxyOptions, udpProxy } from "./udp-proxy.ts";

const { ca, leaf } = certificates;

/** A client and a server with a path between them; the server sends `bytes` on each stream it gets. */
async function place(
  client: EngineName,
  server: EngineName,
  bytes: Uint8Array,
  path: UdpProxyOptions = {},
) {
  const sessions: QuicSession[] = [];
  const serve = async (stream: Stream) => {
    for await (const _ of stream);
    for (let at = 0; at < bytes.length; at += 65_536) {
      await stream.write(bytes.subarray(at, at + 65_536));
    }
    await stream.end();
  };
  const listener = await (await engines[server].open()).listen({
    local: { address: "127.0.0.1", port: 0 },
    tls: { alpn: ["king"], ...leaf },
    async onSession(session) {
      sessions.push(session);
      for await (const stream of session.streams()) serve(stream).catch(() => undefined);
    },
  });
  const proxy = await udpProxy(listener.local.port, path);
  const engine = await engines[client].open({ idleTimeoutMs: 5_000 });
  const session = await engine.connect({
    remote: { address: "127.0.0.1", port: proxy.port },
    tls: { alpn: ["king"], ca, serverName: "localhost" },
  });
  return {
    session,
    sessions,
    proxy,
    /** Fetches everything, and tells of each chunk. */
    async fetch(onChunk: (received: number) => void = () => undefined) {
      const stream = await session.openStream();
      await stream.end(Buffer.from("?"));
      const hash = createHash("sha256");
      let received = 0;
      for await (const chunk of stream) {
        hash.update(chunk);
        received += chunk.length;
        onChunk(received);
      }
      return { received, sum: hash.digest("hex") };
    },
    async [Symbol.asyncDispose]() {
      session.abort();
      listener.abort();
      await Promise.all([session.closed, listener.closed]);
      await proxy[Symbol.asyncDispose]();
    },
  };
}

const bytes = randomBytes(4_000_000);
const sum = createHash("sha256").update(bytes).digest("hex");

describe.each(engineNames)("%s", (name) => {
  const peer = engineNames.find((each) => each !== name) as EngineName;

  describe.each([
    ["client", name, peer],
    ["server", peer, name],
  ] as const)("as %s", (_, client, server) => {
    test("goes on when a NAT forgets the client's port in the middle of a download", async (context) => {
      await needEngines(context, name, peer);
      await using there = await place(client, server, bytes);
      let isRebound = false;
      const fetched = await withDeadline(
        there.fetch((received) => {
          if (isRebound || received < bytes.length / 4) return;
          isRebound = true;
          there.proxy.rebind();
        }),
        "the download",
        { deadlineMs: 25_000 },
      );
      expect(isRebound).toBe(true);
      expect(fetched).toEqual({ received: bytes.length, sum });
      expect(there.session.state).toBe("open");
    });

    test("the client goes on from another port in the middle of a download, if its engine can", async (context) => {
      await needEngines(context, name, peer);
      await using there = await place(client, server, bytes);
      const { session } = there;
      const before = session.local?.port;
      if (client !== "matrix") {
        const lacking = { code: "KING_STREAM_UNSUPPORTED", details: { capability: "migration" } };
        await expect(session.migrate()).rejects.toMatchObject(lacking);
        return;
      }
      let migrating: Promise<void> | undefined;
      const fetched = await withDeadline(
        there.fetch((received) => {
          if (received > bytes.length / 4) migrating ??= session.migrate();
        }),
        "the download",
        { deadlineMs: 25_000 },
      );
      await migrating;
      expect(fetched).toEqual({ received: bytes.length, sum });
      expect(session.local?.port).not.toBe(before);
      // Nobody has given this one another connection id.
      await expect(session.migrate()).rejects.toMatchObject({ code: "KING_QUIC_MIGRATION" });
      expect((await there.fetch()).received).toBe(bytes.length);
      await expect(there.sessions[0]?.migrate()).rejects.toMatchObject({
        code: "KING_STREAM_UNSUPPORTED",
      });
    });

    test.each([0.01, 0.05])(
      "arrives whole over a path that loses %d of all packets",
      async (loss) => {
        await using there = await place(client, server, bytes, { loss, seed: 7 });
        const fetched = await withDeadline(there.fetch(), "the download", { deadlineMs: 25_000 });
        expect(fetched).toEqual({ received: bytes.length, sum });
        expect(there.proxy.lost).toBeGreaterThan(0);
        const { packetsLost } =
          (server === "matrix" ? there.sessions[0] : there.session)?.stats() ?? {};
        if (server === "matrix") expect(packetsLost).toBeGreaterThan(0);
      },
    );
  });
});

test("a session goes on from another port as often as its server has given it connection ids", async (context) => {
  await needEngines(context, "matrix");
  await using there = await place("matrix", "matrix", bytes.subarray(0, 1_000));
  await there.fetch();
  const ports = new Set([there.session.local?.port]);
  for (let i = 0; i < 4; i++) {
    await there.session.migrate();
    ports.add(there.session.local?.port);
    expect((await there.fetch()).received).toBe(1_000);
  }
  expect(ports.size).toBe(5);
  await expect(there.session.migrate()).rejects.toMatchObject({ code: "KING_QUIC_MIGRATION" });
  expect((await there.fetch()).received).toBe(1_000);
});

test("a session goes on from where it was when nothing comes back from the new port (KING_QUIC_MIGRATION)", async (context) => {
  await needEngines(context, "matrix");
  await using there = await place("matrix", "matrix", bytes);
  await there.fetch();
  const before = there.session.local?.port;
  there.proxy.closeToOthers();
  const [migrated, fetched] = await Promise.all([
    there.session.migrate().catch((error) => error),
    there.fetch(),
  ]);
  expect(migrated).toMatchObject({ code: "KING_QUIC_MIGRATION", retryable: true });
  expect(fetched).toEqual({ received: bytes.length, sum });
  expect(there.session.local?.port).toBe(before);
});
