import type { X509Certificate } from "node:crypto";
import { peerCertificateOf, type TlsFacts } from "@king-runtime/core";

/** What an engine knows of a handshake. QUIC is never without TLS 1.3 (RFC 9001, section 4.2). */
export interface HandshakeFacts {
  readonly alpn: string | undefined;
  readonly serverName: string | undefined;
  readonly peerVerified: boolean;
  readonly resumed: boolean | undefined;
  readonly peer: X509Certificate | undefined;
}

export function tlsFacts(facts: HandshakeFacts): TlsFacts {
  const { alpn, serverName, peerVerified, resumed, peer } = facts;
  return Object.freeze({
    version: "TLSv1.3",
    ...(alpn === undefined ? {} : { alpn }),
    ...(serverName === undefined ? {} : { serverName }),
    peerVerified,
    ...(resumed === undefined ? {} : { resumed }),
    ...(peer === undefined ? {} : { peerCertificate: peerCertificateOf(peer) }),
  });
}
