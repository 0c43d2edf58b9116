import { once } from "node:events";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { defineConfig } from "@king-runtime/core";
import { makeCertificates, testClock, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import {
  httpSection,
  type ListenHttpOptions,
  listenHttp,
  request,
  tlsSection,
} from "../../src/index.ts";

const { ca, leaf, wrongHost, expired } = await makeCertificates();
const other = await makeCertificates("Another test authority");
const echoTls: ListenHttpOptions["handler"] = (exchange) =>
  exchange.respond(200, {}, JSON.stringify(exchange.session.tls));

async function tlsClient(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ca, ...options });
  await withDeadline(once(socket, "secureConnect"), "a TLS connection");
  return socket;
}

const nameOf = (socket: TLSSocket) => socket.getPeerX509Certificate()?.subject;

async function get(socket: TLSSocket): Promise<string> {
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  let text = "";
  while (!/\r\n\r\n.*\}$/s.test(text)) text += (await once(socket, "data"))[0];
  return text;
}

describe("certificates by name", () => {
  const serverNames = { "wrong.example": wrongHost, "*.Wild.example": wrongHost };
  test.each([
    ["wrong.example", "CN=wrong.example"],
    ["WRONG.example", "CN=wrong.example"],
    ["a.wild.example", "CN=wrong.example"],
    ["a.b.wild.example", "CN=localhost"],
    ["wild.example", "CN=localhost"],
    ["elsewhere.example", "CN=localhost"],
    ["", "CN=localhost"],
  ])("to a client that asks for %j: %s", async (servername, expected) => {
    await using listener = await listenHttp({ handler: echoTls, tls: { ...leaf, serverNames } });
    const { port } = listener.local;
    const socket = await tlsClient(port, { servername, checkServerIdentity: () => undefined });
    expect(nameOf(socket)).toBe(expected);
    socket.destroy();
  });
});

describe("clients' certificates", () => {
  const required = { ...leaf, clientCertificates: "require", clientCa: ca } as const;

  test("are facts of the session, once they are verified", async () => {
    await using listener = await listenHttp({ handler: echoTls, tls: required });
    const socket = await tlsClient(listener.local.port, wrongHost);
    const text = await get(socket);
    expect(JSON.parse(text.slice(text.indexOf("{")))).toMatchObject({
      peerVerified: true,
      peerCertificate: {
        subject: "CN=wrong.example",
        issuer: "CN=King test authority",
        subjectAltName: "DNS:wrong.example",
        fingerprint256: expect.stringMatching(/^([\dA-F]{2}:){31}[\dA-F]{2}$/),
        serialNumber: expect.stringMatching(/^[\dA-F]+$/),
        validFrom: expect.any(Number),
        validTo: expect.any(Number),
      },
    });
    socket.destroy();
  });

  test.each([
    ["none", {}],
    ["of an unknown authority", other.leaf],
    ["out of date", expired],
  ])("are asked for: with %s nothing is served", async (_, certificate) => {
    let served = 0;
    await using listener = await listenHttp({ handler: () => void served++, tls: required });
    // With TLS 1.3 the client learns of it when it has sent its own part.
    const socket = connect({
      port: listener.local.port,
      host: "127.0.0.1",
      servername: "localhost",
      ca,
      ...certificate,
    });
    socket.on("error", () => undefined);
    socket.on("secureConnect", () => socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await withDeadline(closed, "the end of the connection");
    expect(served).toBe(0);
  });

  test("may be optional: then who has none is served, unverified, and without facts", async () => {
    const tls = { ...leaf, clientCertificates: "request", clientCa: ca } as const;
    await using listener = await listenHttp({ handler: echoTls, tls });
    for (const certificate of [{}, other.leaf]) {
      const socket = await tlsClient(listener.local.port, certificate);
      const text = await get(socket);
      expect(text).toContain('"peerVerified":false');
      expect(text).not.toContain("peerCertificate");
      socket.destroy();
    }
  });
});

describe("reloading certificates", () => {
  test("new connections get the new one; those that are open go on with the old", async () => {
    await using listener = await listenHttp({ handler: echoTls, tls: leaf });
    const { port } = listener.local;
    const before = await tlsClient(port);
    await get(before);
    listener.reloadTls({ ...wrongHost, serverNames: { "more.example": leaf } });
    const after = await tlsClient(port, { checkServerIdentity: () => undefined });
    expect([nameOf(before), nameOf(after)]).toEqual(["CN=localhost", "CN=wrong.example"]);
    const more = await tlsClient(port, {
      servername: "more.example",
      checkServerIdentity: () => undefined,
    });
    expect(nameOf(more)).toBe("CN=localhost");
    expect(await get(before)).toMatch(/^HTTP\/1.1 200/);
    for (const socket of [before, after, more]) socket.destroy();
  });

  test.each([
    ["a key of another certificate", { cert: leaf.cert, key: wrongHost.key }, /tls\.key/],
    ["no certificate", { cert: "nonsense", key: leaf.key }, /tls\.cert/],
    ["no key", { cert: leaf.cert, key: "nonsense" }, /tls\.key/],
    ["certificate and key exchanged", { cert: leaf.key, key: leaf.cert }, /tls\.cert/],
    [
      "a wrong key for a name",
      { ...leaf, serverNames: { "a.example": { cert: leaf.cert, key: wrongHost.key } } },
      /serverNames\["a\.example"\]\.key/,
    ],
  ])("%s is refused by name, and nothing changes", async (_, tls, message) => {
    await using listener = await listenHttp({ handler: echoTls, tls: leaf });
    const refusal = expect.objectContaining({
      code: "KING_HTTP_TLS",
      message: expect.stringMatching(message),
    });
    expect(() => listener.reloadTls(tls)).toThrow(refusal);
    await expect(listenHttp({ handler: echoTls, tls })).rejects.toEqual(refusal);
    const socket = await tlsClient(listener.local.port);
    expect(nameOf(socket)).toBe("CN=localhost");
    socket.destroy();
  });

  test("an error says nothing of the key", async () => {
    const key = leaf.key.replace(/\n[A-Za-z\d+/]{20}/, "\nSECRETSECRETSECRETSE");
    const error: Error = await listenHttp({ handler: echoTls, tls: { ...leaf, key } }).then(
      () => new Error("it was taken"),
      (reason) => reason,
    );
    expect(`${error.stack} ${JSON.stringify(error)} ${error.cause}`).not.toContain("SECRETSE");
    expect(error).toMatchObject({ code: "KING_HTTP_TLS" });
  });

  test("cannot change whether clients are asked, and needs a listener with TLS", async () => {
    await using listener = await listenHttp({ handler: echoTls, tls: leaf });
    const required = { ...leaf, clientCertificates: "require", clientCa: ca } as const;
    expect(() => listener.reloadTls(required)).toThrow(/clientCertificates/);
    await using clear = await listenHttp({ handler: echoTls });
    expect(() => clear.reloadTls(leaf)).toThrow(expect.objectContaining({ code: "KING_HTTP_TLS" }));
  });
});

describe("session tickets", () => {
  const secret = "a secret of more than thirty-two characters";
  const listen = async (ticketSecret: string | undefined, clock = testClock()) => {
    const listener = await listenHttp({
      handler: echoTls,
      tls: leaf,
      clock,
      config: defineConfig({
        sections: [httpSection, tlsSection],
        operator: { tls: { ...(ticketSecret === undefined ? {} : { ticketSecret }) } },
      }),
    });
    // Its clock stands still: a graceful end would wait for it.
    return {
      local: listener.local,
      reloadTls: (tls: typeof leaf) => listener.reloadTls(tls),
      [Symbol.dispose]: () => listener.abort(),
    };
  };
  const ticketOf = async (port: number) => {
    const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ca });
    const session = once(socket, "session");
    await get(socket);
    const [ticket] = (await withDeadline(session, "a ticket")) as [Buffer];
    socket.destroy();
    return ticket;
  };
  const resumes = async (port: number, session: Buffer) => {
    const socket = await tlsClient(port, { session });
    const isResumed = socket.isSessionReused();
    expect(await get(socket)).toContain(`"resumed":${isResumed}`);
    socket.destroy();
    return isResumed;
  };

  test("are good for all listeners that share the secret, and for no others", async () => {
    using one = await listen(secret);
    using two = await listen(secret);
    using stranger = await listen(`another ${secret}`);
    using alone = await listen(undefined);
    const ticket = await ticketOf(one.local.port);
    expect(await resumes(one.local.port, ticket)).toBe(true);
    expect(await resumes(two.local.port, ticket)).toBe(true);
    expect(await resumes(stranger.local.port, ticket)).toBe(false);
    expect(await resumes(alone.local.port, ticket)).toBe(false);
    const own = await ticketOf(alone.local.port);
    expect(await resumes(alone.local.port, own)).toBe(true);
  });

  test("survive a reload, and end with the period of their key, at once in all processes", async () => {
    const clock = testClock();
    using one = await listen(secret, clock);
    const before = await ticketOf(one.local.port);
    one.reloadTls(leaf);
    expect(await resumes(one.local.port, before)).toBe(true);
    clock.advance(3_600_000);
    expect(await resumes(one.local.port, before)).toBe(false);
    const after = await ticketOf(one.local.port);
    expect(await resumes(one.local.port, after)).toBe(true);
    const late = testClock({ startMs: clock.now() + 60_000 });
    using two = await listen(secret, late);
    expect(await resumes(two.local.port, after)).toBe(true);
  });

  test("do not carry a client from where others verify to where we do", async () => {
    const config = defineConfig({
      sections: [httpSection, tlsSection],
      operator: { tls: { ticketSecret: secret } },
    });
    const verified = async (socket: TLSSocket) => {
      const text = await get(socket);
      socket.destroy();
      return text.includes('"peerVerified":true');
    };
    const theirs = { ...leaf, clientCertificates: "request", clientCa: other.ca } as const;
    const ours = { ...leaf, clientCertificates: "request", clientCa: ca } as const;
    await using elsewhere = await listenHttp({ handler: echoTls, tls: theirs, config });
    await using here = await listenHttp({ handler: echoTls, tls: ours, config });
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const client = { maxVersion, ...other.leaf };
      const first = connect({
        port: elsewhere.local.port,
        host: "127.0.0.1",
        servername: "localhost",
        ca,
        ...client,
      });
      const session = once(first, "session");
      expect(await verified(first)).toBe(true);
      const [ticket] = await withDeadline(session, "a ticket");
      const resumed = await tlsClient(here.local.port, { ...client, session: ticket });
      expect(resumed.isSessionReused()).toBe(false);
      expect(await verified(resumed)).toBe(false);
      // The same after a reload that trusts others.
      here.reloadTls(theirs);
      expect(await verified(await tlsClient(here.local.port, client))).toBe(true);
      here.reloadTls(ours);
    }
  });

  test("want a secret that is long enough", async () => {
    await expect(listen("short")).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      details: { option: "tls.ticketSecret" },
    });
  });
});

test.each([
  ["tls", "text"],
  ["tls", { cert: leaf.cert }],
  ["tls.certs", { ...leaf, certs: 1 }],
  ["tls.clientCertificates", { ...leaf, clientCertificates: "always" }],
  ["tls.clientCa", { ...leaf, clientCertificates: "require" }],
  ["tls.clientCa", { ...leaf, clientCa: ca }],
  ["tls.clientCa", { ...leaf, clientCertificates: "require", clientCa: "" }],
  ["tls.clientCa", { ...leaf, clientCertificates: "require", clientCa: [] }],
  ["tls.clientCa", { ...leaf, clientCertificates: "require", clientCa: [ca, "garbage"] }],
  ["tls.serverNames", { ...leaf, serverNames: [leaf] }],
  ['tls.serverNames["a b"]', { ...leaf, serverNames: { "a b": leaf } }],
  ['tls.serverNames["*.*.a"]', { ...leaf, serverNames: { "*.*.a": leaf } }],
  ['tls.serverNames["a"]', { ...leaf, serverNames: { a: { cert: leaf.cert } } }],
  ["tls.serverNames", { ...leaf, serverNames: 7 }],
])("a wrong %s is refused by name", async (option, tls) => {
  await expect(listenHttp({ handler: echoTls, tls: tls as never })).rejects.toMatchObject({
    code: "KING_OPTION_INVALID",
    details: { option },
  });
});

test("older protocols and ciphers that the operator does not take are refused", async () => {
  const config = defineConfig({
    sections: [httpSection, tlsSection],
    operator: { tls: { minVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" } },
  });
  await using listener = await listenHttp({ handler: echoTls, tls: leaf, config });
  const { port } = listener.local;
  const weak = { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" } as const;
  await expect(tlsClient(port, weak)).rejects.toThrow();
  await expect(
    tlsClient(port, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
  ).rejects.toThrow();
  const strong = await tlsClient(port, { ...weak, ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" });
  expect(strong.getCipher().name).toBe("ECDHE-ECDSA-AES256-GCM-SHA384");
  strong.destroy();
  const response = await request(`https://localhost:${port}/`, { tls: { ca } });
  expect(response.status).toBe(200);
});

test.each([
  ["the certificate of the listener", "localhost"],
  ["one by name", "wrong.example"],
])("clients cannot renegotiate: %s", async (_, servername) => {
  await using listener = await listenHttp({
    handler: echoTls,
    tls: { ...leaf, serverNames: { "wrong.example": wrongHost } },
  });
  const socket = await tlsClient(listener.local.port, { maxVersion: "TLSv1.2", servername });
  const failed = withDeadline(once(socket, "error"), "a refusal").catch((error) => [error]);
  const renegotiated = new Promise((resolve) => socket.renegotiate({}, resolve));
  const [error] = await Promise.race([failed, renegotiated.then((outcome) => [outcome])]);
  expect(error).toMatchObject({ code: "ERR_SSL_NO_RENEGOTIATION" });
  socket.destroy();
});
