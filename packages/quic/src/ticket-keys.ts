import { hkdfSync } from "node:crypto";

/** Of BoringSSL: a name, a key that authenticates, and one that encrypts (RFC 5077, section 4). */
const keyBytes = 48;
/** What a ticket begins with, so that its key can be found. */
export const keyNameBytes = 16;

/** How long BoringSSL's servers take a ticket; one that is older leads to a full handshake. */
export const ticketLifetimeMs = 7_200_000;

/** Options of {@link TicketKeys}. */
export interface TicketKeysOptions {
  readonly secret: string;
  readonly rotationMs: number;
  /**
   * What a ticket vouches for, who may verify clients and what the server allows: it is worth nothing where that is
   * different.
   */
  readonly context: string;
}

/**
 * Keys of session tickets, a new one for each period of the clock. They follow from a secret and the time alone, so that
 * processes that share the secret resume each other's sessions without a word between them.
 */
export class TicketKeys {
  readonly #options: TicketKeysOptions;
  /** Names of the keys whose tickets are taken, and the period of each. */
  #names = new Map<string, number>();
  #current = -1;

  constructor(options: TicketKeysOptions) {
    this.#options = options;
  }

  /** The period in which `now`, in milliseconds since the Unix epoch, is. */
  period(now: number): number {
    return Math.floor(now / this.#options.rotationMs);
  }

  /** The key of a period. */
  key(period: number): Buffer {
    const { secret, rotationMs, context } = this.#options;
    const info = `king-runtime quic ticket key ${rotationMs} ${period}`;
    // The context may have more bytes than node takes as `info`.
    return Buffer.from(hkdfSync("sha256", secret, context, info, keyBytes));
  }

  /** The period of the key named `name`, where a ticket of it can still be valid at `now`. */
  periodOf(name: Uint8Array, now: number): number | undefined {
    const current = this.period(now);
    if (current !== this.#current) this.#turnTo(current);
    return this.#names.get(hex(name));
  }

  #turnTo(current: number): void {
    this.#current = current;
    this.#names = new Map();
    for (let period = this.oldest(current); period <= current + 1; period++) {
      this.#names.set(hex(this.key(period).subarray(0, keyNameBytes)), period);
    }
  }

  /** The earliest period whose tickets may be valid in `period`. */
  oldest(period: number): number {
    return period - Math.ceil(ticketLifetimeMs / this.#options.rotationMs);
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
