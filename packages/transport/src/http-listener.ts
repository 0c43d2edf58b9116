import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  ServerResponse,
} from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import {
  type CloseOptions,
  type Endpoint,
  KingError,
  Lifetime,
  type Listener,
  type ListenerClosed,
  type ListenerStats,
  type QuicEngine,
  type QuicTls,
  type Session,
  type StreamSession,
  sleep,
  type Timer,
} from "@king-runtime/core";
import { sweepIntervalMs } from "./deadlines.ts";
import { httpErrors } from "./errors.ts";
import type { ExchangeService } from "./exchange-service.ts";
import { answerClientError } from "./http1/client-error.ts";
import { Http1Exchange } from "./http1/exchange.ts";
import { Http1Session } from "./http1/session.ts";
import { takesUpgrade } from "./http1/upgrade-request.ts";
import { Http2Exchange } from "./http2/exchange.ts";
import { performHttp2Handshake } from "./http2/handshake.ts";
import { refusalOverHttp2 } from "./http2/refusal.ts";
import { Http2Session } from "./http2/session.ts";
import { refusalOverHttp3 } from "./http3/refusal.ts";
import { Http3Session } from "./http3/session.ts";
import type { HttpLimits } from "./limits.ts";
import type { ProxiedEndpoints } from "./proxy-protocol/header.ts";
import { receiveProxyHeader } from "./proxy-protocol/receive.ts";
import { TrustedProxies } from "./proxy-protocol/trusted-proxies.ts";
import { sniffPreface } from "./sniff-preface.ts";
import type { ListenerTls, ListenTlsOptions } from "./tls/listener-tls.ts";

/** A listener for HTTP. */
export interface HttpListener extends Listener {
  /**
   * Takes other certificates for connections to come; those that are open keep theirs.
   *
   * @throws {KingError} KING_HTTP_TLS when a key is not that of its certificate, and KING_OPTION_INVALID;
   * everything then stays as it was.
   */
  reloadTls(tls: ListenTlsOptions): void;
}

/** What a {@link NodeHttpListener} is made of; validated by `listenHttp`. */
export interface NodeHttpListenerOptions {
  readonly service: ExchangeService;
  readonly limits: HttpLimits;
  readonly tls: ListenerTls | undefined;
  /** Serves HTTP/3 too, on the same port of UDP. */
  readonly quic: Http3Binding | undefined;
  /** Told of what goes wrong with the listener itself, such as a failed accept. */
  readonly onError: (error: unknown) => void;
}

/** How many ports are tried where any would do. */
const mostTries = 5;

/** What HTTP/3 is served with. */
export interface Http3Binding {
  readonly engine: QuicEngine;
  readonly tls: Omit<QuicTls, "alpn">;
}

type AnySession = Http1Session | Http2Session | Http3Session;

/** A connection whose protocol is not settled yet. */
interface FreshConnection {
  readonly socket: Socket;
  ageMs: number;
  /** Whether node looks after its deadline: it is in a TLS handshake. */
  isHandshaking: boolean;
  proxied?: ProxiedEndpoints | undefined;
}

const sessionOf = Symbol("king.session");
type KnownSocket = Socket & { [sessionOf]?: Http1Session };
const exchangeOf = Symbol("king.exchange");
type KnownResponse = ServerResponse & { [exchangeOf]: Http1Exchange };

const noTimeout = 0; // to node; to us it is Infinity

/** An HTTP/1.1 and HTTP/2 listener over node's own servers. */
export class NodeHttpListener extends Lifetime<ListenerClosed> implements HttpListener {
  protected override readonly kind = "listener";
  readonly #service: ExchangeService;
  readonly #limits: HttpLimits;
  readonly #tls: ListenerTls | undefined;
  readonly #onError: (error: unknown) => void;
  readonly #proxies: TrustedProxies;
  readonly #server: Server;
  /** What node does with a connection that is HTTP/1.1. */
  readonly #serveByNode: (socket: Socket) => void;
  readonly #sessions = new Set<AnySession>();
  readonly #quic: Http3Binding | undefined;
  #quicListener: Listener | undefined;
  /** By their ends, which a TLS connection shares with the TCP connection below. */
  readonly #fresh = new Map<string, FreshConnection>();
  #local: Endpoint = { address: "", port: 0 };
  #sweep: Timer | undefined;
  #open = false;
  #accepted = 0;
  #refused = 0;
  #cut = 0;
  #aborted = false;
  /** Ends the time of grace. */
  readonly #abandoned = new AbortController();

  constructor({ service, limits, tls, quic, onError }: NodeHttpListenerOptions) {
    super();
    this.#quic = quic;
    this.#service = service;
    this.#limits = limits;
    this.#tls = tls;
    this.#onError = onError;
    this.#proxies = new TrustedProxies(limits.trustedProxies);
    if (tls === undefined) {
      this.#server = createServer(this.#http1Options());
      this.#serveByNode = takeListener(this.#server, "connection");
      this.#server.on("connection", (socket: Socket) => this.#accept(socket, this.#sniff));
    } else {
      const server = createTlsServer({ ...this.#http1Options(), ...tls.serverOptions });
      tls.attach(server);
      const handshake = takeListener(server, "connection");
      this.#serveByNode = takeListener(server, "secureConnection");
      server.on("connection", (socket: Socket) => this.#accept(socket, handshake));
      server.on("secureConnection", (socket: TLSSocket) => this.#onSecure(socket));
      server.on("tlsClientError", (_error, socket) => socket.destroy());
      this.#server = server;
    }
    const server = this.#server;
    server.maxConnections = limits.maxSessions;
    server.maxHeadersCount = limits.maxHeaderCount + 1; // node drops what is beyond
    server.on("drop", () => this.#refused++);
    server.on("request", (request, response) => this.#onRequest(request, response, false));
    server.on("checkContinue", (request, response) => this.#onRequest(request, response, true));
    server.on("checkExpectation", (request, response) => this.#onExpectation(request, response));
    server.on("upgrade", (request, socket, head) =>
      this.#onDetached(request, socket as Socket, head),
    );
    server.on("clientError", (error, socket) =>
      answerClientError(error, socket as Socket, (socket as KnownSocket)[sessionOf]),
    );
    server.on("connect", (request, socket) => this.#onConnect(request, socket as Socket));
  }

  #http1Options(): ServerOptions {
    const { headersTimeoutMs, maxHeaderBytes, upgradeProtocols } = this.#limits;
    const wanted = new Set(upgradeProtocols.map((protocol) => protocol.toLowerCase()));
    return {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: Number.isFinite(headersTimeoutMs) ? headersTimeoutMs : noTimeout,
      requestTimeout: noTimeout, // ours also holds for HTTP/2; see Deadlines
      keepAliveTimeout: noTimeout, // ours needs no timer for each response; see Http1Session
      connectionsCheckingInterval: Math.min(1_000, Math.max(10, Math.floor(headersTimeoutMs / 4))),
      noDelay: true,
      requireHostHeader: false, // node's answer would leave what comes behind to be served; see refusalOverHttp1
      // Node before 24.9 does not know it: there every upgrade request is handed over as one.
      shouldUpgradeCallback: (request: IncomingMessage) => takesUpgrade(request, wanted),
    };
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
    return this.#limits.clock;
  }

  /** Binds the address. */
  async open(host: string, port: number): Promise<void> {
    const server = this.#server;
    for (let tries = 1; ; tries++) {
      const bound = await this.#bind(host, port);
      try {
        await this.#openQuic(host, bound);
        break;
      } catch (error) {
        await new Promise<void>((resolve) =>
          NetServer.prototype.close.call(server, () => resolve()),
        );
        // A port that is free for TCP may be taken for UDP.
        const isTaken = port === 0 && KingError.is(error, "KING_QUIC_LISTEN");
        if (!isTaken || tries === mostTries) throw error;
      }
    }
    // Such as a failed accept for want of file descriptors: the listener goes on.
    server.on("error", this.#onError);
    this.#open = true;
    const tickMs = sweepIntervalMs(this.#limits);
    this.#sweep = this.#limits.clock.every(tickMs, () => this.#onSweep(tickMs), {
      keepAlive: false,
    });
  }

  async #bind(host: string, port: number): Promise<number> {
    const server = this.#server;
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error) => {
        const { code } = cause as NodeJS.ErrnoException;
        reject(
          httpErrors.create(
            "KING_HTTP_LISTEN",
            `expected to listen on ${host} port ${port}, got ${code ?? cause.message}`,
            { address: host, port },
            { cause },
          ),
        );
      };
      server.once("error", onError);
      const { backlog, reusePort } = this.#limits;
      server.listen({ host, port, backlog, reusePort }, () => {
        server.removeListener("error", onError);
        resolve();
      });
    });
    const { address, port: bound, family } = server.address() as AddressInfo;
    this.#local = Object.freeze({
      address,
      port: bound,
      family: family === "IPv6" ? ("IPv6" as const) : ("IPv4" as const),
    });
    return bound;
  }

  /** The same port of UDP, for HTTP/3. */
  async #openQuic(host: string, port: number): Promise<void> {
    if (this.#quic === undefined) return;
    const { engine, tls } = this.#quic;
    this.#quicListener = await engine.listen({
      local: { address: host, port },
      tls: { alpn: ["h3"], ...tls },
      onSession: (session) => this.#serveHttp3(session),
    });
    this.#limits.altSvc = `h3=":${port}"; ma=86400`;
  }

  #serveHttp3(quic: StreamSession): void {
    if (this.#sessions.size >= this.#limits.maxSessions) {
      this.#refused++;
      quic.abort();
      return;
    }
    const session: Http3Session = new Http3Session(quic, this.#limits, (exchange) =>
      this.#service.serve(exchange, refusalOverHttp3(exchange)),
    );
    this.#admit(session);
  }

  sessions(): Iterable<Session> {
    return [...this.#sessions];
  }

  stats(): ListenerStats {
    let streamsActive = 0;
    for (const session of this.#sessions) streamsActive += session.streamsActive;
    return {
      sessionsAccepted: this.#accepted,
      sessionsRefused: this.#refused,
      sessionsActive: this.#sessions.size,
      streamsActive,
    };
  }

  reloadTls(tls: ListenTlsOptions): void {
    if (this.#tls === undefined) {
      throw httpErrors.create("KING_HTTP_TLS", "tls: expected a listener that was opened with it", {
        origin: "listener",
        reason: "the listener is without TLS",
      });
    }
    this.#tls.reload(tls);
  }

  #onSweep(tickMs: number): void {
    this.#tls?.sweep();
    for (const session of this.#sessions) this.#sweepSession(session, tickMs);
    for (const fresh of this.#fresh.values()) {
      if (fresh.isHandshaking) continue;
      fresh.ageMs += tickMs;
      if (fresh.ageMs > this.#limits.headersTimeoutMs) fresh.socket.destroy();
    }
  }

  /** A fault in one session is no other's. */
  #sweepSession(session: AnySession, tickMs: number): void {
    try {
      session.sweep(tickMs);
    } catch (error) {
      this.#onError(error);
      session.abort(error);
    }
  }

  /** Takes a connection, and hands it on once it is known where it comes from. */
  #accept(socket: Socket, next: (socket: Socket) => void): void {
    const fresh: FreshConnection = { socket, ageMs: 0, isHandshaking: false };
    const end = endsOf(socket);
    this.#fresh.set(end, fresh);
    socket.once("close", () => {
      if (this.#fresh.get(end) === fresh) this.#fresh.delete(end);
    });
    const handOn = () => {
      fresh.isHandshaking = this.#tls !== undefined;
      next.call(this.#server, socket);
    };
    if (this.#proxies.isEmpty || !this.#proxies.includes(socket)) {
      handOn();
      return;
    }
    receiveProxyHeader(
      socket,
      (proxied) => {
        fresh.proxied = proxied;
        handOn();
      },
      () => this.#refused++,
    );
  }

  /** The protocol is settled; what was learnt before. */
  #settle(socket: Socket): ProxiedEndpoints | undefined {
    const end = endsOf(socket);
    const fresh = this.#fresh.get(end);
    this.#fresh.delete(end);
    return fresh?.proxied;
  }

  readonly #sniff = (socket: Socket): void => {
    sniffPreface(socket, (isHttp2) => {
      const proxied = this.#settle(socket);
      if (isHttp2) this.#serveHttp2(socket, proxied);
      else this.#serveHttp1(socket, proxied);
    });
  };

  #onSecure(socket: TLSSocket): void {
    const proxied = this.#settle(socket);
    if (socket.alpnProtocol === "h2") this.#serveHttp2(socket, proxied);
    else this.#serveHttp1(socket, proxied);
  }

  #serveHttp1(socket: KnownSocket, proxied: ProxiedEndpoints | undefined): void {
    const session = new Http1Session(socket, this.#limits, proxied);
    socket[sessionOf] = session;
    this.#admit(session);
    this.#serveByNode.call(this.#server, socket);
  }

  #serveHttp2(socket: Socket, proxied: ProxiedEndpoints | undefined): void {
    const handshake = performHttp2Handshake(socket, this.#limits);
    const session = new Http2Session(handshake, socket, this.#limits, proxied);
    this.#admit(session);
    // node reports flags, the raw fields last.
    handshake.on("stream", (stream: ServerHttp2Stream, headers, flags, raw?: string[]) => {
      const endStream = (flags & 0x1) !== 0;
      const exchange = new Http2Exchange(session, stream, headers, raw ?? [], endStream);
      session.opened(exchange);
      this.#service.serve(exchange, refusalOverHttp2(exchange, this.#limits));
    });
  }

  readonly #forget = (session: AnySession): void => {
    this.#sessions.delete(session);
  };

  #admit(session: AnySession): void {
    this.#accepted++;
    this.#sessions.add(session);
    session.onEnd = this.#forget;
    if (this.closing) session.windDown();
  }

  #onRequest(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const session = (request.socket as KnownSocket)[sessionOf] as Http1Session;
    session.inTurn(() => {
      const exchange = new Http1Exchange(session, request, response, expectsContinue);
      this.#track(session, exchange, response);
      this.#service.serve(exchange, exchange.refusal());
    });
  }

  /** A tunnel is not offered (RFC 9110, section 9.3.6); what follows the request is for nobody. */
  #onConnect(request: IncomingMessage, socket: Socket): void {
    socket.once("end", () => socket.destroySoon());
    socket.resume();
    this.#onDetached(request, socket, undefined);
  }

  /** A request after which node has taken its parser off the connection: an upgrade, or CONNECT. */
  #onDetached(request: IncomingMessage, socket: Socket, head: Buffer | undefined): void {
    const session = (request.socket as KnownSocket)[sessionOf] as Http1Session;
    session.detached();
    session.inTurn(() => {
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket);
      const exchange = new Http1Exchange(session, request, response, false, head);
      response.once("finish", () => {
        exchange.onResponseClose();
        socket.destroySoon();
      });
      this.#track(session, exchange, response);
      const refused = head === undefined ? { status: 501 } : undefined;
      this.#service.serve(exchange, exchange.refusal() ?? refused);
    });
  }

  #onExpectation(request: IncomingMessage, response: ServerResponse): void {
    const session = (request.socket as KnownSocket)[sessionOf] as Http1Session;
    session.inTurn(() => {
      const exchange = new Http1Exchange(session, request, response, true);
      this.#track(session, exchange, response);
      this.#service.serve(exchange, { status: 417, detail: 'expect: expected "100-continue"' });
    });
  }

  #track(session: Http1Session, exchange: Http1Exchange, response: ServerResponse): void {
    session.opened(exchange);
    (response as KnownResponse)[exchangeOf] = exchange;
    response.on("close", onResponseClose);
  }

  protected override beginClose(options: CloseOptions): void {
    void this.#end(options);
  }

  /**
   * Clients have connections in the queue of the system, and requests on their way: for the time of
   * grace both are served, and told to go elsewhere, before connections are refused and idle ones end.
   */
  async #end(options: CloseOptions): Promise<void> {
    if (this.#sessions.size + this.#fresh.size > 0) await this.#grace(options);
    const server = this.#server;
    // That of net: node's own would also cut connections on which a request is just being read.
    const released = new Promise<void>((resolve) =>
      NetServer.prototype.close.call(server, () => resolve()),
    );
    for (const { socket } of this.#fresh.values()) socket.destroy();
    // The deadline of the listener ends its sessions: they have none of their own. Upgraded ones
    // belong to whoever upgraded them, who closes them in his own time.
    const forwarded = { ...options, deadlineMs: Number.POSITIVE_INFINITY };
    for (const session of this.#sessions) void session.close(forwarded);
    const sessions = [...this.#sessions];
    await Promise.all(sessions.map((session) => session.left));
    // What is left is upgraded; over QUIC it needs the port still, which is let go of with the last of it.
    const quicReleased = this.#quicListener?.close();
    if (sessions.every((session) => session.state === "closed")) {
      await Promise.all([released, quicReleased]);
    }
    this.#sweep?.cancel();
    server.close(() => undefined); // also ends what node does from time to time
    this.finish({ by: "local", clean: this.#cut === 0, sessionsAborted: this.#cut });
  }

  async #grace({ deadlineMs = Number.POSITIVE_INFINITY }: CloseOptions): Promise<void> {
    for (const session of this.#sessions) session.windDown();
    const graceMs = Math.min(this.#limits.drainGraceMs, deadlineMs / 2);
    if (graceMs > 0)
      await sleep(this.clock, graceMs, this.#abandoned.signal).catch(() => undefined);
  }

  abort(reason?: unknown): void {
    if (this.ended === undefined && !this.#aborted) {
      this.#aborted = true;
      this.#abandoned.abort();
      this.#cut = this.#sessions.size;
    }
    // Also after the end, when only upgraded connections are left.
    for (const session of this.#sessions) session.abort(reason);
    for (const { socket } of this.#fresh.values()) socket.destroy();
    this.#quicListener?.abort(reason);
    if (!this.closing) void this.close();
  }
}

function onResponseClose(this: ServerResponse): void {
  (this as KnownResponse)[exchangeOf].onResponseClose();
}

/** Takes node's own listener off `server`, to be called for the connections that are its. */
function takeListener(server: Server, event: string): (socket: Socket) => void {
  const [listener] = server.listeners(event);
  server.removeAllListeners(event);
  return listener as (socket: Socket) => void;
}

/** What a TLS connection and the TCP connection below have in common, and no other at the time. */
const endsOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket) =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
