import type { Clock, HasSection } from "@king-runtime/core";
import { checkObject, optionError, resolveOptions, systemClock } from "@king-runtime/core";
import {
  checkClock,
  checkHost,
  checkPort,
  checkSignal,
  clientOptions,
  closeOnAbort,
  refuseOptions,
} from "../tcp/common-options.ts";
import { Firewall } from "../tcp/firewall.ts";
import { tell } from "../tcp/tell.ts";
import { NodeUdpListener, type UdpHandler, type UdpListener } from "./udp-listener.ts";
import { udpSection } from "./udp-section.ts";
import type { UdpSession } from "./udp-session.ts";

/** Options of {@link listenUdp}; keys of the `udp` section may be given here too. */
export interface ListenUdpOptions {
  /**
   * Serves the session of each peer, from its first datagram on. It may return while the session goes on; when
   * it throws or rejects the session is aborted. One of this and `onDatagram` is to be given.
   */
  onSession?: UdpHandler;
  /**
   * Called for each datagram, of one peer with one at a time, in order; those that come meanwhile wait, as
   * for a reader. What it throws is told to `onError`, and the session goes on.
   */
  onDatagram?: (datagram: Uint8Array, session: UdpSession) => unknown;
  /** Address to bind. @default "127.0.0.1" */
  host?: string;
  /** 0 takes a free one; see `listener.local`. @default 0 */
  port?: number;
  /** Told of what the handler throws, and of failures of the socket. @default console.error */
  onError?: (error: unknown) => unknown;
  config?: HasSection<typeof udpSection>;
  /** @default systemClock */
  clock?: Clock;
  /** Closes the listener when it aborts. */
  signal?: AbortSignal;
  allow?: readonly string[];
  deny?: readonly string[];
  maxSessions?: number;
  reusePort?: boolean;
  idleTimeoutMs?: number;
  maxDatagramBytes?: number;
  maxQueuedDatagrams?: number;
  maxQueuedBytes?: number;
  maxWriteBufferBytes?: number;
}

const others = ["onSession", "onDatagram", "host", "port", "onError", "clock", "signal"] as const;

/**
 * Takes datagrams over UDP, in a session for each peer. The caller closes the listener: `close` has what was
 * sent go to the system, and unbinds the address. Whoever answers strangers must not answer with more than
 * they sent: the address that a datagram comes from may be anybody's.
 *
 * @throws {KingError} KING_NET_BIND when the address cannot be had; KING_OPTION_INVALID, KING_CONFIG_LOCKED; the
 * reason of `signal`.
 */
export async function listenUdp(options: ListenUdpOptions): Promise<UdpListener> {
  checkObject("options", options);
  const { host = "127.0.0.1", port = 0, config, clock = systemClock } = options;
  const { onError = console.error, signal } = options;
  if (typeof onError !== "function") throw optionError("onError", "expected a function");
  const onSession = handlerOf(options, onError);
  checkHost(host);
  checkPort(port, 0);
  checkClock(clock);
  checkSignal(signal);
  refuseOptions(options, clientOptions);
  signal?.throwIfAborted();
  const section = resolveOptions(udpSection, options, { config, others });
  const listener = new NodeUdpListener({
    onSession,
    onError,
    limits: Object.freeze({ ...section, clock }),
    firewall: new Firewall(section),
  });
  await listener.open(host, port);
  closeOnAbort(listener, signal);
  return listener;
}

function handlerOf(
  { onSession, onDatagram }: ListenUdpOptions,
  onError: (error: unknown) => unknown,
): UdpHandler {
  for (const [name, value] of Object.entries({ onSession, onDatagram })) {
    if (value !== undefined && typeof value !== "function") {
      throw optionError(name, "expected a function");
    }
  }
  if ((onSession === undefined) === (onDatagram === undefined)) {
    throw optionError("onSession", "expected it or onDatagram, and one of them alone");
  }
  if (onDatagram === undefined) return onSession as UdpHandler;
  return async (session) => {
    for await (const datagram of session) {
      try {
        await onDatagram(datagram, session);
      } catch (error) {
        tell(onError, error);
      }
    }
  };
}
