import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import {
  type Clock,
  type CloseOptions,
  type Endpoint,
  Lifetime,
  type Listener,
  type ListenerClosed,
  type ListenerStats,
  type SectionValues,
  type Timer,
} from "@king-runtime/core";
import { netErrors } from "../net-errors.ts";
import { boundEndpoint } from "../tcp/bound-endpoint.ts";
import type { Firewall } from "../tcp/firewall.ts";
import { idleSweepMs } from "../tcp/idle-sweep.ts";
import { tell } from "../tcp/tell.ts";
import type { udpSection } from "./udp-section.ts";
import { NodeUdpSession, type UdpSession } from "./udp-session.ts";

/** Serves a session: it lives on when the handler returns, and is aborted when it throws or rejects. */
export type UdpHandler = (session: UdpSession) => void | PromiseLike<void>;

/** Numbers of a UDP listener. */
export interface UdpListenerStats extends ListenerStats {
  /** Datagrams that belong to no session: their peer is denied or has no port, or there are `maxSessions`. */
  readonly datagramsRefused: number;
}

/** A listener for UDP: a session for each peer, from its first datagram on. */
export interface UdpListener extends Listener {
  sessions(): Iterable<UdpSession>;
  /** As there is nothing to accept, `sessionsRefused` counts datagrams that would have begun a session. */
  stats(): UdpListenerStats;
}

/** What a {@link NodeUdpListener} is made of; validated by `listenUdp`. */
export interface NodeUdpListenerOptions {
  readonly onSession: UdpHandler;
  readonly onError: (error: unknown) => unknown;
  readonly limits: SectionValues<typeof udpSection> & { readonly clock: Clock };
  readonly firewall: Firewall;
}

/** A UDP listener over one socket of node's. */
export class NodeUdpListener extends Lifetime<ListenerClosed> implements UdpListener {
  protected override readonly kind = "listener";
  readonly #options: NodeUdpListenerOptions;
  readonly #sessions = new Map<string, NodeUdpSession>();
  readonly #budget: { readonly limitBytes: number; usedBytes: number };
  #socket: Socket | undefined;
  #local: Endpoint = { address: "", port: 0 };
  #sweep: Timer | undefined;
  #open = false;
  #accepted = 0;
  #refused = 0;
  #datagramsRefused = 0;
  #cut = 0;
  #aborted = false;

  constructor(options: NodeUdpListenerOptions) {
    super();
    this.#options = options;
    this.#budget = { limitBytes: options.limits.maxQueuedBytes, usedBytes: 0 };
  }

  get local(): Endpoint {
    return this.#local;
  }

  get state(): "opening" | "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    if (this.closing) return "draining";
    return this.#open ? "open" : "opening";
  }

  protected override get clock() {
    return this.#options.limits.clock;
  }

  /** Binds the address. */
  async open(host: string, port: number): Promise<void> {
    const { reusePort, idleTimeoutMs } = this.#options.limits;
    const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4", reusePort });
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: NodeJS.ErrnoException) => {
        socket.close();
        reject(
          netErrors.create(
            "KING_NET_BIND",
            `expected to bind ${host} port ${port}, got ${cause.code ?? cause.message}`,
            { address: host, port },
            { cause },
          ),
        );
      };
      socket.once("error", onError);
      socket.bind({ address: host, port }, () => {
        socket.removeListener("error", onError);
        socket.on("error", (error) => tell(this.#options.onError, error));
        resolve();
      });
    });
    socket.on("message", (datagram, from) => this.#onDatagram(datagram, from));
    this.#local = boundEndpoint(socket.address());
    this.#open = true;
    const tickMs = idleSweepMs(idleTimeoutMs);
    const sweep = () => {
      for (const session of this.#sessions.values()) session.sweep(tickMs);
    };
    if (Number.isFinite(idleTimeoutMs)) {
      this.#sweep = this.clock.every(tickMs, sweep, { keepAlive: false });
    }
  }

  sessions(): Iterable<UdpSession> {
    return [...this.#sessions.values()];
  }

  stats(): UdpListenerStats {
    return {
      sessionsAccepted: this.#accepted,
      sessionsRefused: this.#refused,
      sessionsActive: this.#sessions.size,
      streamsActive: 0,
      datagramsRefused: this.#datagramsRefused,
    };
  }

  #onDatagram(datagram: Uint8Array, from: RemoteInfo): void {
    const peer = `${from.address} ${from.port}`;
    const session = this.#sessions.get(peer) ?? this.#admit(peer, from);
    if (session === undefined) this.#datagramsRefused++;
    else session.receive(datagram);
  }

  #admit(peer: string, { address, port, family }: RemoteInfo): NodeUdpSession | undefined {
    const { limits, firewall } = this.#options;
    // Port 0 stands for none (RFC 768): nobody can be answered there.
    const isWelcome =
      port !== 0 &&
      !this.closing &&
      this.#sessions.size < limits.maxSessions &&
      firewall.admits(address);
    if (!isWelcome) {
      this.#refused++;
      return undefined;
    }
    const socket = this.#socket as Socket;
    const session = new NodeUdpSession(
      { role: "server", local: this.#local, remote: Object.freeze({ address, port, family }) },
      (datagram, done) => socket.send(datagram, port, address, done),
      limits,
      this.#budget,
    );
    this.#accepted++;
    this.#sessions.set(peer, session);
    session.onEnd = () => this.#sessions.delete(peer);
    this.#serve(session);
    return session;
  }

  #serve(session: NodeUdpSession): void {
    const onFailed = (error: unknown) => {
      // What its own end throws in it is no fault of the handler's.
      const isItsEnd = session.state === "closed" && session.isReason(error);
      session.abort(error);
      if (!isItsEnd) tell(this.#options.onError, error);
    };
    try {
      Promise.resolve(this.#options.onSession(session)).catch(onFailed);
    } catch (error) {
      onFailed(error);
    }
  }

  protected override beginClose(options: CloseOptions): void {
    void this.#end(options);
  }

  async #end(options: CloseOptions): Promise<void> {
    // The deadline of the listener ends its sessions: they have none of their own.
    const forwarded = { ...options, deadlineMs: Number.POSITIVE_INFINITY };
    await Promise.all([...this.#sessions.values()].map((session) => session.close(forwarded)));
    await new Promise<void>((resolve) => this.#socket?.close(() => resolve()));
    this.#sweep?.cancel();
    this.finish({ by: "local", clean: this.#cut === 0, sessionsAborted: this.#cut });
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined || this.#aborted) return;
    this.#aborted = true;
    this.#cut = this.#sessions.size;
    for (const session of this.#sessions.values()) session.abort(reason);
    if (!this.closing) void this.close();
  }
}
