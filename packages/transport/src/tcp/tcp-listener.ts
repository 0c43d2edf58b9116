import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
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
import type { ListenTlsOptions } from "../tls/listener-tls.ts";
import { boundEndpoint } from "./bound-endpoint.ts";
import type { Firewall } from "./firewall.ts";
import { idleSweepMs } from "./idle-sweep.ts";
import type { tcpSection } from "./tcp-section.ts";
import { NodeTcpSession, type TcpSession } from "./tcp-session.ts";
import type { TcpTls } from "./tcp-tls.ts";
import { tell } from "./tell.ts";

/** Serves a session: the session lives on when it returns, and is aborted when it throws or rejects. */
export type TcpHandler = (session: TcpSession) => void | PromiseLike<void>;

/** A listener for TCP. */
export interface TcpListener extends Listener {
  sessions(): Iterable<TcpSession>;
  /**
   * Takes other certificates for connections to come; those that are open keep theirs.
   *
   * @throws {KingError} KING_NET_TLS when a key is not that of its certificate, or the listener is without
   * TLS, and KING_OPTION_INVALID; everything then stays as it was.
   */
  reloadTls(tls: ListenTlsOptions): void;
}

/** What a {@link NodeTcpListener} is made of; validated by `listenTcp`. */
export interface NodeTcpListenerOptions {
  readonly onSession: TcpHandler;
  readonly onError: (error: unknown) => unknown;
  readonly limits: SectionValues<typeof tcpSection> & { readonly clock: Clock };
  readonly firewall: Firewall;
  readonly tls: TcpTls | undefined;
}

/** A TCP listener over node's own server. */
export class NodeTcpListener extends Lifetime<ListenerClosed> implements TcpListener {
  protected override readonly kind = "listener";
  readonly #options: NodeTcpListenerOptions;
  readonly #server: Server;
  /** Each with its handler, while that is at work. */
  readonly #sessions = new Map<NodeTcpSession, Promise<void> | undefined>();
  /** Connections in their TLS handshake, by the peer's end. */
  readonly #fresh = new Map<string, Socket>();
  #local: Endpoint = { address: "", port: 0 };
  #sweep: Timer | undefined;
  #open = false;
  #accepted = 0;
  #refused = 0;
  #cut = 0;
  #aborted = false;

  constructor(options: NodeTcpListenerOptions) {
    super();
    this.#options = options;
    const { tls, limits } = options;
    const { keepAliveDelayMs } = limits;
    const socketOptions = {
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: Number.isFinite(keepAliveDelayMs),
      ...(Number.isFinite(keepAliveDelayMs) ? { keepAliveInitialDelay: keepAliveDelayMs } : {}),
    };
    if (tls === undefined) {
      this.#server = createServer(socketOptions);
      this.#server.on("connection", (socket: Socket) => {
        if (this.#admits(socket)) this.#serve(socket, socket);
      });
    } else {
      const server = createTlsServer({ ...socketOptions, ...tls.serverOptions });
      tls.attach(server);
      const [handshake] = server.listeners("connection");
      server.removeAllListeners("connection");
      server.on("connection", (socket: Socket) => {
        if (this.#admits(socket)) this.#shakeHands(socket, () => handshake?.call(server, socket));
      });
      server.on("secureConnection", (socket: TLSSocket) => this.#onSecure(socket));
      server.on("tlsClientError", (_error, socket) => {
        this.#refused++;
        socket.destroy();
      });
      this.#server = server;
    }
    this.#server.maxConnections = limits.maxSessions;
    this.#server.on("drop", () => this.#refused++);
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
    const server = this.#server;
    const { backlog, reusePort, idleTimeoutMs } = this.#options.limits;
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: NodeJS.ErrnoException) => {
        reject(
          netErrors.create(
            "KING_NET_BIND",
            `expected to listen on ${host} port ${port}, got ${cause.code ?? cause.message}`,
            { address: host, port },
            { cause },
          ),
        );
      };
      server.once("error", onError);
      server.listen({ host, port, backlog, reusePort }, () => {
        server.removeListener("error", onError);
        // Such as a failed accept for want of file descriptors: the listener goes on.
        server.on("error", (error) => tell(this.#options.onError, error));
        resolve();
      });
    });
    this.#local = boundEndpoint(server.address());
    this.#open = true;
    const tickMs = idleSweepMs(idleTimeoutMs);
    this.#sweep = this.clock.every(tickMs, () => this.#onSweep(tickMs), { keepAlive: false });
  }

  sessions(): Iterable<TcpSession> {
    return [...this.#sessions.keys()];
  }

  stats(): ListenerStats {
    let streamsActive = 0;
    for (const session of this.#sessions.keys()) streamsActive += session.streamsActive;
    return {
      sessionsAccepted: this.#accepted,
      sessionsRefused: this.#refused,
      sessionsActive: this.#sessions.size,
      streamsActive,
    };
  }

  reloadTls(options: ListenTlsOptions): void {
    const { tls } = this.#options;
    if (tls === undefined) {
      throw netErrors.create("KING_NET_TLS", "tls: expected a listener that was opened with it", {
        host: "listener",
        reason: "handshake",
      });
    }
    tls.reload(options);
  }

  #onSweep(tickMs: number): void {
    this.#options.tls?.sweep();
    for (const session of this.#sessions.keys()) session.sweep(tickMs);
  }

  #admits(socket: Socket): boolean {
    const { remoteAddress } = socket;
    // Without an address it is over already.
    if (remoteAddress !== undefined && this.#options.firewall.admits(remoteAddress)) return true;
    this.#refused++;
    socket.resetAndDestroy();
    return false;
  }

  #shakeHands(socket: Socket, handshake: () => void): void {
    const end = endOf(socket);
    this.#fresh.set(end, socket);
    socket.once("close", () => {
      if (this.#fresh.get(end) === socket) this.#fresh.delete(end);
    });
    handshake();
  }

  #onSecure(socket: TLSSocket): void {
    const end = endOf(socket);
    const wire = this.#fresh.get(end);
    this.#fresh.delete(end);
    // Without one the connection broke together with the handshake's end.
    if (wire === undefined) socket.destroy();
    else this.#serve(socket, wire);
  }

  #serve(socket: Socket, wire: Socket): void {
    const session = new NodeTcpSession("server", socket, wire, this.#options.limits);
    this.#accepted++;
    this.#sessions.set(session, undefined);
    session.onEnd = (ended) => this.#sessions.delete(ended as NodeTcpSession);
    if (this.closing) session.windDown();
    try {
      const served: unknown = this.#options.onSession(session);
      if (!isThenable(served)) return;
      const done = () => {
        if (this.#sessions.has(session)) this.#sessions.set(session, undefined);
      };
      const handler = Promise.resolve(served).then(done, (error) => {
        done();
        this.#onFailed(session, error);
      });
      if (this.#sessions.has(session)) this.#sessions.set(session, handler);
    } catch (error) {
      this.#onFailed(session, error);
    }
  }

  #onFailed(session: NodeTcpSession, error: unknown): void {
    if (session.explains(error)) return;
    session.abort(error);
    tell(this.#options.onError, error);
  }

  protected override beginClose(options: CloseOptions): void {
    void this.#end(options);
  }

  async #end(options: CloseOptions): Promise<void> {
    const server = this.#server;
    const released = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#fresh.values()) socket.destroy();
    // The deadline of the listener ends its sessions: they have none of their own.
    const forwarded = { ...options, deadlineMs: Number.POSITIVE_INFINITY };
    await Promise.all([...this.#sessions.keys()].map((each) => this.#endSession(each, forwarded)));
    await released;
    this.#sweep?.cancel();
    this.finish({ by: "local", clean: this.#cut === 0, sessionsAborted: this.#cut });
  }

  /** A handler that is at work comes to its own end; it was told. */
  async #endSession(session: NodeTcpSession, options: CloseOptions): Promise<void> {
    session.windDown();
    const handler = this.#sessions.get(session);
    if (handler !== undefined) await Promise.race([handler, session.closed]);
    await session.close(options);
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined || this.#aborted) return;
    this.#aborted = true;
    this.#cut = this.#sessions.size;
    for (const session of this.#sessions.keys()) session.abort(reason);
    for (const socket of this.#fresh.values()) socket.destroy();
    if (!this.closing) void this.close();
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === "function";

/** What a TLS connection and the TCP connection below have in common, and no other at the time. */
const endOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket) =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
