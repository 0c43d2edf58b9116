import { systemClock } from "@king-runtime/core";
import type { ServerTls } from "../connect-options.ts";
import type { QuicLimits } from "../limits.ts";
import { TicketKeys } from "../ticket-keys.ts";
import type { Native, NativeConfig } from "./native.ts";
import { serverConfig } from "./native-config.ts";
import { offeredKeyName } from "./offered-ticket.ts";

/**
 * What connections of a listener are made with. A config of quiche has one ticket key: where keys are shared and turn with
 * the clock, there is a config for each period, and a client that offers a ticket gets the one that opens it.
 */
export class ServerConfigs {
  readonly #make: (ticketKey: Uint8Array | undefined) => NativeConfig;
  readonly #keys: TicketKeys | undefined;
  readonly #byPeriod = new Map<number | undefined, NativeConfig>();

  /** Throws what BoringSSL says of certificate and key. */
  constructor(native: Native, tls: ServerTls, limits: QuicLimits) {
    this.#make = (ticketKey) => serverConfig(native, tls, limits, ticketKey);
    const { ticketSecret: secret, ticketRotationMs: rotationMs } = limits;
    if (secret !== undefined) {
      this.#keys = new TicketKeys({ secret, rotationMs, context: contextOf(tls, limits) });
    }
    this.#of(this.#keys?.period(systemClock.now()));
  }

  /** What to make the connection with that begins with `datagram`. */
  for(datagram: Uint8Array): NativeConfig {
    const keys = this.#keys;
    if (keys === undefined) return this.#of(undefined);
    const now = systemClock.now();
    const current = keys.period(now);
    for (const period of this.#byPeriod.keys()) {
      if (period !== undefined && period < keys.oldest(current)) this.#byPeriod.delete(period);
    }
    const name = offeredKeyName(datagram);
    return this.#of((name && keys.periodOf(name, now)) ?? current);
  }

  #of(period: number | undefined): NativeConfig {
    let config = this.#byPeriod.get(period);
    if (config === undefined) {
      config = this.#make(period === undefined ? undefined : this.#keys?.key(period));
      this.#byPeriod.set(period, config);
    }
    return config;
  }
}

/**
 * A ticket says that a client was verified, and early data keeps to what the server allowed then (RFC 9000, section
 * 7.4.1): neither holds for a listener with other settings.
 */
function contextOf({ ca, alpn }: ServerTls, limits: QuicLimits): string {
  const { earlyData, maxStreams, streamWindowBytes, maxSessionUndeliveredBytes } = limits;
  const allowed = [maxStreams, streamWindowBytes, maxSessionUndeliveredBytes];
  return JSON.stringify([ca, alpn, earlyData, allowed]);
}
