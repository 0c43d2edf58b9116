import diagnostics from "node:diagnostics_channel";
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  ServerResponse,
} from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import {
  type CloseOptions,
  type Endpoint,
  type ExchangeHandler,
  KingError,
  Lifetime,
  type Listener,
  type ListenerClosed,
  type ListenerStats,
  type SectionValues,
  type Session,
  type Timer,
} from "@king-runtime/core";
import type { tlsSection } from "./config.ts";
import { sweepIntervalMs } from "./deadlines.ts";
import { httpErrors } from "./errors.ts";
import type { HttpExchange } from "./http-exchange.ts";
import { answerClientError } from "./http1/client-error.ts";
import { Http1Exchange } from "./http1/exchange.ts";
import { Http1Session } from "./http1/session.ts";
import { takesUpgrade } from "./http1/upgrade-request.ts";
import { Http2Exchange } from "./http2/exchange.ts";
import { performHttp2Handshake } from "./http2/handshake.ts";
import { refusalOverHttp2 } from "./http2/refusal.ts";
import { Http2Session } from "./http2/session.ts";
import type { HttpLimits } from "./limits.ts";
import type { ListenTlsOptions } from "./listen-http.ts";
import type { Problem } from "./problem.ts";
import { ServerTelemetry } from "./telemetry.ts";

/** What an {@link HttpListener} is made of; validated by `listenHttp`. */
export interface HttpListenerOptions {
  readonly handler: ExchangeHandler;
  readonly limits: HttpLimits;
  readonly tls: ListenTlsOptions | undefined;
  readonly tlsPolicy: SectionValues<typeof tlsSection>;
  readonly onHandlerError: (error: unknown) => void;
}

const sessionOf = Symbol("king.session");
type KnownSocket = Socket & { [sessionOf]?: Http1Session };
const exchangeOf = Symbol("king.exchange");
type KnownResponse = ServerResponse & { [exchangeOf]: Http1Exchange };

const requests = diagnostics.channel("king:transport:request");
const noTimeout = 0; // to node; to us it is Infinity
const preface = Buffer.from("PRI * HTTP/2.0"); // RFC 9113, section 3.4

/** An HTTP/1.1 and HTTP/2 listener over node's own servers. */
export class HttpListener extends Lifetime<ListenerClosed> implements Listener {
  protected override readonly kind = "listener";
  readonly #options: HttpListenerOptions;
  readonly #limits: HttpLimits;
  readonly #server: Server;
  readonly #sessions = new Set<Http1Session | Http2Session>();
  /** Connections whose protocol is not settled, by their remote end, and their age. */
  readonly #fresh = new Map<string, { socket: Socket; ageMs: number }>();
  readonly #telemetry = new ServerTelemetry();
  #local: Endpoint = { address: "", port: 0 };
  #sweep: Timer | undefined;
  #open = false;
  #accepted = 0;
  #refused = 0;
  #cut = 0;
  #aborted = false;

  constructor(options: HttpListenerOptions) {
    super();
    this.#options = options;
    this.#limits = options.limits;
    this.#server = options.tls === undefined ? this.#clearServer() : this.#tlsServer(options.tls);
    const server = this.#server;
    server.maxConnections = this.#limits.maxSessions;
    server.on("drop", () => this.#refused++);
    server.on("request", (request, response) => this.#onRequest(request, response, false));
    server.on("checkContinue", (request, response) => this.#onRequest(request, response, true));
    server.on("checkExpectation", (request, response) => this.#onExpectation(request, response));
    server.on("upgrade", (request, socket, head) =>
      this.#onUpgrade(request, socket as Socket, head),
    );
    server.on("clientError", (error, socket) =>
      answerClientError(error, socket as Socket, (socket as KnownSocket)[sessionOf]),
    );
    server.on("connect", (_request, socket) =>
      socket.end("HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
    );
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

  #clearServer(): Server {
    const server = createServer(this.#http1Options());
    const serveHttp1 = takeListener(server, "connection");
    server.on("connection", (socket: Socket) => this.#sniff(socket, serveHttp1));
    return server;
  }

  #tlsServer(tls: ListenTlsOptions): Server {
    const { minVersion, handshakeTimeoutMs } = this.#options.tlsPolicy;
    let server: Server;
    try {
      server = createTlsServer({
        ...this.#http1Options(),
        ...(tls as { cert: string; key: string }),
        minVersion,
        handshakeTimeout: handshakeTimeoutMs,
        ALPNProtocols: ["h2", "http/1.1"],
      });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw httpErrors.create(
        "KING_HTTP_TLS",
        `tls: expected a certificate and its key, got ${reason}`,
        { origin: "listener", reason },
        { cause },
      );
    }
    const serveHttp1 = takeListener(server, "secureConnection");
    server.on("connection", (socket: Socket) => {
      const end = this.#addFresh(socket);
      socket.once("close", () => this.#fresh.delete(end));
    });
    server.on("secureConnection", (socket: TLSSocket) => {
      this.#fresh.delete(remoteEnd(socket));
      if (socket.alpnProtocol === "h2") this.#serveHttp2(socket);
      else this.#serveHttp1(socket, serveHttp1);
    });
    server.on("tlsClientError", (_error, socket) => socket.destroy());
    return server;
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
      server.listen({ host, port }, () => {
        server.removeListener("error", onError);
        // Such as a failed accept for want of file descriptors: the listener goes on.
        server.on("error", this.#options.onHandlerError);
        resolve();
      });
    });
    const { address, port: bound, family } = server.address() as AddressInfo;
    this.#local = Object.freeze({
      address,
      port: bound,
      family: family === "IPv6" ? ("IPv6" as const) : ("IPv4" as const),
    });
    this.#open = true;
    const tickMs = sweepIntervalMs(this.#limits);
    this.#sweep = this.#limits.clock.every(tickMs, () => this.#onSweep(tickMs), {
      keepAlive: false,
    });
  }

  sessions(): Iterable<Session> {
    return [...this.#sessions];
  }

  stats(): ListenerStats {
    let exchangesActive = 0;
    for (const session of this.#sessions) exchangesActive += session.exchangesActive;
    return {
      sessionsAccepted: this.#accepted,
      sessionsRefused: this.#refused,
      sessionsActive: this.#sessions.size,
      exchangesActive,
    };
  }

  #onSweep(tickMs: number): void {
    for (const session of this.#sessions) session.sweep(tickMs);
    // Of a TLS connection the handshake has a deadline of its own.
    if (this.#options.tls !== undefined) return;
    for (const fresh of this.#fresh.values()) {
      fresh.ageMs += tickMs;
      if (fresh.ageMs > this.#limits.headersTimeoutMs) fresh.socket.destroy();
    }
  }

  #addFresh(socket: Socket): string {
    const end = remoteEnd(socket);
    this.#fresh.set(end, { socket, ageMs: 0 });
    return end;
  }

  /** Tells HTTP/2 with prior knowledge from HTTP/1.1 by its first bytes, and puts them back. */
  #sniff(socket: Socket, serveHttp1: (socket: Socket) => void): void {
    const end = this.#addFresh(socket);
    const give = () => socket.destroy();
    socket.on("error", give);
    socket.once("end", give); // with what came so far it cannot be answered
    let seen: Buffer | undefined;
    const settle = () => {
      this.#fresh.delete(end);
      socket.removeListener("error", give);
      socket.removeListener("end", give);
      socket.removeListener("readable", onReadable);
      socket.removeListener("close", settle);
    };
    const onReadable = () => {
      const chunk: Buffer | null = socket.read();
      if (chunk === null) return;
      seen = seen === undefined ? chunk : Buffer.concat([seen, chunk]);
      const length = Math.min(seen.length, preface.length);
      const maybe = seen.subarray(0, length).equals(preface.subarray(0, length));
      if (maybe && seen.length < preface.length) return;
      settle();
      socket.unshift(seen);
      if (maybe) this.#serveHttp2(socket);
      else this.#serveHttp1(socket, serveHttp1);
    };
    socket.once("close", settle);
    socket.on("readable", onReadable);
  }

  #serveHttp1(socket: KnownSocket, serve: (socket: Socket) => void): void {
    const session = new Http1Session(socket, this.#limits);
    socket[sessionOf] = session;
    this.#admit(session);
    serve.call(this.#server, socket);
  }

  #serveHttp2(socket: Socket): void {
    const handshake = performHttp2Handshake(socket, this.#limits);
    const session = new Http2Session(handshake, socket, this.#limits);
    this.#admit(session);
    // node reports flags, the raw fields last.
    handshake.on("stream", (stream: ServerHttp2Stream, headers, flags, raw?: string[]) => {
      const endStream = (flags & 0x1) !== 0;
      const exchange = new Http2Exchange(session, stream, headers, raw ?? [], endStream);
      session.opened(exchange);
      this.#serve(exchange, refusalOverHttp2(exchange, this.#limits));
    });
  }

  #admit(session: Http1Session | Http2Session): void {
    this.#accepted++;
    this.#sessions.add(session);
    session.closed.then(() => {
      this.#sessions.delete(session);
    });
    if (this.closing) void session.close();
  }

  #onRequest(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const session = (request.socket as KnownSocket)[sessionOf] as Http1Session;
    session.inTurn(() => {
      const exchange = new Http1Exchange(session, request, response, expectsContinue);
      this.#track(session, exchange, response);
      this.#serve(exchange, exchange.refusal());
    });
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const session = (request.socket as KnownSocket)[sessionOf] as Http1Session;
    session.inTurn(() => {
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false; // node has taken its parser off this connection
      response.assignSocket(socket);
      const exchange = new Http1Exchange(session, request, response, false, head);
      response.once("finish", () => {
        exchange.onResponseClose();
        socket.destroySoon();
      });
      this.#track(session, exchange, response);
      this.#serve(exchange, exchange.refusal());
    });
  }

  #onExpectation(request: IncomingMessage, response: ServerResponse): void {
    const session = (request.socket as KnownSocket)[sessionOf] as Http1Session;
    session.inTurn(() => {
      const exchange = new Http1Exchange(session, request, response, true);
      this.#track(session, exchange, response);
      this.#serve(exchange, { status: 417, detail: 'expect: expected "100-continue"' });
    });
  }

  #track(session: Http1Session, exchange: Http1Exchange, response: ServerResponse): void {
    session.opened(exchange);
    (response as KnownResponse)[exchangeOf] = exchange;
    response.on("close", onResponseClose);
  }

  #serve(exchange: HttpExchange, refused?: Problem): void {
    if (requests.hasSubscribers) requests.publish({ exchange });
    this.#telemetry.observe(exchange, () => {
      if (refused !== undefined) exchange.answer(refused);
      else if (exchange.announcedBytes > this.#limits.maxBodyBytes) this.#refuseBody(exchange);
      else this.#handle(exchange);
    });
  }

  #refuseBody(exchange: HttpExchange): void {
    const detail = `expected a body of at most ${this.#limits.maxBodyBytes} bytes`;
    exchange.answer({ status: 413, detail });
  }

  #handle(exchange: HttpExchange): void {
    try {
      const outcome = this.#options.handler(exchange);
      if (outcome === undefined) return;
      outcome.then(
        () => this.#onHandled(exchange),
        (error) => this.#onFailed(exchange, error),
      );
    } catch (error) {
      this.#onFailed(exchange, error);
    }
  }

  #onHandled(exchange: HttpExchange): void {
    if (exchange.responded || exchange.over) return;
    this.#onFailed(exchange, new Error("the handler returned without a response"));
  }

  #onFailed(exchange: HttpExchange, error: unknown): void {
    const { over } = exchange;
    const tooLarge = httpErrors.is(error, "KING_HTTP_BODY_LIMIT");
    if (!over) {
      if (exchange.responded) exchange.abort(error);
      else if (tooLarge) this.#refuseBody(exchange);
      else exchange.answer({ status: 500 });
    }
    // What the client did is no fault of the handler's.
    if (over || tooLarge || isClientsFault(error)) return;
    try {
      this.#options.onHandlerError(error);
    } catch (failure) {
      console.error(failure);
    }
  }

  protected override beginClose(options: CloseOptions): void {
    void this.#end(options);
  }

  async #end(options: CloseOptions): Promise<void> {
    const server = this.#server;
    const released = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const { socket } of this.#fresh.values()) socket.destroy();
    // The deadline of the listener ends its sessions: they have none of their own. Upgraded ones
    // belong to whoever upgraded them, who closes them in his own time.
    const forwarded = { ...options, deadlineMs: Number.POSITIVE_INFINITY };
    for (const session of this.#sessions) void session.close(forwarded);
    const sessions = [...this.#sessions];
    await Promise.all(sessions.map((session) => session.left));
    if (sessions.every((session) => session.state === "closed")) await released;
    this.#sweep?.cancel();
    this.finish({ by: "local", clean: this.#cut === 0, sessionsAborted: this.#cut });
  }

  abort(reason?: unknown): void {
    if (this.ended === undefined && !this.#aborted) {
      this.#aborted = true;
      this.#cut = this.#sessions.size;
    }
    // Also after the end, when only upgraded connections are left.
    for (const session of this.#sessions) session.abort(reason);
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

/** The client left, broke the protocol, or did not keep a deadline of its own. */
const isClientsFault = (error: unknown): boolean =>
  KingError.is(error, "KING_STREAM_RESET") ||
  httpErrors.is(error, "KING_HTTP_PROTOCOL") ||
  (httpErrors.is(error, "KING_HTTP_TIMEOUT") && error.details.phase !== "response");

const remoteEnd = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
