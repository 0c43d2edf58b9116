import { createHash, X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { optionError } from "@king-runtime/core";

const form = /^sha256\/[A-Za-z\d+/]{43}=$/;

/** Keys of which a server's certificates must have one (RFC 7469, section 2.6). */
export class Pins {
  readonly #pins: ReadonlySet<string>;

  /**
   * @param option what the list is called in errors.
   * @param pins `"sha256/"` and the Base64 of the SHA-256 of a certificate's SubjectPublicKeyInfo.
   * @throws {KingError} KING_OPTION_INVALID
   */
  constructor(option: string, pins: readonly string[]) {
    const isRight = Array.isArray(pins) && pins.length > 0;
    if (!isRight || !pins.every((pin) => typeof pin === "string" && form.test(pin))) {
      throw optionError(option, 'expected "sha256/" and a SHA-256 in Base64, one at least');
    }
    this.#pins = new Set(pins);
  }

  /**
   * Whether the server's certificate is pinned, or one of those that vouch for it. What the server sends along
   * without need does not count: each must have signed the one before.
   *
   * @param isVerified whether the certificate was found to be good; nobody vouches for one that was not.
   */
  match(socket: TLSSocket, isVerified: boolean): boolean {
    let shown: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
    if (shown?.raw === undefined) return false;
    let certificate = new X509Certificate(shown.raw);
    for (;;) {
      if (this.#pins.has(pinOf(certificate))) return true;
      const issuer: DetailedPeerCertificate | undefined = shown.issuerCertificate;
      if (!isVerified || issuer?.raw === undefined || issuer === shown) return false;
      const next = new X509Certificate(issuer.raw);
      if (!certificate.checkIssued(next) || !certificate.verify(next.publicKey)) return false;
      shown = issuer;
      certificate = next;
    }
  }
}

function pinOf({ publicKey }: X509Certificate): string {
  const spki = publicKey.export({ type: "spki", format: "der" });
  return `sha256/${createHash("sha256").update(spki).digest("base64")}`;
}
