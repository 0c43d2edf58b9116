import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import {
  describeValue,
  type Endpoint,
  optionError,
  type QuicConnectOptions,
  type QuicListenOptions,
  type QuicTls,
} from "@king-runtime/core";
import { quicErrors } from "./errors.ts";

const tlsNames = ["alpn", "cert", "key", "ca", "serverName"];

/** What a client shows and trusts, checked. */
export interface ClientTls {
  readonly alpn: readonly string[];
  readonly ca: string | undefined;
  readonly serverName: string;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** What a server shows, checked. */
export interface ServerTls {
  readonly alpn: readonly string[];
  readonly cert: string;
  readonly key: string;
  /** Who vouches for clients, which then must show a certificate. */
  readonly ca: string | undefined;
}

/** @throws {KingError} KING_OPTION_INVALID. */
export function checkConnect(options: QuicConnectOptions): ClientTls {
  checkNames(options, ["remote", "tls", "tickets", "earlyData", "signal"]);
  checkTls(options.tls);
  const { alpn, ca, cert, key, serverName = options.remote.address } = options.tls;
  const { tickets, earlyData = false } = options;
  if (typeof earlyData !== "boolean") {
    throw optionError("earlyData", `expected a boolean, got ${describeValue(earlyData)}`);
  }
  if (tickets !== undefined && typeof tickets?.take !== "function") {
    throw optionError("tickets", `expected a TicketStore, got ${describeValue(tickets)}`);
  }
  if ((cert === undefined) !== (key === undefined)) {
    const [has, lacks] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
    throw optionError(`tls.${lacks}`, `expected one beside tls.${has}, got none`);
  }
  return { alpn, ca, serverName, cert, key };
}

/** @throws {KingError} KING_OPTION_INVALID. */
export function checkListen(options: QuicListenOptions): ServerTls {
  checkNames(options, ["local", "tls", "onSession"]);
  checkTls(options.tls);
  const { alpn, ca, cert, key } = options.tls;
  if (cert === undefined) throw optionError("tls.cert", "expected a certificate in PEM, got none");
  if (key === undefined) throw optionError("tls.key", "expected a private key in PEM, got none");
  return { alpn, cert, key, ca };
}

function checkTls(tls: QuicTls): void {
  checkNames(tls, tlsNames, "tls.");
  if (tls.alpn.length === 0) throw optionError("tls.alpn", "expected at least one name, got none");
}

function checkNames(options: object, known: readonly string[], prefix = ""): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw optionError(prefix + name, `expected one of ${known.join(", ")}`);
    }
  }
}

/**
 * The endpoint with an IP address in place of a host name.
 *
 * @throws {KingError} KING_QUIC_CONNECT.
 */
export async function resolveEndpoint({ address, port }: Endpoint): Promise<Required<Endpoint>> {
  const known = isIP(address);
  if (known !== 0) return { address, port, family: known === 6 ? "IPv6" : "IPv4" };
  try {
    const found = await lookup(address);
    return { address: found.address, port, family: found.family === 6 ? "IPv6" : "IPv4" };
  } catch (cause) {
    throw connectError({ address, port }, "its address is not known", cause);
  }
}

/** The error for a connection that could not be made. */
export function connectError({ address, port }: Endpoint, reason: string, cause?: unknown) {
  const message = `expected to connect to ${address} port ${port}: ${reason}`;
  return quicErrors.create("KING_QUIC_CONNECT", message, { address, port }, { cause });
}

/** The error for an address that cannot be listened on. */
export function listenError({ address, port }: Endpoint, cause: unknown) {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `expected to listen on ${address} port ${port}, got ${why}`;
  return quicErrors.create("KING_QUIC_LISTEN", message, { address, port }, { cause });
}

/** The error for a handshake that took too long. */
export function handshakeTimeout(timeoutMs: number) {
  const message = `expected a handshake within ${timeoutMs} ms`;
  return quicErrors.create("KING_QUIC_TIMEOUT", message, { timeoutMs });
}
