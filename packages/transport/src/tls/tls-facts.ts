import type { TLSSocket } from "node:tls";
import { peerCertificateOf, type TlsFacts } from "@king-runtime/core";

/** What the handshake of `socket` settled. */
export function tlsFacts(socket: TLSSocket): TlsFacts {
  const serverName = (socket as { servername?: string | false }).servername;
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return {
    version: socket.getProtocol() ?? "unknown",
    cipher: socket.getCipher().name,
    ...(typeof socket.alpnProtocol === "string" ? { alpn: socket.alpnProtocol } : {}),
    ...(typeof serverName === "string" ? { serverName } : {}),
    peerVerified: socket.authorized,
    resumed: socket.isSessionReused(),
    ...(certificate === undefined ? {} : { peerCertificate: peerCertificateOf(certificate) }),
  };
}
