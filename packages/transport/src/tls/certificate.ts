import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { httpErrors } from "../errors.ts";

/** A certificate and its key. */
export interface TlsCertificate {
  /** Certificate chain, PEM, the server's own certificate first. */
  readonly cert: string | Uint8Array;
  /** Private key, PEM. */
  readonly key: string | Uint8Array;
  /** Of the key, when it is encrypted. */
  readonly passphrase?: string;
}

/**
 * The context of a certificate, once it is sure that the key is its own.
 *
 * @param option what the certificate is called in errors.
 * @throws {KingError} KING_HTTP_TLS, which says nothing of the key but that it is wrong.
 */
export function secureContext(
  { cert, key, passphrase }: TlsCertificate,
  option: string,
  policy: SecureContextOptions,
): SecureContext {
  const certificate = parse(`${option}.cert`, "a certificate in PEM", () => {
    return new X509Certificate(cert);
  });
  const privateKey = parse(`${option}.key`, "a private key in PEM, and its passphrase", () => {
    return createPrivateKey({
      key: Buffer.from(key),
      ...(passphrase === undefined ? {} : { passphrase }),
    });
  });
  if (!isKeyOf(certificate, privateKey)) {
    throw refused(`${option}.key`, "the key of the certificate", "another one");
  }
  return parse(option, "what OpenSSL takes", () =>
    createSecureContext({
      ...policy,
      cert: Buffer.from(cert),
      key: Buffer.from(key),
      ...(passphrase === undefined ? {} : { passphrase }),
    }),
  );
}

function isKeyOf(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key);
  } catch {
    return false; // a key of another kind
  }
}

function parse<Value>(option: string, expected: string, make: () => Value): Value {
  try {
    return make();
  } catch (cause) {
    throw refused(option, expected, cause instanceof Error ? cause.message : "none", cause);
  }
}

function refused(option: string, expected: string, reason: string, cause?: unknown) {
  return httpErrors.create(
    "KING_HTTP_TLS",
    `${option}: expected ${expected}, got ${reason}`,
    { origin: "listener", reason },
    cause === undefined ? {} : { cause },
  );
}
