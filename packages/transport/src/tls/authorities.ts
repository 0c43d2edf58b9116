import { X509Certificate } from "node:crypto";
import { optionError } from "@king-runtime/core";

/** Certificates in PEM: one text or several, each with one certificate or more. */
export type Authorities = string | Uint8Array | readonly (string | Uint8Array)[];

const pem = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * The certificates of the option `name`. Node takes nonsense for no certificate at all, and then trusts nobody, or
 * what the system trusts.
 *
 * @throws {KingError} KING_OPTION_INVALID for what is none, and for none at all.
 */
export function authoritiesOf(name: string, authorities: Authorities): X509Certificate[] {
  const texts =
    typeof authorities === "string" || authorities instanceof Uint8Array
      ? [authorities]
      : authorities;
  try {
    const found = texts.flatMap((text) => {
      const blocks = Buffer.from(text).toString("latin1").match(pem) ?? [];
      if (blocks.length === 0) throw new Error("no certificate in PEM");
      return blocks.map((block) => new X509Certificate(block));
    });
    if (found.length > 0) return found;
  } catch {
    // Said below.
  }
  throw optionError(name, "expected certificates in PEM, one at least");
}
