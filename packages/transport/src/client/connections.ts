import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import {
  optionError,
  resolveOptions,
  type StreamSession,
  sleep,
  systemClock,
  unknownOption,
} from "@king-runtime/core";
import { requestSection, tlsSection } from "../config.ts";
import { AddressGuard } from "../dial/address-guard.ts";
import { type DialOptions, dial } from "../dial/dial.ts";
import { ConnectProxy } from "../dial/proxy.ts";
import { httpErrors } from "../errors.ts";
import { ClientTls } from "../tls/client-tls.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { exchangeLimits } from "./exchange-options.ts";
import type { Origin } from "./prepared-request.ts";
import { alpnOf, type ClientProtocol, checkProtocols } from "./protocols.ts";
import { QuicDialler, type QuicTarget } from "./quic-dialler.ts";
import type { RequestLimits } from "./request-limits.ts";

/** A connection to an origin, and what is spoken on it. */
export type OpenConnection =
  | { readonly protocol: "h1" | "h2"; readonly socket: Socket }
  | { readonly protocol: "h3"; readonly session: StreamSession };

/** How long HTTP/3 is tried alone before TCP is tried beside it, in milliseconds (RFC 8305, section 5). */
const quicHeadStartMs = 250;

/** Makes the connections of one client, session or request, the same way each. */
export class Connections {
  readonly limits: RequestLimits;
  readonly #options: ConnectionOptions;
  readonly #others: readonly string[];
  readonly protocols: readonly ClientProtocol[];
  readonly #tls: ClientTls;
  readonly #proxy: ConnectProxy | undefined;
  readonly #guard: AddressGuard | undefined;
  readonly #quic: QuicDialler | undefined;
  readonly #dialling: Omit<DialOptions, "signal">;

  /**
   * @param others options that are read elsewhere.
   * @throws {KingError} KING_OPTION_INVALID, KING_CONFIG_LOCKED, KING_NET_TLS
   */
  constructor(options: ConnectionOptions, others: readonly string[]) {
    const { config, clock = systemClock, tls = {}, tickets, quic } = options;
    const { protocols = quic === undefined ? ["h2", "h1"] : ["h3", "h2", "h1"] } = options;
    if (typeof clock?.after !== "function") throw optionError("clock", "expected a clock");
    for (const name of ["resolver", "tickets"] as const) {
      const value: unknown = options[name];
      if (value !== undefined && (typeof value !== "object" || value === null)) {
        throw optionError(name, "expected an object");
      }
    }
    if (options.connector !== undefined && typeof options.connector !== "function") {
      throw optionError("connector", "expected a function");
    }
    this.#options = options;
    this.#others = others;
    this.limits = Object.freeze({
      ...resolveOptions(requestSection, options, { config, others }),
      clock,
    });
    const policy = resolveOptions(tlsSection, {}, { config });
    this.protocols = checkProtocols(protocols, quic !== undefined);
    this.#tls = new ClientTls(tls, policy, { clock, tickets });
    this.#proxy = options.proxy && new ConnectProxy(options.proxy, { policy, clock, tickets });
    const { allowHosts, privateAddresses } = options;
    if (allowHosts !== undefined || privateAddresses !== undefined) {
      this.#guard = new AddressGuard({
        ...(allowHosts === undefined ? {} : { allowHosts }),
        ...(privateAddresses === undefined ? {} : { privateAddresses }),
      });
    }
    if (this.#proxy !== undefined && privateAddresses === "refuse") {
      // It is the proxy that resolves names: nobody here sees where they lead.
      throw optionError("privateAddresses", 'expected "allow" with a proxy, which resolves names');
    }
    if (quic !== undefined && this.protocols.includes("h3")) {
      if (this.#proxy !== undefined || !policy.verifyPeer) {
        throw optionError("quic", "expected it without proxy, and with tls.verifyPeer");
      }
      const { resolver } = options;
      this.#quic = new QuicDialler(quic, { tls, tickets, clock, guard: this.#guard, resolver });
    }
    this.#dialling = {
      clock,
      connectTimeoutMs: this.limits.connectTimeoutMs,
      guard: this.#guard,
      ...(options.resolver === undefined ? {} : { resolver: options.resolver }),
      ...(options.connector === undefined ? {} : { connector: options.connector }),
    };
  }

  /**
   * The limits of a request that has some of its own.
   *
   * @throws {KingError} KING_OPTION_INVALID, KING_CONFIG_LOCKED
   */
  limitsOf(own: object, others: readonly string[]): RequestLimits {
    const { config } = this.#options;
    let known: Record<string, unknown> | undefined;
    for (const name of Object.keys(own)) {
      if (others.includes(name) || (own as Record<string, unknown>)[name] === undefined) continue;
      known ??= { ...this.#options };
      known[name] = (own as Record<string, unknown>)[name];
      if (!(exchangeLimits as readonly string[]).includes(name)) {
        throw unknownOption(name, [...others, ...exchangeLimits]);
      }
    }
    if (known === undefined) return this.limits;
    const section = resolveOptions(requestSection, known, { config, others: this.#others });
    return Object.freeze({ ...section, clock: this.limits.clock });
  }

  /** Whether it takes a handshake to know what is spoken with `origin`. */
  negotiates(origin: Origin): boolean {
    return origin.secure && this.protocols.length > 1;
  }

  /** Whether HTTP/3 is all that may be spoken. */
  get isQuicOnly(): boolean {
    return this.protocols.every((each) => each === "h3");
  }

  /**
   * @param quic where HTTP/3 may be tried, if anywhere.
   * @throws {KingError} KING_NET_*, KING_QUIC_*, KING_HTTP_PROTOCOL_UNAVAILABLE; the reason of `signal`.
   */
  async open(
    origin: Origin,
    signal: AbortSignal | undefined,
    quic: QuicTarget | undefined,
  ): Promise<OpenConnection> {
    if (this.isQuicOnly && !origin.secure) throw this.#unavailable(origin, "a URL of http:");
    const target = this.isQuicOnly ? (quic ?? origin) : quic;
    const dialler = this.#quic;
    if (dialler === undefined || target === undefined || !origin.secure) {
      return await this.#openTcp(origin, signal);
    }
    const overQuic = async (given: AbortSignal | undefined): Promise<OpenConnection> => {
      const session = await dialler.connect(target, origin.host, given);
      return { protocol: "h3", session };
    };
    if (this.isQuicOnly) return await overQuic(signal);
    if (!dialler.mayReach(origin.text)) return await this.#openTcp(origin, signal);
    return await this.#race(origin, overQuic, signal);
  }

  /** The first that connects wins; HTTP/3 has a head start, and what loses is given up. */
  async #race(
    origin: Origin,
    overQuic: (signal: AbortSignal) => Promise<OpenConnection>,
    signal: AbortSignal | undefined,
  ): Promise<OpenConnection> {
    const loses = { quic: new AbortController(), tcp: new AbortController() };
    const either = (own: AbortSignal) => (signal ? AbortSignal.any([signal, own]) : own);
    const headStart = new AbortController();
    const quic = overQuic(either(loses.quic.signal)).catch((error) => {
      headStart.abort();
      throw error;
    });
    const tcp = (async () => {
      await sleep(this.limits.clock, quicHeadStartMs, headStart.signal).catch(() => undefined);
      return await this.#openTcp(origin, either(loses.tcp.signal));
    })();
    try {
      const winner = await Promise.any([quic, tcp]);
      if (winner.protocol === "h3") {
        loses.tcp.abort();
        headStart.abort();
        tcp.then(discard, () => undefined);
      } else {
        loses.quic.abort();
        this.#quic?.markBroken(origin.text);
        quic.then(discard, () => undefined);
      }
      return winner;
    } catch {
      signal?.throwIfAborted();
      // What TCP met says more: it tells refusals apart.
      return await tcp;
    }
  }

  async #openTcp(origin: Origin, signal: AbortSignal | undefined): Promise<OpenConnection> {
    signal?.throwIfAborted();
    const { host, port, secure } = origin;
    const dialling = { ...this.#dialling, signal };
    const tcp = await (this.#proxy === undefined
      ? dial(host, port, dialling)
      : this.#proxy.connect(host, port, dialling));
    if (!secure) {
      const protocol = this.protocols.includes("h1") ? "h1" : "h2";
      return { socket: tcp, protocol };
    }
    const alpn = alpnOf(this.protocols);
    const socket = await this.#tls.handshake(tcp, { host, port, alpn, ...(signal && { signal }) });
    return { socket, protocol: this.#settled(origin, socket) };
  }

  #settled(origin: Origin, socket: TLSSocket): "h1" | "h2" {
    const protocol = socket.alpnProtocol === "h2" ? "h2" : "h1";
    if (this.protocols.includes(protocol)) return protocol;
    socket.destroy();
    const got = socket.alpnProtocol === false ? "no choice" : String(socket.alpnProtocol);
    throw this.#unavailable(origin, got);
  }

  #unavailable(origin: Origin, got: string) {
    return httpErrors.create(
      "KING_HTTP_PROTOCOL_UNAVAILABLE",
      `${origin.text}: expected ${this.protocols.join(" or ")}, got ${got}`,
      { wanted: this.protocols, got },
    );
  }
}

function discard(connection: OpenConnection): void {
  if (connection.protocol === "h3") connection.session.abort();
  else connection.socket.on("error", () => undefined).destroy();
}
