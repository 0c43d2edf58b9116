import type { Clock, HasSection } from "@king-runtime/core";
import { checkObject, optionError, resolveOptions, systemClock } from "@king-runtime/core";
import { tlsSection } from "../config.ts";
import {
  checkClock,
  checkHost,
  checkPort,
  checkSignal,
  clientOptions,
  closeOnAbort,
  refuseOptions,
} from "./common-options.ts";
import { Firewall } from "./firewall.ts";
import { NodeTcpListener, type TcpHandler, type TcpListener } from "./tcp-listener.ts";
import { tcpSection } from "./tcp-section.ts";
import { type ListenTcpTlsOptions, TcpTls } from "./tcp-tls.ts";

/** Options of {@link listenTcp}; keys of the `tcp` section may be given here too. */
export interface ListenTcpOptions {
  /**
   * Serves each session. It may return while the session goes on; when it throws or rejects the session is
   * aborted. While the promise it returned is pending, a listener that closes lets it go on until the deadline:
   * see `session.draining`.
   */
  onSession: TcpHandler;
  /** Address to listen on. @default "127.0.0.1" */
  host?: string;
  /** 0 takes a free one; see `listener.local`. @default 0 */
  port?: number;
  /** With it: TLS. */
  tls?: ListenTcpTlsOptions;
  /** Told of what `onSession` throws, and of failures to accept. @default console.error */
  onError?: (error: unknown) => unknown;
  config?: HasSection<typeof tcpSection> & HasSection<typeof tlsSection>;
  /** @default systemClock */
  clock?: Clock;
  /** Closes the listener when it aborts. */
  signal?: AbortSignal;
  allow?: readonly string[];
  deny?: readonly string[];
  maxSessions?: number;
  backlog?: number;
  reusePort?: boolean;
  maxWriteBufferBytes?: number;
  idleTimeoutMs?: number;
  keepAliveDelayMs?: number;
}

const others = ["onSession", "host", "port", "tls", "onError", "clock", "signal"] as const;

/**
 * Listens for TCP. The caller closes the listener: `close` refuses new connections, tells handlers that are
 * at work by `session.draining`, and ends the other sessions.
 *
 * @throws {KingError} KING_NET_BIND when the address cannot be had; KING_NET_TLS when certificate and key
 * do not fit; KING_OPTION_INVALID, KING_CONFIG_LOCKED; the reason of `signal`.
 */
export async function listenTcp(options: ListenTcpOptions): Promise<TcpListener> {
  checkObject("options", options);
  const { onSession, host = "127.0.0.1", port = 0, tls, config, clock = systemClock } = options;
  const { onError = console.error, signal } = options;
  for (const [name, value] of Object.entries({ onSession, onError })) {
    if (typeof value !== "function") throw optionError(name, "expected a function");
  }
  checkHost(host);
  checkPort(port, 0);
  checkClock(clock);
  checkSignal(signal);
  refuseOptions(options, clientOptions);
  signal?.throwIfAborted();
  const section = resolveOptions(tcpSection, options, { config, others });
  const policy = resolveOptions(tlsSection, {}, { config });
  const listener = new NodeTcpListener({
    onSession,
    onError,
    limits: Object.freeze({ ...section, clock }),
    firewall: new Firewall(section),
    tls: tls === undefined ? undefined : new TcpTls(tls, policy, clock),
  });
  await listener.open(host, port);
  closeOnAbort(listener, signal);
  return listener;
}
