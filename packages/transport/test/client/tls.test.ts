import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer as createRelay, type Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { systemClock } from "@king-runtime/core";
import { type CertifiedKey, makeCertificates } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { createHttpClient, createTicketStore, openHttpSession, request } from "../../src/index.ts";
import { asking, carriers, type Serve, startPeer } from "./carriers.ts";
import { certificates } from "./client-harness.ts";

const ok: Serve = (incoming, outgoing) => outgoing.end(incoming.httpVersion);

const pinOf = (cert: string) => {
  const key = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
  return `sha256/${createHash("sha256").update(key).digest("base64")}`;
};

const secure = carriers.filter(({ tls }) => tls);

describe.each(secure)("$name", (carrier) => {
  const { protocol } = carrier;

  test("trusts nobody but the authorities it is given", async () => {
    await using peer = await startPeer(ok, { protocol, tls: true });
    const other = await makeCertificates("Somebody else");
    await expect(
      (async () => {
        await using asks = await asking(carrier, peer, { tls: { ca: other.ca } });
        await asks.ask("/");
      })(),
    ).rejects.toMatchObject({ code: "KING_NET_TLS" });
  });

  test("takes a pinned key and no other", async () => {
    const { ca, leaf, wrongHost } = await certificates();
    await using peer = await startPeer(ok, { protocol, tls: true });
    await using right = await asking(carrier, peer, { tls: { ca, pins: [pinOf(leaf.cert)] } });
    expect((await right.ask("/")).status).toBe(200);
    await expect(
      (async () => {
        const tls = { ca, pins: [pinOf(wrongHost.cert)] };
        await using wrong = await asking(carrier, peer, { tls });
        await wrong.ask("/");
      })(),
    ).rejects.toMatchObject({ code: "KING_NET_TLS", details: { reason: "not-pinned" } });
  });

  test("shows its own certificate to a server that asks", async () => {
    const { ca, leaf } = await certificates();
    const serve: Serve = (incoming, outgoing) => {
      const socket = (incoming.socket ?? incoming) as TLSSocket;
      outgoing.end(`${socket.authorized} ${socket.getPeerCertificate().fingerprint256}`);
    };
    const settings = { ca, requestCert: true, rejectUnauthorized: false };
    await using peer = await startPeer(serve, { protocol, tls: true, settings });
    await using asks = await asking(carrier, peer, { tls: { ca, ...leaf } });
    // What it may be used for is not clients' business here: the same one is shown.
    const { fingerprint256 } = new X509Certificate(leaf.cert);
    expect(await (await asks.ask("/")).text()).toContain(fingerprint256);
  });
});

test.each(["h1", "h2"] as const)(
  "a server of %s that wants a certificate is left, with each connection to it",
  async (protocol) => {
    const { ca } = await certificates();
    const settings = { ca, requestCert: true, rejectUnauthorized: true };
    await using peer = await startPeer(ok, { protocol, tls: true, settings });
    const refused = { code: "KING_NET_TLS", details: { reason: "client-certificate" } };
    const connections = { tls: { ca }, protocols: [protocol] };
    await using client = createHttpClient({ ...connections, retry: true, maxSessionsPerOrigin: 1 });
    for (let i = 0; i < 3; i++) {
      await expect(client.request(peer.origin)).rejects.toMatchObject(refused);
    }
    expect(client.stats().retries).toBe(0);
    await expect.poll(() => client.stats().sessionsActive).toBe(0);
  },
);

test("a session over HTTP/2 whose TLS breaks ends", async () => {
  const { ca } = await certificates();
  await using peer = await startPeer(ok, { protocol: "h2", tls: true });
  let upstream: Socket | undefined;
  const relay = createRelay((socket) => {
    upstream = connect(peer.port, "127.0.0.1", () => socket.pipe(upstream as Socket));
    upstream.on("data", (chunk) => socket.write(chunk)).on("error", () => undefined);
    socket.on("error", () => undefined).on("close", () => upstream?.destroy());
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  const { port } = relay.address() as AddressInfo;
  const session = await openHttpSession(`https://127.0.0.1:${port}`, { tls: { ca } });
  expect(await (await (await session.request()).response).text()).toBe("2.0");
  // A record that nobody can have sealed.
  upstream?.emit("data", Buffer.from("1703030020".padEnd(74, "0"), "hex"));
  expect(await session.closed).toMatchObject({ by: "network", clean: false });
  await expect(session.request()).rejects.toMatchObject({ code: "KING_SESSION_CLOSED" });
  await new Promise<void>((resolve) => relay.close(() => resolve()));
});

describe("protocols", () => {
  const both = { protocol: "h2", tls: true, settings: { allowHTTP1: true } } as const;

  test("are settled by ALPN, HTTP/2 first, and pinned by the caller", async () => {
    const { ca } = await certificates();
    await using peer = await startPeer(ok, both);
    for (const [protocols, version] of [
      [undefined, "2.0"],
      [["h2", "h1"], "2.0"],
      [["h1"], "1.1"],
      [["h2"], "2.0"],
    ] as const) {
      const options = { tls: { ca }, ...(protocols && { protocols }) };
      expect(await (await request(peer.origin, options)).text()).toBe(version);
      await using client = createHttpClient(options);
      expect(await (await client.request(peer.origin)).text()).toBe(version);
    }
  });

  test("that the server lacks are told of (KING_HTTP_PROTOCOL_UNAVAILABLE)", async () => {
    const { ca, leaf } = await certificates();
    // Without a word about protocols.
    await using silent = await silentServer(leaf);
    const unavailable = {
      code: "KING_HTTP_PROTOCOL_UNAVAILABLE",
      category: "unsupported",
      details: { wanted: ["h2"], got: "no choice" },
    };
    const options = { tls: { ca }, protocols: ["h2"] } as const;
    await expect(request(silent.origin, options)).rejects.toMatchObject(unavailable);
    await using client = createHttpClient(options);
    await expect(client.request(silent.origin)).rejects.toMatchObject(unavailable);
    await expect(openHttpSession(silent.origin, options)).rejects.toMatchObject(unavailable);
  });

  test("are HTTP/1.1 where the server knows no other", async () => {
    const { ca } = await certificates();
    await using peer = await startPeer(ok, { tls: true });
    expect(await (await request(peer.origin, { tls: { ca } })).text()).toBe("1.1");
    const refused = request(peer.origin, { tls: { ca }, protocols: ["h2"] });
    await expect(refused).rejects.toMatchObject({ code: "KING_NET_TLS" });
  });
});

/** A server of TLS that settles no protocol. */
async function silentServer(leaf: CertifiedKey) {
  const server = createServer(leaf, (socket) => socket.on("error", () => undefined).resume());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

test("tickets have the connections of a client resumed", async () => {
  const { ca } = await certificates();
  await using peer = await startPeer(ok, { tls: true });
  const tickets = createTicketStore({ clock: systemClock });
  const resumed: (boolean | undefined)[] = [];
  for (let i = 0; i < 2; i++) {
    const response = await request(peer.origin, { tls: { ca }, tickets });
    resumed.push(response.session.tls?.resumed);
    await response.text();
  }
  expect(resumed).toEqual([false, true]);
});
