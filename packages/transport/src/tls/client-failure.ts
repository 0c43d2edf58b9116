import { netErrors, type TlsFailure } from "../net-errors.ts";

/** What OpenSSL and node call what they find wrong with a certificate or a handshake. */
const failures: Readonly<Record<string, TlsFailure>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: "wrong-host",
  ERR_TLS_CERT_ALTNAME_FORMAT: "wrong-host",
  HOSTNAME_MISMATCH: "wrong-host",
  CERT_HAS_EXPIRED: "expired",
  CERT_NOT_YET_VALID: "not-yet-valid",
  UNABLE_TO_GET_ISSUER_CERT: "unknown-authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknown-authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unknown-authority",
  SELF_SIGNED_CERT_IN_CHAIN: "unknown-authority",
  CERT_UNTRUSTED: "unknown-authority",
  CERT_REJECTED: "unknown-authority",
  INVALID_CA: "unknown-authority",
  DEPTH_ZERO_SELF_SIGNED_CERT: "self-signed",
  CERT_REVOKED: "revoked",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "protocol-version",
  ERR_SSL_WRONG_SSL_VERSION: "protocol-version",
  ERR_SSL_VERSION_TOO_LOW: "protocol-version",
};

/** What a server says in an alert (RFC 8446, section 6.2); those on certificates are about ours. */
const alerts: readonly (readonly [RegExp, TlsFailure])[] = [
  [/_ALERT_(NO_|BAD_|UNSUPPORTED_)?CERTIFICATE(_|$)/, "client-certificate"],
  [/_ALERT_(UNKNOWN_CA|ACCESS_DENIED)$/, "client-certificate"],
  [/_ALERT_PROTOCOL_VERSION$/, "protocol-version"],
  [/_ALERT_NO_APPLICATION_PROTOCOL$/, "no-application-protocol"],
  [/_ALERT_HANDSHAKE_FAILURE$/, "handshake"],
];

/**
 * Why a handshake failed, by an error of the socket; `undefined` for errors of another kind.
 *
 * With TLS 1.3 a client is done before the server has looked at its certificate. A server that wants one, or
 * another, says so on a connection that is already in use: there the first read fails, with an error for which this
 * gives `"client-certificate"` - unless the server says nothing and just ends the connection, as those of node do
 * with certificates that they do not trust.
 */
export function tlsFailureOf(error: unknown): TlsFailure | undefined {
  if (netErrors.is(error, "KING_NET_TLS")) return error.details.reason;
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (typeof code !== "string") return undefined;
  if (Object.hasOwn(failures, code)) return failures[code];
  return alerts.find(([pattern]) => pattern.test(code))?.[1];
}
