import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { optionError, resolveOptions, systemClock, unknownOption } from "@king-runtime/core";
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
import type { RequestLimits } from "./request-limits.ts";

/** A socket to an origin, and what is spoken on it. */
export interface OpenConnection {
  readonly socket: Socket;
  readonly protocol: ClientProtocol;
}

/** Makes the connections of one client, session or request, the same way each. */
export class Connections {
  readonly limits: RequestLimits;
  readonly #options: ConnectionOptions;
  readonly #others: readonly string[];
  readonly protocols: readonly ClientProtocol[];
  readonly #tls: ClientTls;
  readonly #proxy: ConnectProxy | undefined;
  readonly #guard: AddressGuard | undefined;
  readonly #dialling: Omit<DialOptions, "signal">;

  /**
   * @param others options that are read elsewhere.
   * @throws {KingError} KING_OPTION_INVALID, KING_CONFIG_LOCKED, KING_NET_TLS
   */
  constructor(options: ConnectionOptions, others: readonly string[]) {
    const { config, clock = systemClock, tls = {}, protocols = ["h2", "h1"], tickets } = options;
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
    this.protocols = checkProtocols(protocols);
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

  /**
   * @throws {KingError} KING_NET_*, KING_HTTP_PROTOCOL_UNAVAILABLE; the reason of `signal`.
   */
  async open(origin: Origin, signal: AbortSignal | undefined): Promise<OpenConnection> {
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

  #settled(origin: Origin, socket: TLSSocket): ClientProtocol {
    const protocol = socket.alpnProtocol === "h2" ? "h2" : "h1";
    if (this.protocols.includes(protocol)) return protocol;
    socket.destroy();
    const got = socket.alpnProtocol === false ? "no choice" : String(socket.alpnProtocol);
    throw httpErrors.create(
      "KING_HTTP_PROTOCOL_UNAVAILABLE",
      `${origin.text}: expected ${this.protocols.join(" or ")}, got ${got}`,
      { wanted: this.protocols, got },
    );
  }
}
