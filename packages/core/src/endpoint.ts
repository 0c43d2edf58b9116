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
  readonly cipher: string;
  /** Application protocol (RFC 7301), when one was negotiated. */
  readonly alpn?: string;
  /** Name the client asked for (RFC 6066, section 3). */
  readonly serverName?: string;
  /** Whether the peer showed a certificate that our policy accepts. */
  readonly peerVerified: boolean;
  /** Whether an earlier session was resumed. */
  readonly resumed: boolean;
}
