import type { PeerCertificate } from "./endpoint.ts";

/** What of node's `X509Certificate` is told on. */
interface ParsedCertificate
  extends Omit<PeerCertificate, "subjectAltName" | "validFrom" | "validTo"> {
  readonly subjectAltName?: string | undefined;
  readonly validFrom: string;
  readonly validTo: string;
}

/** What a certificate says, for implementers of sessions; node's `X509Certificate` is one. */
export function peerCertificateOf(certificate: ParsedCertificate): PeerCertificate {
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
