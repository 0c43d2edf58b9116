import { hkdfSync, randomBytes } from "node:crypto";

/** Of node: a name, a key that encrypts, and one that authenticates (RFC 5077, section 4). */
const keyBytes = 48;

/**
 * Keys of session tickets, a new one for each period of the clock. They follow from a secret and the time
 * alone, so that processes that share the secret resume each other's sessions without a word between
 * them. A ticket of an earlier period leads to a full handshake, for node knows one key at a time.
 */
export class TicketKeys {
  readonly #secret: string | Uint8Array;
  readonly #periodMs: number;
  #period = -1;

  constructor(secret: string | Uint8Array | undefined, periodMs: number) {
    this.#secret = secret ?? randomBytes(32);
    this.#periodMs = periodMs;
  }

  /**
   * The key at `now`, in milliseconds since the Unix epoch, for what is `trusted`: a ticket says that a
   * client was verified, which is worth nothing where others may verify.
   */
  at(now: number, trusted: string): Buffer {
    this.#period = Math.floor(now / this.#periodMs);
    const info = `king-runtime tls ticket key ${this.#periodMs} ${this.#period} ${trusted}`;
    return Buffer.from(hkdfSync("sha256", this.#secret, "", info, keyBytes));
  }

  /** Whether the key that was asked for last is of an earlier period than `now`. */
  isOver(now: number): boolean {
    return Math.floor(now / this.#periodMs) !== this.#period;
  }
}
