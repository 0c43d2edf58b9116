import type { KingError } from "@king-runtime/core";
import { quicErrors } from "./errors.ts";

/** TLS alerts as QUIC carries them: 0x0100 and the alert's number (RFC 9001, section 4.8). */
const firstCryptoError = 0x0100;
const lastCryptoError = 0x01ff;

/** The TLS alert in an error code of the transport; `undefined` when it is none. */
export function tlsAlert(code: number): number | undefined {
  return code >= firstCryptoError && code <= lastCryptoError ? code - firstCryptoError : undefined;
}

/** Whether `code` is an alert about the certificate that was shown, or was not (RFC 8446, section 6.2). */
export function isCertificateAlert(code: number): boolean {
  const alert = tlsAlert(code);
  return alert !== undefined && ((alert >= 40 && alert <= 49) || alert === 116);
}

/** The error for a connection that one side's transport ended with `code`. */
export function transportError(code: number): KingError {
  const alert = tlsAlert(code);
  return alert === undefined
    ? quicErrors.create("KING_QUIC_TRANSPORT", `QUIC ended the connection: error ${code}`, { code })
    : quicErrors.create("KING_QUIC_TLS", `TLS ended the connection: alert ${alert}`, { alert });
}

/** The error for a connection on which the peer fell silent. */
export function idleError(): KingError {
  return quicErrors.create("KING_QUIC_IDLE", "nothing was heard of the peer", {});
}
