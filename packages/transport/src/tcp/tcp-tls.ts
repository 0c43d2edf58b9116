import type { Server, TlsOptions } from "node:tls";
import {
  type Clock,
  checkObject,
  describeValue,
  optionError,
  type SectionValues,
} from "@king-runtime/core";
import type { tlsSection } from "../config.ts";
import { httpErrors } from "../errors.ts";
import { netErrors } from "../net-errors.ts";
import { ListenerTls, type ListenTlsOptions } from "../tls/listener-tls.ts";

/** TLS of a TCP listener. */
export interface ListenTcpTlsOptions extends ListenTlsOptions {
  /**
   * Application protocols to choose from (RFC 7301), those to prefer first. A client that offers others
   * alone is refused, one that offers none is not: look at `session.tls.alpn`. Stays as it is when the
   * certificates are reloaded.
   *
   * @default []
   */
  readonly alpn?: readonly string[];
}

/** The TLS of a listener whose errors are those of TCP. */
export class TcpTls {
  readonly #tls: ListenerTls;

  /** @throws {KingError} KING_NET_TLS, KING_OPTION_INVALID */
  constructor(
    options: ListenTcpTlsOptions,
    policy: SectionValues<typeof tlsSection>,
    clock: Clock,
  ) {
    checkObject("tls", options);
    if (policy.ticketSecret !== undefined && policy.ticketSecret.length < 32) {
      throw optionError("tls.ticketSecret", "expected 32 characters or more");
    }
    const { alpn = [], ...others } = options;
    checkAlpn(alpn);
    this.#tls = translated(() => new ListenerTls(others, policy, clock, alpn));
  }

  get serverOptions(): TlsOptions {
    return this.#tls.serverOptions;
  }

  attach(server: Server): void {
    this.#tls.attach(server);
  }

  /** @throws {KingError} KING_NET_TLS, KING_OPTION_INVALID */
  reload(options: ListenTlsOptions): void {
    translated(() => this.#tls.reload(options));
  }

  sweep(): void {
    this.#tls.sweep();
  }
}

/** @throws {KingError} KING_OPTION_INVALID unless each is a name of 1 to 255 bytes (RFC 7301, section 3.1). */
export function checkAlpn(alpn: unknown): asserts alpn is readonly string[] {
  const isName = (name: unknown) =>
    typeof name === "string" && name !== "" && Buffer.byteLength(name) <= 255;
  if (Array.isArray(alpn) && alpn.every(isName)) return;
  throw optionError("tls.alpn", `expected names of protocols, got ${describeValue(alpn)}`);
}

function translated<Value>(work: () => Value): Value {
  try {
    return work();
  } catch (error) {
    if (!httpErrors.is(error, "KING_HTTP_TLS")) throw error;
    throw netErrors.create(
      "KING_NET_TLS",
      error.message,
      { reason: "handshake" },
      { cause: error.cause },
    );
  }
}
