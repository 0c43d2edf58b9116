import { isIP } from "node:net";
import {
  type Clock,
  KingError,
  optionError,
  type QuicEngine,
  type QuicTls,
  type StreamSession,
  type TicketStore,
} from "@king-runtime/core";
import type { AddressGuard } from "../dial/address-guard.ts";
import { type Resolver, systemResolver } from "../dial/resolver.ts";
import { netErrors } from "../net-errors.ts";
import { authoritiesOf } from "../tls/authorities.ts";
import type { ClientTlsOptions } from "../tls/client-tls.ts";

/** Where HTTP/3 is spoken: at the origin itself, or where it said by Alt-Svc (RFC 7838). */
export interface QuicTarget {
  readonly host: string;
  readonly port: number;
}

/** HTTP/3 of a client. */
export interface ClientQuicOptions {
  /** Such as `openCurrentSpaceEngine()` of `@king-runtime/quic` gives. */
  readonly engine: QuicEngine;
  /**
   * Sends requests of GET, HEAD and OPTIONS without a body before the handshake is complete, on connections that
   * `tickets` resume; others wait for it. **A stranger can send such a request to the server again**, with its
   * credentials and without an answer, so take it only where a copy does no harm. What is answered 425 (Too Early, RFC
   * 8470) is sent once more after the handshake, by itself. An origin that does not answer is seen later than otherwise,
   * for there is a session at once; it then gets none early for five minutes. Needs `tickets`, and an engine with
   * `"early-data"`. @default false
   */
  readonly earlyData?: boolean;
}

/** What a {@link QuicDialler} works with. */
export interface QuicFacilities {
  readonly tls: ClientTlsOptions;
  readonly tickets: TicketStore | undefined;
  readonly clock: Clock;
  readonly guard: AddressGuard | undefined;
  readonly resolver: Resolver | undefined;
}

/** An origin that could not be reached by QUIC is not tried again for this long, in milliseconds. */
const brokenMs = 300_000;
const maxBroken = 1_000;

/** No origin has such a name. */
const earlyTo = (host: string, port: number): string => `early data to ${host} ${port}`;

/** @throws {KingError} KING_OPTION_INVALID where it is wanted and cannot be had. */
function checkEarlyData(options: ClientQuicOptions, { tickets }: QuicFacilities): boolean {
  const { engine, earlyData = false } = options;
  if (typeof earlyData !== "boolean") throw optionError("quic.earlyData", "expected a boolean");
  if (!earlyData) return false;
  if (!engine.capabilities.has("early-data")) {
    throw optionError("quic.earlyData", `expected an engine that has it, got ${engine.name}`);
  }
  if (tickets === undefined) {
    throw optionError("quic.earlyData", "expected tickets with it: they are what it goes by");
  }
  return true;
}

/** Makes QUIC connections for HTTP/3. */
export class QuicDialler {
  readonly #engine: QuicEngine;
  readonly #earlyData: boolean;
  readonly #facilities: QuicFacilities;
  readonly #shown: Pick<QuicTls, "cert" | "key" | "ca">;
  /** When origins may be tried again. */
  readonly #broken = new Map<string, number>();

  /** @throws {KingError} KING_OPTION_INVALID for what engines do not know. */
  constructor(options: ClientQuicOptions, facilities: QuicFacilities) {
    if (typeof options?.engine?.connect !== "function") {
      throw optionError("quic", "expected an object with an engine");
    }
    this.#earlyData = checkEarlyData(options, facilities);
    const { cert, key, ca, passphrase, pins } = facilities.tls;
    if (passphrase !== undefined || pins !== undefined) {
      const lacks = "passphrase and pins";
      throw optionError("quic", `expected tls without ${lacks}, which engines do not know`);
    }
    this.#engine = options.engine;
    this.#facilities = facilities;
    this.#shown = {
      ...(cert === undefined ? {} : { cert: Buffer.from(cert).toString() }),
      ...(key === undefined ? {} : { key: Buffer.from(key).toString() }),
      ...(ca === undefined ? {} : { ca: authoritiesOf("tls.ca", ca).join("\n") }),
    };
  }

  /** Whether it is worth a try. */
  mayReach(origin: string): boolean {
    const until = this.#broken.get(origin);
    if (until === undefined || until > this.#facilities.clock.monotonic())
      return until === undefined;
    this.#broken.delete(origin);
    return true;
  }

  /** It could not be reached, though by TCP it could. */
  markBroken(origin: string): void {
    if (this.#broken.size >= maxBroken) {
      for (const oldest of this.#broken.keys()) {
        this.#broken.delete(oldest);
        break;
      }
    }
    this.#broken.set(origin, this.#facilities.clock.monotonic() + brokenMs);
  }

  /**
   * A session with `target`, whose certificate is for `serverName`; its addresses are tried one after the other.
   *
   * @throws {KingError} KING_NET_RESOLVE, KING_NET_FORBIDDEN, KING_QUIC_*; the reason of `signal`.
   */
  async connect(
    { host, port }: QuicTarget,
    serverName: string,
    signal: AbortSignal | undefined,
  ): Promise<StreamSession> {
    const { tickets } = this.#facilities;
    let failure: unknown;
    for (const address of await this.#addressesOf(host, signal)) {
      try {
        const early = this.#earlyData && this.mayReach(earlyTo(host, port));
        const session = await this.#engine.connect({
          remote: { address, port },
          tls: {
            alpn: ["h3"],
            serverName: this.#facilities.tls.serverName ?? serverName,
            ...this.#shown,
          },
          ...(tickets === undefined ? {} : { tickets }),
          ...(early ? { earlyData: true } : {}),
          ...(signal === undefined ? {} : { signal }),
        });
        // There was nothing yet that could fail: next time it is waited for, and another address or TCP may be tried.
        session.earlyData?.handshake.catch(() => this.markBroken(earlyTo(host, port)));
        return session;
      } catch (error) {
        signal?.throwIfAborted();
        failure = error;
        if (KingError.is(error) && error.category === "tls") break;
      }
    }
    throw failure;
  }

  async #addressesOf(host: string, signal: AbortSignal | undefined): Promise<readonly string[]> {
    const { guard, resolver = systemResolver } = this.#facilities;
    guard?.checkHost(host);
    const found = isIP(host) !== 0 ? [host] : await this.#resolve(host, resolver, signal);
    let forbidden: unknown;
    const allowed = found.filter((address) => {
      try {
        guard?.checkAddress(host, address);
        return true;
      } catch (error) {
        forbidden = error;
        return false;
      }
    });
    if (allowed.length > 0) return allowed;
    throw (
      forbidden ??
      netErrors.create("KING_NET_RESOLVE", `${host}: expected an address, got none`, { host })
    );
  }

  async #resolve(
    host: string,
    resolver: Resolver,
    signal: AbortSignal | undefined,
  ): Promise<readonly string[]> {
    const given = signal ?? new AbortController().signal;
    const families = await Promise.allSettled([
      resolver.resolve(host, 6, given),
      resolver.resolve(host, 4, given),
    ]);
    return families.flatMap((each) => (each.status === "fulfilled" ? each.value : [])).slice(0, 4);
  }
}
