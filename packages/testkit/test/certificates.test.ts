import { createServer } from "node:tls";
import { expect, test } from "vitest";
import { type CertifiedKey, connectRaw, makeCertificates } from "../src/index.ts";

const certificates = await makeCertificates();

async function handshake(certified: CertifiedKey, host = "127.0.0.1") {
  const server = createServer({ cert: certified.cert, key: certified.key }, (socket) => {
    socket.on("error", () => {});
    socket.end("hello");
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  try {
    await using socket = await connectRaw({ port, host, tls: { ca: certificates.ca } });
    return (await socket.readToEnd()).toString();
  } finally {
    server.close();
  }
}

test("the leaf is trusted by whoever trusts the authority", async () => {
  expect(await handshake(certificates.leaf)).toBe("hello");
});

test("a certificate for another host is refused", async () => {
  await expect(handshake(certificates.wrongHost)).rejects.toMatchObject({
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
  });
});

test("a certificate that is out of date is refused", async () => {
  await expect(handshake(certificates.expired)).rejects.toMatchObject({
    code: "CERT_HAS_EXPIRED",
  });
});

test("an authority of another run is not trusted", async () => {
  const other = await makeCertificates();
  await expect(handshake(other.leaf)).rejects.toMatchObject({
    code: expect.stringMatching(/UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET_ISSUER|SIGNATURE/),
  });
});
