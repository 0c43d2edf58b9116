import { defineErrors, errorCode } from "@king-runtime/core/errors";

export const quicErrors = defineErrors({
  /**
   * The native engine is not installed, has no build for this platform, or is another version.
   * @remedy Install the package that the message names, at that version; see `cause`.
   */
  KING_QUIC_ENGINE_MISSING: errorCode<{ package: string }>("unavailable"),
  /**
   * What was asked for is nothing that the engine has, or that any engine has that is installed.
   * @remedy Leave it out of `needs`, or install an engine that has it; the README says which does.
   */
  KING_QUIC_CAPABILITY: errorCode<{ engine: string; capability: string }>("unsupported"),
  /**
   * An engine with known faults that are not mended was to listen where strangers reach it.
   * @remedy Listen with another engine or on loopback, or accept it with `allowUnpatchedEngine`.
   */
  KING_QUIC_UNPATCHED: errorCode<{ engine: string; address: string }>("unsupported"),
  /**
   * No connection to the server could be made.
   * @remedy Check address, port and that the server runs; see `cause`.
   */
  KING_QUIC_CONNECT: errorCode<{ address: string; port: number }>("network", { retryable: true }),
  /**
   * The TLS handshake failed, or the certificate was refused; `alert` is TLS's own number (RFC 8446, section 6).
   * @remedy Give the issuing certificate in `tls.ca`, and the name it was issued for in `tls.serverName`.
   */
  KING_QUIC_TLS: errorCode<{ alert?: number }>("tls"),
  /**
   * The handshake took longer than `handshakeTimeoutMs`.
   * @remedy Raise the timeout, or look whether UDP reaches the server; some engines do not tell other failures apart from this one.
   */
  KING_QUIC_TIMEOUT: errorCode<{ timeoutMs: number }>("timeout", { retryable: true }),
  /**
   * The address cannot be listened on.
   * @remedy Free the port, choose another, or listen on port 0; see `cause`.
   */
  KING_QUIC_LISTEN: errorCode<{ address: string; port: number }>("unavailable"),
  /**
   * The connection was ended by an error of QUIC itself (RFC 9000, section 20.1).
   * @remedy Look at `code`; one side does not keep to the protocol.
   */
  KING_QUIC_TRANSPORT: errorCode<{ code: number }>("quic", { retryable: true }),
  /**
   * The session could not go on from another port: the server has given no connection id to spare, or nothing came
   * back from there. It goes on from where it was.
   * @remedy Try again later, or open another session.
   */
  KING_QUIC_MIGRATION: errorCode("quic", { retryable: true }),
  /**
   * Nothing was heard of the peer for the idle timeout (RFC 9000, section 10.1).
   * @remedy Open another session.
   */
  KING_QUIC_IDLE: errorCode("timeout", { retryable: true }),
  /**
   * The peer sent more than is held for a reader who is behind; the engine cannot make it wait, so
   * the stream was reset.
   * @remedy Read faster, raise `maxUndeliveredBytes`, or use an engine with `receive-backpressure`.
   */
  KING_QUIC_UNDELIVERED_LIMIT: errorCode<{ limitBytes: number }>("limit"),
});
