import { connect as connectTls } from "node:tls";
import { defineConfig } from "@king-runtime/core";
import { connectRaw, makeCertificates, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { httpSection, tlsSection } from "../../src/config.ts";
import { hostileListener, request, statuses } from "./hostile-listener.ts";

const certificates = await makeCertificates();
const { ca, leaf } = certificates;
const alert = 0x15;
const hello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

async function secureListener(options: Parameters<typeof hostileListener>[0] = {}) {
  const place = await hostileListener({ tls: leaf, ...options });
  return {
    ...place,
    /** Fails unless a client of each protocol is served. */
    async othersAreServed() {
      await using socket = await connectRaw({ port: place.port, tls: { ca, alpn: ["http/1.1"] } });
      await socket.write(request("GET /neighbour HTTP/1.1"));
      await socket.readUntil("neighbour");
    },
  };
}

describe("what comes to a TLS port and is no handshake ends its connection (RFC 8446, 6.2)", () => {
  test.each([
    ["garbage", "\xff".repeat(1_000)],
    ["NULs", "\0".repeat(1_000)],
    ["HTTP in the clear", request("GET /attack HTTP/1.1")],
    ["HTTP/2 in the clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["a hello that says it is huge", `\x16\x03\x01\xff\xff${"x".repeat(70_000)}`],
    ["a hello with nonsense in it", hello + "\xff".repeat(600)],
    ["an alert", "\x15\x03\x01\x00\x02\x02\x28"],
    ["application data", "\x17\x03\x03\x00\x05hello"],
  ])("%s", async (_, bytes) => {
    await using place = await secureListener();
    await using socket = await connectRaw({ port: place.port });
    await socket.write(bytes).catch(() => undefined);
    await withDeadline(socket.ended, "the end of the connection");
    await place.othersAreServed();
    expect(place.served).toEqual([]);
    expect(place.errors).toEqual([]);
    // Nothing but an alert is answered, if anything.
    expect(socket.received()[0] ?? alert).toBe(alert);
  });

  test("and one in the clear, of a TLS client, is answered 400", async () => {
    await using place = await hostileListener();
    await using socket = await connectRaw({ port: place.port });
    await socket.write(hello + "\xff".repeat(600));
    expect(statuses((await socket.readToEnd()).toString("latin1"))).toEqual([400]);
    await place.neighboursAreServed();
  });
});

describe("a handshake", () => {
  test.each([
    ["that never begins", ""],
    ["of one byte", "\x16"],
    ["that stops in its hello", hello],
    ["of SSL 2.0, that stops too", "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10"],
  ])("%s is ended by handshakeTimeoutMs", async (_, bytes) => {
    const config = defineConfig({
      sections: [httpSection, tlsSection],
      overrides: { tls: { handshakeTimeoutMs: 100 } },
    });
    await using place = await secureListener({ config });
    await using socket = await connectRaw({ port: place.port });
    if (bytes !== "") await socket.write(bytes);
    await withDeadline(socket.ended, "the end of the connection");
    await place.othersAreServed();
    expect(place.served).toEqual([]);
  });

  test("that offers no protocol of ours is refused by no_application_protocol (RFC 7301, 3.2)", async () => {
    await using place = await secureListener();
    const socket = connectTls({
      port: place.port,
      ca,
      servername: "localhost",
      ALPNProtocols: ["spdy/3", "h3"],
    });
    const error = await withDeadline(
      new Promise<NodeJS.ErrnoException>((resolve) => socket.once("error", resolve)),
      "the alert",
    );
    expect(error.code).toBe("ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
    socket.destroy();
    await place.othersAreServed();
  });

  test("of a version that is not accepted any more is refused", async () => {
    await using place = await secureListener();
    const socket = connectTls({
      port: place.port,
      ca,
      servername: "localhost",
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "ALL:@SECLEVEL=0",
    });
    await withDeadline(new Promise((resolve) => socket.once("error", resolve)), "the refusal");
    socket.destroy();
    await place.othersAreServed();
  });

  test("without ALPN is HTTP/1.1", async () => {
    await using place = await secureListener();
    await using socket = await connectRaw({ port: place.port, tls: { ca } });
    await socket.write(request("GET /plain HTTP/1.1"));
    await socket.readUntil("ok");
    expect(place.served).toEqual(["GET /plain"]);
  });

  test("that settled on h2 is HTTP/2 and nothing else", async () => {
    await using place = await secureListener();
    await using socket = await connectRaw({ port: place.port, tls: { ca, alpn: ["h2"] } });
    await socket.write(request("GET /attack HTTP/1.1"));
    await withDeadline(socket.ended, "the end of the connection");
    expect(place.served).toEqual([]);
    await place.othersAreServed();
  });

  test("that settled on http/1.1 is HTTP/1.1 and nothing else", async () => {
    await using place = await secureListener();
    await using socket = await connectRaw({ port: place.port, tls: { ca, alpn: ["http/1.1"] } });
    await socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    expect(statuses((await socket.readToEnd()).toString("latin1"))).toEqual([
      expect.toBeOneOf([400, 505]),
    ]);
    expect(place.served).toEqual([]);
    await place.othersAreServed();
  });
});
