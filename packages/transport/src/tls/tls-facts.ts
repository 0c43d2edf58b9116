import type { TLSSocket } from "node:tls";
import type { PeerCertificate, TlsFacts } from "@king-runtime/core";

/** What the handshake of `socket` settled. */
export function tlsFacts(socket: TLSSocket): TlsFacts {
  const serverName = (socket as { servername?: string | false }).servername;
  const certificate = socket.authorized ? peerCertificate(socket) : undefined;
  return {
    version: socket.getProtocol() ?? "unknown",
    cipher: socket.getCipher().name,
    ...(typeof socket.alpnProtocol === "string" ? { alpn: socket.alpnProtocol } : {}),
    ...(typeof serverName === "string" ? { serverName } : {}),
    peerVerified: socket.authorized,
    resumed: socket.isSessionReused(),
    ...(certificate === undefined ? {} : { peerCertificate: certificate }),
  };
}

function peerCertificate(socket: TLSSocket): PeerCertificate | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const { subject, issuer, subjectAltName, serialNumber, fingerprint256 } = certificate;
  return {
    subject,
    issuer,
    ...(subjectAltName === undefined ? {} : { subjectAltName }),
    serialNumber,
    fingerprint256,
    validFrom: Date.parse(certificate.validFrom),
    validTo: Date.parse(certificate.validTo),
  };
}
