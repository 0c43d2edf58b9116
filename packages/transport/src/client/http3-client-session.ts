import type { SessionStats, StreamCapability, StreamSession, Timer } from "@king-runtime/core";
import { httpErrors } from "../errors.ts";
import { type Http3Error, http3Codes } from "../http3/codes.ts";
import { Http3Connection } from "../http3/connection.ts";
import { maySendEarly, pendingHandshake } from "../http3/early-data.ts";
import { Http3Stream } from "../http3/http3-stream.ts";
import { factsOf } from "../http3/quic-facts.ts";
import { streamCapabilities } from "../http3/stream-capabilities.ts";
import {
  offeredWebTransport,
  type WebTransportCarrier,
  webTransportCarrier,
} from "../http3/web-transport.ts";
import type { SocketFacts } from "../socket-facts.ts";
import type { ClientConnection } from "./client-session.ts";
import type { ConnectionBelow } from "./connection-below.ts";
import { Http3ClientExchange, headSection } from "./http3-client-exchange.ts";
import type { PreparedRequest } from "./prepared-request.ts";
import { StreamingSession } from "./streaming-session.ts";

/** A QUIC connection. */
export class QuicBelow implements ConnectionBelow {
  readonly session: StreamSession;
  readonly facts: SocketFacts;
  failure: Error | undefined;

  constructor(session: StreamSession) {
    this.session = session;
    this.facts = factsOf(session);
  }

  get isOver(): boolean {
    return this.session.state !== "open";
  }

  stats(): Partial<SessionStats> {
    const { wireBytesSent, wireBytesReceived, roundTripMs } = this.session.stats();
    return {
      ...(wireBytesSent === undefined ? {} : { wireBytesSent }),
      ...(wireBytesReceived === undefined ? {} : { wireBytesReceived }),
      ...(roundTripMs === undefined ? {} : { roundTripMs }),
    };
  }

  onEnd(ended: () => void): void {
    this.session.closed.then(({ error }) => {
      this.failure = error;
      ended();
    });
  }
}

/** An HTTP/3 connection on the client's side. */
export class Http3ClientSession extends StreamingSession<QuicBelow> {
  override readonly protocol = "h3";
  protected override readonly capacity: number;
  readonly streamCapabilities: ReadonlySet<StreamCapability>;
  readonly #connection: Http3Connection;
  readonly #keepAliveTimeoutMs: number;
  readonly #exchanges = new Set<Http3ClientExchange>();
  #idle: Timer | undefined;

  /** @param maxStreams how many requests the engine has under way at a time. */
  constructor(connection: ClientConnection<QuicBelow>, maxStreams: number) {
    super(connection);
    const { session } = connection.below;
    this.capacity = maxStreams;
    this.streamCapabilities = streamCapabilities(session);
    this.#connection = new Http3Connection(session, {
      settings: {
        maxFieldSectionSize: connection.limits.maxHeaderBytes,
        enableConnectProtocol: false,
      },
      webTransport: offeredWebTransport(session),
      isAwaited: (id) => this.#asksFor(id),
      onGoaway: (id) => {
        this.emit({ type: "goaway", code: id });
        for (const exchange of this.#exchanges) exchange.onGoaway(id);
        this.retire();
      },
    });
    this.#connection.start();
    // Without the ticket, the server may have shown itself anew.
    const tellAgain = () => void Object.assign(this, factsOf(session));
    pendingHandshake(session)?.then(tellAgain, () => undefined);
    this.#keepAliveTimeoutMs = connection.keepAliveTimeoutMs;
    this.#rest();
  }

  /** Nothing is under way: it is kept for a while. An engine cannot be kept without keeping the program running. */
  #rest(): void {
    if (this.#keepAliveTimeoutMs === Number.POSITIVE_INFINITY) return;
    this.#idle = this.clock.after(this.#keepAliveTimeoutMs, () => void this.close());
  }

  /** What WebTransport needs of the connection, where it is taken. */
  get [webTransportCarrier](): WebTransportCarrier | undefined {
    return this.#connection.router;
  }

  #asksFor(sessionId: number): boolean {
    for (const exchange of this.#exchanges) {
      if (exchange.streamId === sessionId) return exchange.isForWebTransport;
    }
    return false;
  }

  protected begin(request: PreparedRequest): Http3ClientExchange {
    const head = headSection(request);
    const isEarly = maySendEarly(request) && pendingHandshake(this.below.session) !== undefined;
    const stream = isEarly ? this.#openStream() : this.openStream();
    this.#idle?.cancel();
    const exchange = new Http3ClientExchange(this, request, stream, head, isEarly);
    this.#exchanges.add(exchange);
    return exchange;
  }

  /** A stream for a request, once the handshake is complete. */
  openStream(): Http3Stream {
    return this.#openStream(pendingHandshake(this.below.session));
  }

  #openStream(handshake?: Promise<void>): Http3Stream {
    const open = () => this.below.session.openStream({ atLimit: "wait" });
    return new Http3Stream(handshake === undefined ? open() : handshake.then(open), {
      role: "client",
      maxHeaderBytes: this.limits.maxHeaderBytes,
      onConnectionError: (error) => this.#connection.fail(error),
    });
  }

  protected async takesConnect(): Promise<boolean> {
    return (await this.#connection.settings)?.enableConnectProtocol === true;
  }

  /** What the server did wrong, as callers see it. */
  protocolError(error: Http3Error): Error {
    const message = `${this.origin.text}: ${error.message}`;
    return httpErrors.create("KING_HTTP_PROTOCOL", message, {}, { cause: error });
  }

  onExchangeClosed(exchange: Http3ClientExchange): void {
    this.#exchanges.delete(exchange);
    if (exchange.streamId !== undefined) this.#connection.router?.refuse(exchange.streamId);
    this.released(exchange.incoming);
    if (this.isIdle && this.state === "open") this.#rest();
  }

  protected leave(): void {
    this.#idle?.cancel();
    void this.below.session.close({ code: http3Codes.noError, deadlineMs: 1_000 });
  }

  protected cut(): void {
    this.#idle?.cancel();
    this.below.session.abort();
  }
}
