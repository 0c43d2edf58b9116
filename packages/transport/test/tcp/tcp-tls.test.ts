import { once } from "node:events";
import { connect } from "node:tls";
import {
  connectRaw,
  makeCertificates,
  requireSoftware,
  runProcess,
  withDeadline,
} from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { connectTcp } from "../../src/tcp/connect-tcp.ts";
import { listenTcp } from "../../src/tcp/listen-tcp.ts";
import type { TcpListener } from "../../src/tcp/tcp-listener.ts";
import type { TcpSession } from "../../src/tcp/tcp-session.ts";
import { sessionSource } from "./tcp-harness.ts";

const { ca, leaf, wrongHost } = await makeCertificates();
const stranger = await makeCertificates("Another authority");

async function echo({ stream }: TcpSession): Promise<void> {
  for await (const chunk of stream) await stream.write(chunk);
  await stream.end();
}

/** Sends `text` through a connection of ours, and gives what comes back. */
async function said(session: TcpSession, text: string): Promise<string> {
  const ended = session.stream.end(Buffer.from(text));
  let answer = "";
  for await (const chunk of session.stream) answer += Buffer.from(chunk).toString();
  await ended;
  return answer;
}

const to = ({ local: { port } }: TcpListener) => ({ host: "localhost", port });

describe("TCP over TLS", () => {
  test("carries bytes both ways, ends each way, and tells what was settled and what went below", async () => {
    await using source = await sessionSource({ tls: { ...leaf, alpn: ["b", "a"] } });
    await using session = await connectTcp({
      ...to(source.listener),
      tls: { ca, alpn: ["x", "a", "b"] },
    });
    const served = await source.next();
    const done = echo(served);
    const body = "x".repeat(300_000);
    expect(await said(session, body)).toBe(body);
    await done;
    expect(session.tls).toMatchObject({ version: "TLSv1.3", alpn: "b", peerVerified: true });
    expect(served.tls).toMatchObject({ alpn: "b", serverName: "localhost", peerVerified: false });
    const { wireBytesSent = 0, wireBytesReceived = 0 } = session.stats();
    for (const bytes of [wireBytesSent, wireBytesReceived]) {
      expect(bytes).toBeGreaterThan(300_000);
      expect(bytes).toBeLessThan(310_000);
    }
    expect(await session.closed).toMatchObject({ clean: true });
    expect(await served.closed).toMatchObject({ clean: true });
  });

  test("refuses clients that offer other protocols alone, and serves those that offer none", async () => {
    await using listener = await listenTcp({ onSession: echo, tls: { ...leaf, alpn: ["a"] } });
    const refused = connectTcp({ ...to(listener), tls: { ca, alpn: ["b"] } });
    await expect(refused).rejects.toMatchObject({
      code: "KING_NET_TLS",
      details: { reason: "no-application-protocol" },
    });
    expect(listener.stats()).toMatchObject({ sessionsAccepted: 0, sessionsRefused: 1 });
    await using session = await connectTcp({ ...to(listener), tls: { ca } });
    expect(session.tls?.alpn).toBeUndefined();
    expect(await said(session, "hello")).toBe("hello");
  });

  test("verifies servers", async () => {
    await using listener = await listenTcp({ onSession: echo, tls: wrongHost });
    await expect(connectTcp({ ...to(listener), tls: { ca } })).rejects.toMatchObject({
      code: "KING_NET_TLS",
      details: { reason: "wrong-host" },
    });
    await expect(connectTcp({ ...to(listener), tls: {} })).rejects.toMatchObject({
      code: "KING_NET_TLS",
    });
  });

  test("asks clients for certificates, and tells whose they are", async () => {
    const asking = { ...leaf, clientCertificates: "require", clientCa: ca } as const;
    await using source = await sessionSource({ tls: asking });
    await using session = await connectTcp({ ...to(source.listener), tls: { ca, ...leaf } });
    const served = await source.next();
    expect(served.tls?.peerCertificate?.subject).toBe("CN=localhost");
    void echo(served);
    expect(await said(session, "hello")).toBe("hello");
    // With TLS 1.3 a client hears of it only after its own handshake.
    await using nameless = await connectTcp({ ...to(source.listener), tls: { ca } });
    await expect(said(nameless, "?")).rejects.toMatchObject({
      code: "KING_STREAM_RESET",
      cause: { code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" },
    });
    // Node ends the connection over a certificate that it does not trust without a word.
    const { cert, key } = stranger.leaf;
    await using unknown = await connectTcp({ ...to(source.listener), tls: { ca, cert, key } });
    expect(await said(unknown, "?").catch(() => "")).toBe("");
    expect(source.listener.stats()).toMatchObject({ sessionsAccepted: 1, sessionsRefused: 2 });
  });

  test("takes other certificates for connections to come", async () => {
    await using listener = await listenTcp({ onSession: echo, tls: stranger.leaf });
    await expect(connectTcp({ ...to(listener), tls: { ca } })).rejects.toThrow();
    listener.reloadTls(leaf);
    await using session = await connectTcp({ ...to(listener), tls: { ca } });
    expect(session.tls?.peerVerified).toBe(true);
    await session.stream.end();
    const mixed = { cert: leaf.cert, key: stranger.leaf.key };
    expect(() => listener.reloadTls(mixed)).toThrow(
      expect.objectContaining({ code: "KING_NET_TLS" }),
    );
    await expect(listenTcp({ onSession: echo, tls: mixed })).rejects.toMatchObject({
      code: "KING_NET_TLS",
    });
    await using plain = await listenTcp({ onSession: echo });
    expect(() => plain.reloadTls(leaf)).toThrow(expect.objectContaining({ code: "KING_NET_TLS" }));
  });

  test("refuses strangers before their handshake", async () => {
    await using listener = await listenTcp({ onSession: echo, tls: leaf, deny: ["127.0.0.1"] });
    const refused = connectTcp({ host: "127.0.0.1", port: listener.local.port, tls: { ca } });
    await expect(refused).rejects.toMatchObject({ category: expect.stringMatching("tls|network") });
    expect(listener.stats()).toMatchObject({ sessionsAccepted: 0, sessionsRefused: 1 });
  });

  test("ends with the listener what is in its handshake, or speaks no TLS", async () => {
    await using listener = await listenTcp({ onSession: echo, tls: leaf });
    await using silent = await connectRaw({ port: listener.local.port });
    await using other = await connectRaw({ port: listener.local.port });
    await other.write("GET / HTTP/1.1\r\n\r\n");
    await other.ended;
    expect(listener.stats().sessionsRefused).toBe(1);
    await withDeadline(listener.close(), "close()", { deadlineMs: 3_000 });
    await silent.ended;
    expect(listener.stats().sessionsAccepted).toBe(0);
  });

  test("is cut by a TCP reset, which nobody takes for an end", async () => {
    await using source = await sessionSource({ tls: leaf });
    const client = connect({ port: source.port, host: "127.0.0.1", ca, servername: "localhost" });
    await once(client, "session");
    const failed = once(client, "error");
    client.resume();
    (await source.next()).abort();
    await expect(withDeadline(failed, "a reset")).resolves.toMatchObject([{ code: "ECONNRESET" }]);
  });
});

const pythonClient = (tls: boolean) =>
  [
    "import socket, ssl, sys",
    "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 10)",
    ...(tls
      ? [
          "c = ssl.create_default_context(cadata=sys.argv[2])",
          "c.set_alpn_protocols(['echo'])",
          "s = c.wrap_socket(s, server_hostname='localhost')",
          "assert s.selected_alpn_protocol() == 'echo'",
        ]
      : []),
    "body = b'x' * 200000",
    "s.sendall(body)",
    // Python's ssl has no half-close.
    ...(tls ? [] : ["s.shutdown(socket.SHUT_WR)"]),
    "got = b''",
    "while len(got) < len(body):",
    "    part = s.recv(65536)",
    "    if not part: break",
    "    got += part",
    "print(len(got), got == body)",
    "s.unwrap() if hasattr(s, 'unwrap') else s.close()",
  ].join("\n");

describe.each([false, true])("with TLS: %s", (tls) => {
  test("Python's sockets are answered", async (context) => {
    const python = requireSoftware("python", context);
    await using source = await sessionSource(tls ? { tls: { ...leaf, alpn: ["echo"] } } : {});
    const running = runProcess({
      command: python,
      args: ["-c", pythonClient(tls), String(source.port), ca],
    });
    const session = await source.next();
    await echo(session);
    const { stdout, stderr } = await running;
    expect(stderr).toBe("");
    expect(stdout).toBe("200000 True\n");
    expect(await session.closed).toMatchObject({ clean: true });
  });
});
