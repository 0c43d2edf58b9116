import type { Socket } from "node:net";
import type { Clock, HasSection, SectionValues } from "@king-runtime/core";
import { checkObject, resolveOptions, systemClock } from "@king-runtime/core";
import { tlsSection } from "../config.ts";
import { dial } from "../dial/dial.ts";
import { netErrors } from "../net-errors.ts";
import { ClientTls, type ClientTlsOptions } from "../tls/client-tls.ts";
import {
  checkClock,
  checkHost,
  checkPort,
  checkSignal,
  refuseOptions,
  serverOptions,
} from "./common-options.ts";
import { lookAfter } from "./look-after.ts";
import { tcpSection } from "./tcp-section.ts";
import { NodeTcpSession, type TcpSession } from "./tcp-session.ts";
import { checkAlpn } from "./tcp-tls.ts";

/** TLS of {@link connectTcp}. */
export interface ConnectTcpTlsOptions extends ClientTlsOptions {
  /**
   * Application protocols to offer (RFC 7301), those to prefer first. A server may take none of them: look at
   * `session.tls.alpn`. @default []
   */
  readonly alpn?: readonly string[];
}

/** Options of {@link connectTcp}; keys of the `tcp` section may be given here too, those of listeners aside. */
export interface ConnectTcpOptions {
  /** Name, or address without brackets; of a name the fastest address is taken (RFC 8305). */
  host: string;
  port: number;
  /** With it: TLS, by the `tls` section's policy. */
  tls?: ConnectTcpTlsOptions;
  config?: HasSection<typeof tcpSection> & HasSection<typeof tlsSection>;
  /** @default systemClock */
  clock?: Clock;
  /** Gives up connecting, and later aborts the session, with its reason. */
  signal?: AbortSignal;
  maxWriteBufferBytes?: number;
  idleTimeoutMs?: number;
  keepAliveDelayMs?: number;
  connectTimeoutMs?: number;
}

const others = ["host", "port", "tls", "clock", "signal"] as const;

/**
 * Connects to a host over TCP. The caller closes the session.
 *
 * @throws {KingError} KING_NET_RESOLVE, KING_NET_CONNECT; KING_NET_TIMEOUT after `connectTimeoutMs`, or the
 * handshake timeout of the `tls` section; KING_NET_TLS; KING_OPTION_INVALID, KING_CONFIG_LOCKED; the reason
 * of `signal`.
 */
export async function connectTcp(options: ConnectTcpOptions): Promise<TcpSession> {
  checkObject("options", options);
  const { host, port, tls, config, clock = systemClock, signal } = options;
  checkHost(host);
  checkPort(port, 1);
  checkClock(clock);
  checkSignal(signal);
  refuseOptions(options, serverOptions);
  const limits = resolveOptions(tcpSection, options, { config, others });
  const policy = resolveOptions(tlsSection, {}, { config });
  const secure = tls === undefined ? undefined : tlsOf(tls, policy, clock);
  const { connectTimeoutMs, keepAliveDelayMs } = limits;
  const wire = await dial(host, port, { clock, signal, connectTimeoutMs });
  wire.allowHalfOpen = true;
  if (Number.isFinite(keepAliveDelayMs)) wire.setKeepAlive(true, keepAliveDelayMs);
  const socket: Socket =
    secure === undefined
      ? wire
      : await secure.tls.handshake(wire, { host, port, alpn: secure.alpn, signal });
  if (socket.destroyed) throw broken(host, port, wire);
  const session = new NodeTcpSession("client", socket, wire, Object.freeze({ ...limits, clock }));
  lookAfter(session, { ...limits, clock }, signal);
  return session;
}

function tlsOf(tls: ConnectTcpTlsOptions, policy: SectionValues<typeof tlsSection>, clock: Clock) {
  checkObject("tls", tls);
  const { alpn = [], ...options } = tls;
  checkAlpn(alpn);
  return { tls: new ClientTls(options, policy, { clock }), alpn };
}

/** The connection broke together with the handshake's end, before anybody could listen. */
function broken(host: string, port: number, wire: Socket) {
  const code = (wire.errored as NodeJS.ErrnoException | null)?.code ?? "ECONNRESET";
  const attempts = [{ address: wire.remoteAddress ?? host, code }];
  return netErrors.create(
    "KING_NET_CONNECT",
    `${host} port ${port}: expected a connection, got ${code} after the handshake`,
    { host, port, attempts },
    { cause: wire.errored },
  );
}
