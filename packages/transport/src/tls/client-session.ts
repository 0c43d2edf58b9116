import { createHash } from "node:crypto";
import type { Clock, TicketStore } from "@king-runtime/core";

/** A session to resume, and until when that may be. */
export interface ClientSession {
  readonly session: Buffer;
  /** Milliseconds since the Unix epoch. */
  readonly goodUntil: number;
}

const digestBytes = 32;
const headerBytes = digestBytes + 8;

/** A store that takes longer, in milliseconds, is done without: a full handshake is not worth a longer wait. */
const maxWaitMs = 100;

/**
 * Sessions of one kind of connection in a store. Each goes with the time to which its server's certificate counts as
 * checked, since nobody looks at it when a session is resumed, and the next session begins where this one ends. It
 * also goes with a digest: a session that has been damaged would break the handshake, and one that belongs elsewhere
 * would pass for a server that was never checked.
 */
export class ClientSessions {
  readonly #store: TicketStore;
  readonly #key: string;
  readonly #clock: Clock;

  constructor(store: TicketStore, key: string, clock: Clock) {
    this.#store = store;
    this.#key = key;
    this.#clock = clock;
  }

  /** `undefined` when there is none, or when the store fails or takes long. */
  async take(): Promise<ClientSession | undefined> {
    try {
      const stored = this.#store.take(this.#key);
      return this.#decode(isPromise(stored) ? await this.#soon(stored) : stored);
    } catch {
      return undefined; // a full handshake does as well
    }
  }

  put({ session, goodUntil }: ClientSession): void {
    try {
      if (goodUntil <= this.#clock.now()) return;
      const bytes = Buffer.alloc(headerBytes + session.byteLength);
      bytes.writeDoubleBE(goodUntil, digestBytes);
      bytes.set(session, headerBytes);
      bytes.set(this.#digest(bytes), 0);
      const kept = this.#store.put(this.#key, bytes, goodUntil);
      if (isPromise(kept)) kept.then(undefined, () => undefined);
    } catch {
      // The next connection begins with a full handshake.
    }
  }

  #decode(stored: Uint8Array | undefined): ClientSession | undefined {
    if (stored === undefined || stored.byteLength <= headerBytes) return undefined;
    const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
    if (!bytes.subarray(0, digestBytes).equals(this.#digest(bytes))) return undefined;
    const goodUntil = bytes.readDoubleBE(digestBytes);
    if (goodUntil <= this.#clock.now()) return undefined;
    return { session: bytes.subarray(headerBytes), goodUntil };
  }

  #digest(bytes: Buffer): Buffer {
    return createHash("sha256")
      .update(`${this.#key}\n`)
      .update(bytes.subarray(digestBytes))
      .digest();
  }

  #soon<Value>(promise: Promise<Value>): Promise<Value | undefined> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(maxWaitMs, () => resolve(undefined));
      promise.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

const isPromise = <Value>(value: Value | Promise<Value>): value is Promise<Value> =>
  typeof value === "object" && value !== null && "then" in value;
