import { defineErrors, errorCode } from "@king-runtime/core/errors";

/** What becomes of a connection before a protocol runs on it, and of raw TCP and UDP. */
export const netErrors = defineErrors({
  /**
   * A name has no address.
   * @remedy Check the name and the resolver; see `cause`.
   */
  KING_NET_RESOLVE: errorCode<{ host: string }>("network", { retryable: true }),
  /**
   * No address of a host took the connection.
   * @remedy Check host, port and that the server runs; `details.attempts` says what each address answered.
   */
  KING_NET_CONNECT: errorCode<{
    host: string;
    port: number;
    attempts: readonly { address: string; code: string }[];
  }>("network", { retryable: true }),
  /**
   * A phase of making a connection took longer than its deadline.
   * @remedy Raise the timeout named by `details.phase`, or look why the peer is slow.
   */
  KING_NET_TIMEOUT: errorCode<{ phase: NetPhase; timeoutMs: number }>("timeout", {
    retryable: true,
  }),
  /**
   * The TLS handshake failed, or the peer's certificate was refused.
   * @remedy `details.reason` says which; give an issuing certificate in `tls.ca`, or mend the server.
   */
  KING_NET_TLS: errorCode<{ host?: string; reason: TlsFailure }>("tls"),
  /**
   * The address or name of a peer is one that this program may not connect to, or a connection comes
   * from one that may not connect to it.
   * @remedy Add it to what is allowed, if it is meant to be reached.
   */
  KING_NET_FORBIDDEN: errorCode<{ host: string; address?: string }>("unauthorized"),
  /**
   * A proxy did not make the connection that was asked of it.
   * @remedy Look at `details.status`: 407 asks for credentials, 403 and 502 are the proxy's policy or reach.
   */
  KING_NET_PROXY: errorCode<{ proxy: string; status?: number }>("network", { retryable: true }),
  /**
   * An address and port cannot be bound.
   * @remedy Free the port, choose another, or bind port 0; see `cause`.
   */
  KING_NET_BIND: errorCode<{ address: string; port: number }>("unavailable"),
  /**
   * Nothing came or went on a connection for as long as `idleTimeoutMs`.
   * @remedy Raise `idleTimeoutMs`, or have one side say something from time to time.
   */
  KING_NET_IDLE: errorCode<{ timeoutMs: number }>("timeout", { retryable: true }),
  /**
   * A line or a frame is longer than its limit, or a datagram does not fit.
   * @remedy Raise the limit named by the message, or have the peer send less.
   */
  KING_NET_FRAME_LIMIT: errorCode<{ limitBytes: number; bytes?: number }>("limit"),
  /**
   * A peer ended its stream in the middle of a line or frame.
   * @remedy Treat what came as incomplete.
   */
  KING_NET_FRAME_TRUNCATED: errorCode<{ bytes: number }>("protocol"),
  /**
   * A line is not text in UTF-8, where it has to be.
   * @remedy Have the peer send UTF-8, or read without `fatal`.
   */
  KING_NET_FRAME_ENCODING: errorCode("protocol"),
});

/** The part of making a connection that a timeout cuts. */
export type NetPhase = "resolve" | "connect" | "proxy" | "tls";

/** Why a TLS handshake came to nothing. */
export type TlsFailure =
  /** The certificate is for other names. */
  | "wrong-host"
  | "expired"
  | "not-yet-valid"
  /** Nobody who is trusted issued it. */
  | "unknown-authority"
  | "self-signed"
  | "revoked"
  /** It is trusted, but not one of those that are pinned. */
  | "not-pinned"
  /** The two sides have no protocol version in common. */
  | "protocol-version"
  /** The two sides have no application protocol in common (RFC 7301). */
  | "no-application-protocol"
  /** The server wants a certificate of the client, or another than it was shown. */
  | "client-certificate"
  /** Anything else; see `cause`. */
  | "handshake";
