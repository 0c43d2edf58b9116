import { createHash, X509Certificate } from "node:crypto";
import { getEventListeners, once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { systemClock } from "@king-runtime/core";
import { makeCertificates, testClock, watchResources, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { tlsFailureOf } from "../../src/tls/client-failure.ts";
import { ClientTls, type ClientTlsOptions } from "../../src/tls/client-tls.ts";
import { tlsFacts } from "../../src/tls/tls-facts.ts";
import { connectTcp, secure, tlsPolicy, tlsServer } from "./client-harness.ts";

const certificates = await makeCertificates();
const { ca, leaf, wrongHost, expired, notYetValid, selfSigned } = certificates;
const other = await makeCertificates("Another test authority");

const pinOf = (pem: string) => {
  const spki = new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" });
  return `sha256/${createHash("sha256").update(spki).digest("base64")}`;
};

/** A server that does with each connection as it is told, and speaks no TLS. */
async function tcpServer(handle: (socket: Socket) => void) {
  const server = createServer((socket) => handle(socket.on("error", () => undefined)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

describe("a handshake", () => {
  test("verifies the server, and settles what was asked for", async () => {
    await using server = await tlsServer({ ...leaf, ALPNProtocols: ["http/1.1", "h2"] });
    const accepted = server.nextConnection();
    const socket = await secure(server.port, { tls: { ca }, alpn: ["h2", "http/1.1"] });
    expect(tlsFacts(socket)).toMatchObject({
      version: "TLSv1.3",
      alpn: "http/1.1",
      serverName: "localhost",
      peerVerified: true,
      resumed: false,
      peerCertificate: { subject: "CN=localhost" },
    });
    expect((await accepted).servername).toBe("localhost");
    socket.destroy();
  });

  test.each(["127.0.0.1", "::1"])(
    "with %s asks for no name, and verifies the address",
    async (host) => {
      await using server = await tlsServer(leaf);
      const accepted = server.nextConnection();
      const socket = await secure(server.port, { tls: { ca }, host });
      expect(socket.authorized).toBe(true);
      expect((await accepted).servername).toBe(false);
      socket.destroy();
    },
  );

  test("asks for and verifies serverName where that is given", async () => {
    await using server = await tlsServer(wrongHost);
    const accepted = server.nextConnection();
    const socket = await secure(server.port, { tls: { ca, serverName: "wrong.example" } });
    expect((await accepted).servername).toBe("wrong.example");
    socket.destroy();
  });

  test("asks for a name in ASCII", async () => {
    const asked: string[] = [];
    await using server = await tlsServer({
      ...leaf,
      SNICallback(name, done) {
        asked.push(name);
        done(null);
      },
    });
    const tls = { ca, serverName: "Bücher.example" };
    await expect(secure(server.port, { tls })).rejects.toMatchObject({
      details: { reason: "wrong-host" },
    });
    expect(asked).toEqual(["xn--bcher-kva.example"]);
  });

  test("asks for a name without the dot at its end", async () => {
    await using server = await tlsServer(leaf);
    const accepted = server.nextConnection();
    const socket = await secure(server.port, { tls: { ca }, host: "localhost." });
    expect((await accepted).servername).toBe("localhost");
    socket.destroy();
  });

  test("leaves it to the caller when the server selects no application protocol", async () => {
    await using server = await tlsServer(leaf);
    const socket = await secure(server.port, { tls: { ca }, alpn: ["h2"] });
    expect(socket.alpnProtocol).toBe(false);
    socket.destroy();
  });

  test("is done once: a server of TLS 1.2 that wants another one is refused", async () => {
    await using server = await tlsServer({ ...leaf, maxVersion: "TLSv1.2" });
    const accepted = server.nextConnection();
    const socket = await secure(server.port, { tls: { ca } });
    const peer = await accepted;
    const refused = once(peer, "error").catch((error) => [error]);
    peer.renegotiate({}, () => undefined);
    const [error] = await withDeadline(refused, "a refusal");
    expect(error.code).toBe("ERR_SSL_NO_RENEGOTIATION");
    socket.destroy();
  });

  test("takes authorities as bytes, and several of them", async () => {
    await using server = await tlsServer(leaf);
    const lists = [Buffer.from(ca), [other.ca, ca], `${other.ca}\n${ca}`];
    for (const each of lists) (await secure(server.port, { tls: { ca: each } })).destroy();
  });

  test("trusts anybody only when an operator has switched verifying off", async () => {
    await using server = await tlsServer(other.wrongHost);
    const socket = await secure(server.port, { policy: { verifyPeer: false } });
    expect(tlsFacts(socket).peerVerified).toBe(false);
    socket.destroy();
  });

  test("leaves nothing behind", async () => {
    const resources = watchResources();
    {
      await using server = await tlsServer(leaf);
      const { signal } = new AbortController();
      const socket = await secure(server.port, { tls: { ca }, signal });
      expect(getEventListeners(signal, "abort")).toEqual([]);
      expect(socket.listenerCount("secureConnect")).toBe(0);
      expect(socket.listenerCount("session")).toBe(0);
      socket.destroy();
      await expect(secure(server.port)).rejects.toThrow();
    }
    await resources.settled();
  });
});

describe("a handshake fails, and says why, with a certificate that is", () => {
  test.each([
    ["for other names", wrongHost, "wrong-host", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["out of date", expired, "expired", "CERT_HAS_EXPIRED"],
    ["not valid yet", notYetValid, "not-yet-valid", "CERT_NOT_YET_VALID"],
    ["issued by others", other.leaf, "unknown-authority", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    [
      "issued by others who are shown along",
      { ...other.leaf, cert: `${other.leaf.cert}\n${other.ca}` },
      "unknown-authority",
      "SELF_SIGNED_CERT_IN_CHAIN",
    ],
    ["self-signed", selfSigned, "self-signed", "DEPTH_ZERO_SELF_SIGNED_CERT"],
  ])("%s", async (_, certificate, reason, code) => {
    await using server = await tlsServer(certificate);
    await expect(secure(server.port, { tls: { ca } })).rejects.toMatchObject({
      code: "KING_NET_TLS",
      details: { host: "localhost", reason },
      cause: { code },
    });
  });

  test("for another address", async () => {
    await using server = await tlsServer(leaf);
    await expect(secure(server.port, { tls: { ca }, host: "127.0.0.2" })).rejects.toMatchObject({
      details: { reason: "wrong-host" },
    });
  });

  test("fine, but not for serverName", async () => {
    await using server = await tlsServer(leaf);
    const tls = { ca, serverName: "wrong.example" };
    await expect(secure(server.port, { tls })).rejects.toMatchObject({
      details: { host: "localhost", reason: "wrong-host" },
    });
  });
});

describe("a handshake fails, and says why, with a server that", () => {
  test.each(["TLSv1.1", "TLSv1.2"] as const)("speaks nothing newer than %s", async (version) => {
    await using server = await tlsServer({
      ...leaf,
      minVersion: "TLSv1",
      maxVersion: version,
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    const minVersion = version === "TLSv1.1" ? "TLSv1.2" : "TLSv1.3";
    await expect(
      secure(server.port, { tls: { ca }, policy: { minVersion } }),
    ).rejects.toMatchObject({ code: "KING_NET_TLS", details: { reason: "protocol-version" } });
  });

  test("has no application protocol in common", async () => {
    await using server = await tlsServer({ ...leaf, ALPNProtocols: ["http/1.1"] });
    await expect(secure(server.port, { tls: { ca }, alpn: ["h2"] })).rejects.toMatchObject({
      code: "KING_NET_TLS",
      details: { reason: "no-application-protocol" },
    });
  });

  test("speaks no TLS", async () => {
    await using server = await tcpServer((socket) =>
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    );
    await expect(secure(server.port)).rejects.toMatchObject({
      code: "KING_NET_TLS",
      details: { reason: "handshake" },
    });
  });

  test("hangs up", async () => {
    await using server = await tcpServer((socket) => socket.once("data", () => socket.end()));
    await expect(secure(server.port)).rejects.toMatchObject({
      code: "KING_NET_TLS",
      details: { reason: "handshake" },
      cause: { code: "ECONNRESET" },
    });
  });

  test("is gone already", async () => {
    await using server = await tcpServer((socket) => void socket.resume());
    const tcp = await connectTcp(server.port);
    tcp.destroy();
    await once(tcp, "close");
    const client = new ClientTls({}, tlsPolicy(), { clock: systemClock });
    const to = { host: "localhost", port: server.port, alpn: [] };
    await expect(withDeadline(client.handshake(tcp, to), "a failure")).rejects.toMatchObject({
      code: "KING_NET_TLS",
    });
  });

  test("says nothing for as long as handshakeTimeoutMs", async () => {
    const clock = testClock();
    await using server = await tcpServer((socket) => void socket.resume());
    const tcp = await connectTcp(server.port);
    const client = new ClientTls({}, tlsPolicy({ handshakeTimeoutMs: 3_000 }), { clock });
    const outcome = client.handshake(tcp, { host: "localhost", port: server.port, alpn: [] });
    outcome.catch(() => undefined);
    await clock.advanceAsync(2_999);
    expect(clock.pendingTimers).toBe(1);
    await clock.advanceAsync(1);
    await expect(outcome).rejects.toMatchObject({
      code: "KING_NET_TIMEOUT",
      details: { phase: "tls", timeoutMs: 3_000 },
    });
    expect(tcp.destroyed).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test("is no longer of interest: with the reason of the signal", async () => {
    await using server = await tcpServer((socket) => void socket.resume());
    const tcp = await connectTcp(server.port);
    const cancel = new AbortController();
    const client = new ClientTls({}, tlsPolicy(), { clock: systemClock });
    const to = { host: "localhost", port: server.port, alpn: [], signal: cancel.signal };
    const outcome = client.handshake(tcp, to);
    const reason = new Error("no longer wanted");
    cancel.abort(reason);
    await expect(outcome).rejects.toBe(reason);
    expect(tcp.destroyed).toBe(true);
    const late = await connectTcp(server.port);
    await expect(client.handshake(late, to)).rejects.toBe(reason);
    expect(late.destroyed).toBe(true);
  });
});

describe("pins", () => {
  test.each([
    ["the server's certificate", [pinOf(leaf.cert)]],
    ["the authority's, which the server does not send", [pinOf(ca)]],
    ["one of several", [pinOf(other.ca), pinOf(leaf.cert)]],
  ])("let %s pass", async (_, pins) => {
    await using server = await tlsServer(leaf);
    (await secure(server.port, { tls: { ca, pins } })).destroy();
  });

  test("refuse a certificate that is trusted, but not one of them", async () => {
    await using server = await tlsServer(leaf);
    const pins = [pinOf(other.leaf.cert)];
    await expect(secure(server.port, { tls: { ca, pins } })).rejects.toMatchObject({
      code: "KING_NET_TLS",
      details: { host: "localhost", reason: "not-pinned" },
    });
  });

  test("are not satisfied by a certificate that is sent along without having signed anything", async () => {
    await using server = await tlsServer({ ...leaf, cert: `${leaf.cert}\n${other.ca}` });
    await expect(
      secure(server.port, { tls: { ca, pins: [pinOf(other.ca)] } }),
    ).rejects.toMatchObject({ details: { reason: "not-pinned" } });
  });

  test("are not satisfied by an authority that only has the name of the one that signed", async () => {
    const impostor = await makeCertificates();
    await using server = await tlsServer({ ...leaf, cert: `${leaf.cert}\n${impostor.ca}` });
    await expect(
      secure(server.port, { tls: { ca, pins: [pinOf(impostor.ca)] } }),
    ).rejects.toMatchObject({ details: { reason: "not-pinned" } });
  });

  test("do not replace verification", async () => {
    await using server = await tlsServer(other.leaf);
    await expect(
      secure(server.port, { tls: { ca, pins: [pinOf(other.leaf.cert)] } }),
    ).rejects.toMatchObject({ details: { reason: "unknown-authority" } });
  });

  test("hold for the server's own certificate alone where verifying is off", async () => {
    await using server = await tlsServer({ ...leaf, cert: `${leaf.cert}\n${ca}` });
    const policy = { verifyPeer: false };
    (await secure(server.port, { policy, tls: { pins: [pinOf(leaf.cert)] } })).destroy();
    await expect(secure(server.port, { policy, tls: { pins: [pinOf(ca)] } })).rejects.toMatchObject(
      { details: { reason: "not-pinned" } },
    );
  });
});

describe("a client's certificate", () => {
  const wanted = { ...leaf, requestCert: true, rejectUnauthorized: true, ca };

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "is shown to a server that asks, with %s",
    async (version) => {
      await using server = await tlsServer({ ...wanted, maxVersion: version });
      const accepted = server.nextConnection();
      const socket = await secure(server.port, { tls: { ca, ...wrongHost } });
      expect((await accepted).getPeerX509Certificate()?.subject).toBe("CN=wrong.example");
      socket.destroy();
    },
  );

  test("is missed by a TLS 1.3 server only when the connection is in use", async () => {
    await using server = await tlsServer(wanted);
    const socket = await secure(server.port, { tls: { ca } });
    const [error] = await withDeadline(
      once(socket, "error").catch((each) => [each]),
      "an error",
    );
    expect(tlsFailureOf(error)).toBe("client-certificate");
  });

  test.each([
    [{ ...leaf, key: other.leaf.key }, "tls.key: expected the key of the certificate"],
    [{ ...leaf, key: "nonsense" }, "tls.key: expected a private key in PEM"],
    [{ ...leaf, cert: "nonsense" }, "tls.cert: expected a certificate in PEM"],
  ])("is refused when it cannot be used", (tls, message) => {
    const make = () => new ClientTls(tls, tlsPolicy(), { clock: systemClock });
    expect(make).toThrow(message);
    expect(make).toThrow(
      expect.objectContaining({
        code: "KING_NET_TLS",
        details: { reason: "client-certificate" },
      }),
    );
  });
});

describe("options", () => {
  test.each([
    [{ ca: "nonsense" }, "tls.ca"],
    [{ ca: [] }, "tls.ca"],
    [{ ca: [ca, ""] }, "tls.ca"],
    [{ ca: 1 }, "tls.ca"],
    [{ cert: leaf.cert }, "tls.key"],
    [{ key: leaf.key }, "tls.key"],
    [{ serverName: "" }, "tls.serverName"],
    [{ passphrase: "open" }, "tls.passphrase"],
    [{ ...leaf, passphrase: 5 }, "tls.passphrase"],
    [{ serverName: "a b" }, "tls.serverName"],
    [{ pins: [] }, "tls.pins"],
    [{ pins: ["sha256/short"] }, "tls.pins"],
    [{ pins: ["sha1/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="] }, "tls.pins"],
    [{ pins: "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }, "tls.pins"],
    [{ rejectUnauthorized: false }, "tls.rejectUnauthorized"],
  ])("%# are refused", (options, option) => {
    expect(
      () => new ClientTls(options as ClientTlsOptions, tlsPolicy(), { clock: systemClock }),
    ).toThrow(expect.objectContaining({ code: "KING_OPTION_INVALID", details: { option } }));
  });
});

describe("the reason of a failure", () => {
  const withCode = (code: string) => Object.assign(new Error(code), { code });

  test.each([
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "client-certificate"],
    ["ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE", "client-certificate"],
    ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN", "client-certificate"],
    ["ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED", "client-certificate"],
    ["ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_REVOKED", "client-certificate"],
    ["ERR_SSL_SSL/TLS_ALERT_UNSUPPORTED_CERTIFICATE", "client-certificate"],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "client-certificate"],
    ["ERR_SSL_TLSV1_ALERT_ACCESS_DENIED", "client-certificate"],
    ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", "handshake"],
    ["ERR_SSL_UNSUPPORTED_PROTOCOL", "protocol-version"],
    ["CERT_REVOKED", "revoked"],
    ["ECONNRESET", undefined],
    ["ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC", undefined],
    ["toString", undefined],
  ])("%s is %s", (code, reason) => {
    expect(tlsFailureOf(withCode(code))).toBe(reason);
  });

  test("is none of what is no error of a socket", () => {
    expect([undefined, null, "expired", new Error("expired")].map(tlsFailureOf)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
