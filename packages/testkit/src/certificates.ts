// The generator's dependency injection asks for this before it is loaded.
import "reflect-metadata";
import type { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate and its private key, both in PEM. */
export interface CertifiedKey {
  readonly cert: string;
  readonly key: string;
}

/** An authority and what it certified, made for one test run. */
export interface TestCertificates {
  /** The authority's certificate in PEM: what a client has to trust. */
  readonly ca: string;
  /** Valid for `localhost`, `127.0.0.1` and `::1`. */
  readonly leaf: CertifiedKey;
  /** Valid, but for `wrong.example`. */
  readonly wrongHost: CertifiedKey;
  /** For the right names, but out of date since yesterday. */
  readonly expired: CertifiedKey;
  /** For the right names, but from tomorrow on. */
  readonly notYetValid: CertifiedKey;
  /** For the right names, and certified by nobody but itself. */
  readonly selfSigned: CertifiedKey;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 86_400_000;

interface Authority {
  readonly certificate: X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** Makes an authority, called `name`, and its certificates; about 20 ms. */
export async function makeCertificates(name = "King test authority"): Promise<TestCertificates> {
  const nowMs = Date.now();
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(nowMs - 30 * dayMs),
    notAfter: new Date(nowMs + 30 * dayMs),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  const authority: Authority = { certificate, keys };
  const localNames = [
    { type: "dns", value: "localhost" },
    { type: "ip", value: "127.0.0.1" },
    { type: "ip", value: "::1" },
  ] as const;
  const [leaf, wrongHost, expired, notYetValid, selfSigned] = await Promise.all([
    certify(authority, localNames, nowMs + 10 * dayMs),
    certify(authority, [{ type: "dns", value: "wrong.example" }], nowMs + 10 * dayMs),
    certify(authority, localNames, nowMs - dayMs),
    certify(authority, localNames, nowMs + 16 * dayMs),
    certify(undefined, localNames, nowMs + 10 * dayMs),
  ]);
  return { ca: certificate.toString("pem"), leaf, wrongHost, expired, notYetValid, selfSigned };
}

/** Without an authority the certificate is its own. */
async function certify(
  authority: Authority | undefined,
  names: readonly { type: "dns" | "ip"; value: string }[],
  notAfterMs: number,
): Promise<CertifiedKey> {
  const keys = await newKeys();
  const subject = `CN=${names[0]?.value}`;
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
    new SubjectAlternativeNameExtension([...names]),
  ];
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: authority?.certificate.subject ?? subject,
    publicKey: keys.publicKey,
    signingKey: authority?.keys.privateKey ?? keys.privateKey,
    signingAlgorithm: algorithm,
    notBefore: new Date(notAfterMs - 15 * dayMs),
    notAfter: new Date(notAfterMs),
    extensions,
  });
  return {
    cert: certificate.toString("pem"),
    key: PemConverter.encode(
      await crypto.subtle.exportKey("pkcs8", keys.privateKey),
      PemConverter.PrivateKeyTag,
    ),
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}
