/** One side of a connection or listener. */
export interface Endpoint {
  /** IP address, or host name where only that is known. */
  readonly address: string;
  readonly port: number;
  readonly family?: "IPv4" | "IPv6";
}

/** What the TLS handshake settled. */
export interface TlsFacts {
  /** Such as `"TLSv1.3"`. */
  readonly version: string;
  /** In OpenSSL's words; absent where an engine does not tell. */
  readonly cipher?: string;
  /** Application protocol (RFC 7301), when one was negotiated. */
  readonly alpn?: string;
  /** Name the client asked for (RFC 6066, section 3). */
  readonly serverName?: string;
  /** Whether the peer showed a certificate that our policy accepts. */
  readonly peerVerified: boolean;
  /** Whether an earlier session was resumed; absent where an engine does not tell. */
  readonly resumed?: boolean;
  /** The certificate that the peer showed, where our policy accepts it; `peerVerified` is then true. */
  readonly peerCertificate?: PeerCertificate;
}

/** What a certificate says (RFC 5280, section 4.1). */
export interface PeerCertificate {
  /** A line for each attribute, such as `"CN=alice"`. */
  readonly subject: string;
  readonly issuer: string;
  /** Such as `"DNS:a.example, IP Address:127.0.0.1"`. */
  readonly subjectAltName?: string;
  /** In hexadecimal. */
  readonly serialNumber: string;
  /** SHA-256 of the whole certificate, in hexadecimal with colons. */
  readonly fingerprint256: string;
  /** Milliseconds since the Unix epoch. */
  readonly validFrom: number;
  readonly validTo: number;
}
