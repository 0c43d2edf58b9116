import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Clock, HasSection } from "@king-runtime/core";
import { checkObject, resolveOptions, systemClock } from "@king-runtime/core";
import { netErrors } from "../net-errors.ts";
import { boundEndpoint } from "../tcp/bound-endpoint.ts";
import {
  checkClock,
  checkHost,
  checkPort,
  checkSignal,
  refuseOptions,
  serverOptions,
} from "../tcp/common-options.ts";
import { lookAfter } from "../tcp/look-after.ts";
import { udpSection } from "./udp-section.ts";
import { NodeUdpSession, type UdpSession } from "./udp-session.ts";

/** Options of {@link connectUdp}; keys of the `udp` section may be given here too, those of listeners aside. */
export interface ConnectUdpOptions {
  /** Name, or address without brackets; of a name the first address is taken. */
  host: string;
  port: number;
  config?: HasSection<typeof udpSection>;
  /** @default systemClock */
  clock?: Clock;
  /** Gives up the look-up, and later aborts the session, with its reason. */
  signal?: AbortSignal;
  idleTimeoutMs?: number;
  maxDatagramBytes?: number;
  maxQueuedDatagrams?: number;
  maxQueuedBytes?: number;
  maxWriteBufferBytes?: number;
  resolveTimeoutMs?: number;
}

const others = ["host", "port", "clock", "signal"] as const;

/**
 * A session with one UDP peer; datagrams of others do not reach it. Nothing is sent yet: whether somebody
 * is there shows with the first answer. When the peer's system says that nobody is (ICMP), the session ends
 * with KING_NET_CONNECT. The caller closes it.
 *
 * @throws {KingError} KING_NET_RESOLVE; KING_NET_TIMEOUT after `resolveTimeoutMs`; KING_NET_CONNECT when there is
 * no way to the address; KING_OPTION_INVALID, KING_CONFIG_LOCKED; the reason of `signal`.
 */
export async function connectUdp(options: ConnectUdpOptions): Promise<UdpSession> {
  checkObject("options", options);
  const { host, port, config, clock = systemClock, signal } = options;
  checkHost(host);
  checkPort(port, 1);
  checkClock(clock);
  checkSignal(signal);
  refuseOptions(options, serverOptions);
  signal?.throwIfAborted();
  const limits = Object.freeze({
    ...resolveOptions(udpSection, options, { config, others }),
    clock,
  });
  const address =
    isIP(host) === 0 ? await addressOf(host, limits.resolveTimeoutMs, clock, signal) : host;
  const failed = (cause: Error) => {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
    return netErrors.create(
      "KING_NET_CONNECT",
      `${host} port ${port}: expected a peer, got ${code}`,
      { host, port, attempts: [{ address, code }] },
      { cause },
    );
  };
  const socket = await connected(address, port).catch((error) => Promise.reject(failed(error)));
  const session = new NodeUdpSession(
    {
      role: "client",
      local: boundEndpoint(socket.address()),
      remote: boundEndpoint(socket.remoteAddress()),
    },
    (datagram, done) => socket.send(datagram, done),
    limits,
    { limitBytes: limits.maxQueuedBytes, usedBytes: 0 },
  );
  const onError = (error: Error) => session.fail(failed(error));
  socket.on("message", (datagram) => session.receive(datagram));
  socket.on("error", onError);
  session.onSendError = onError;
  lookAfter(session, limits, signal, () => socket.close());
  return session;
}

async function addressOf(
  host: string,
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<string> {
  const givenUp = Promise.withResolvers<never>();
  const onAbort = () => givenUp.reject(signal?.reason);
  signal?.addEventListener("abort", onAbort);
  const timer = clock.after(timeoutMs, () => {
    const message = `expected an address of ${host} within ${timeoutMs} ms, got none`;
    givenUp.reject(netErrors.create("KING_NET_TIMEOUT", message, { phase: "resolve", timeoutMs }));
  });
  const found = lookup(host, { order: "verbatim" }).catch((cause) => {
    const message = `${host}: expected an address, got ${cause.code ?? "none"}`;
    throw netErrors.create("KING_NET_RESOLVE", message, { host }, { cause });
  });
  try {
    return (await Promise.race([found, givenUp.promise])).address;
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", onAbort);
    found.catch(() => undefined);
  }
}

async function connected(address: string, port: number): Promise<Socket> {
  const socket = createSocket(isIP(address) === 6 ? "udp6" : "udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.connect(port, address, (error?: Error) => (error ? reject(error) : resolve()));
    });
    socket.removeAllListeners("error");
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}
