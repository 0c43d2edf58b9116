import type {
  CloseOptions,
  SessionStats,
  Stream,
  StreamCapability,
  StreamSession,
} from "@king-runtime/core";
import { abortedHere } from "@king-runtime/core";
import { HttpSession } from "../http-session.ts";
import { ClientBudget } from "../http2/client-budget.ts";
import type { HttpLimits } from "../limits.ts";
import { Http3Error, http3Codes } from "./codes.ts";
import { Http3Connection } from "./connection.ts";
import { admitEarly } from "./early-data.ts";
import { Http3Exchange } from "./exchange.ts";
import { Http3Stream } from "./http3-stream.ts";
import { type RequestHead, readRequestHead, readTrailers } from "./message-fields.ts";
import { factsOf } from "./quic-facts.ts";
import { streamCapabilities } from "./stream-capabilities.ts";
import type { UpgradedHttp3Stream } from "./upgraded-stream.ts";
import {
  offeredWebTransport,
  type WebTransportCarrier,
  webTransportCarrier,
} from "./web-transport.ts";

/** An HTTP/3 connection on the server's side. */
export class Http3Session extends HttpSession<Http3Exchange> {
  override readonly protocol = "h3";
  readonly #quic: StreamSession;
  readonly #connection: Http3Connection;
  readonly #serve: (exchange: Http3Exchange) => void;
  readonly #upgraded = new Set<UpgradedHttp3Stream>();
  readonly streamCapabilities: ReadonlySet<StreamCapability>;
  /** The first stream that is not served, once that is told. */
  #goawayId: number | undefined;
  #highestId = -4;
  #idleMs = 0;
  /** Streams whose head is not here yet, and how long they have waited. */
  readonly #headless = new Map<Http3Stream, number>();
  /** Streams of which it is not settled yet whether they are a session of WebTransport. */
  readonly #undecided = new Set<number>();
  readonly #budget: ClientBudget;
  #cut = 0;

  constructor(quic: StreamSession, limits: HttpLimits, serve: (exchange: Http3Exchange) => void) {
    super(factsOf(quic), limits);
    this.#quic = quic;
    this.#serve = serve;
    this.streamCapabilities = streamCapabilities(quic);
    this.#budget = new ClientBudget();
    const webTransport = offeredWebTransport(quic);
    this.#connection = new Http3Connection(quic, {
      settings: {
        maxFieldSectionSize: limits.maxHeaderBytes,
        enableConnectProtocol: limits.upgradeProtocols.length > 0 || webTransport !== undefined,
      },
      webTransport,
      isAwaited: (id) => id > this.#highestId || this.#undecided.has(id),
      onRequest: (stream) => this.#onRequest(stream),
    });
    this.#connection.start();
    quic.closed.then(({ by, code, error }) => {
      this.#cut += this.active.size;
      for (const exchange of this.active) {
        if (by === "local") exchange.abort(error);
        else exchange.onConnectionLost(by, error);
      }
      this.leave();
      this.finish({
        by: this.aborted !== undefined || this.closing ? "local" : by,
        clean: this.#cut === 0 && this.aborted === undefined && error === undefined,
        streamsAborted: this.#cut,
        ...(code === undefined ? {} : { code }),
        ...(this.aborted instanceof Error ? { error: this.aborted } : error && { error }),
      });
    });
  }

  /** What WebTransport needs of the connection, where it is taken. */
  get [webTransportCarrier](): WebTransportCarrier | undefined {
    return this.#connection.router;
  }

  #onRequest(stream: Stream): void {
    const { router, session: quic } = this.#connection;
    const id = streamIdOf(stream) ?? this.#highestId + 4;
    const isLate = this.#goawayId !== undefined && id >= this.#goawayId;
    this.#highestId = Math.max(this.#highestId, id);
    if (isLate && router === undefined) {
      stream.reset(http3Codes.requestRejected);
      return;
    }
    if (router !== undefined) this.#undecided.add(id);
    let exchange: Http3Exchange | undefined;
    let hasHead = false;
    let trailers: readonly string[] = [];
    const http3 = new Http3Stream(stream, {
      role: "server",
      maxHeaderBytes: this.limits.maxHeaderBytes,
      onConnectionError: (error) => this.#connection.fail(error),
      onClaim: router && ((sessionId, claimed) => this.#connection.claim(sessionId, claimed)),
    });
    this.#headless.set(http3, 0);
    http3.once("close", () => {
      this.#decided(id);
      this.#onStreamEnd(http3, exchange);
    });
    const begin = (told: RequestHead, isTooLarge: boolean) => {
      const admitted = admitEarly(quic, stream, told);
      if ("handshake" in admitted) {
        const then = () => {
          if (!http3.destroyed) begin(told, isTooLarge);
        };
        admitted.handshake.then(then, () => undefined); // it ends with its session
        return;
      }
      const { head } = admitted;
      this.#headless.delete(http3);
      if (head.protocol?.toLowerCase() !== "webtransport") this.#decided(id);
      // It could have been a stream of a session that is still served.
      if (isLate) {
        http3.reset(http3Codes.requestRejected);
        return;
      }
      exchange = new Http3Exchange(this, http3, head, isTooLarge);
      exchange.onTrailers(trailers);
      this.opened(exchange);
      this.#serve(exchange);
    };
    http3.receive({
      onHead: (section) => {
        const head = readRequestHead(section);
        hasHead = true;
        // After this the body is expected, and told of.
        queueMicrotask(() => begin(head, false));
        const { contentLength } = head;
        return { isInterim: false, ...(contentLength === undefined ? {} : { contentLength }) };
      },
      onTrailers: (section) => {
        trailers = readTrailers(section);
        exchange?.onTrailers(trailers);
      },
      onTooLarge: () => {
        if (!hasHead) begin(unknownHead, true);
        else http3.reset();
      },
    });
  }

  /** The stream is no session of WebTransport, or no more. */
  #decided(id: number): void {
    if (this.#undecided.delete(id)) this.#connection.router?.refuse(id);
  }

  /** What a client gives up or breaks costs us more than it (CVE-2023-44487). */
  #onStreamEnd(stream: Http3Stream, exchange: Http3Exchange | undefined): void {
    this.#headless.delete(stream);
    if (stream.isClaimed || exchange?.responded || this.closing || !this.#budget.broken()) return;
    this.#connection.fail(
      new Http3Error(http3Codes.excessiveLoad, "expected fewer streams that are given up"),
    );
  }

  released(exchange: Http3Exchange): void {
    this.active.delete(exchange);
    this.#leaveToOwners();
    this.#endIfDone();
  }

  /** The stream is no longer HTTP's; the connection lives at least until it ends. */
  upgraded(exchange: Http3Exchange, stream: UpgradedHttp3Stream): void {
    this.#upgraded.add(stream);
    void stream.closed.then(() => {
      this.#upgraded.delete(stream);
      this.#endIfDone();
    });
    this.released(exchange);
  }

  #leaveToOwners(): void {
    if (this.closing && this.active.size === 0 && this.#upgraded.size > 0) this.leave();
  }

  #endIfDone(): void {
    if (!this.closing || this.active.size > 0 || this.#upgraded.size > 0) return;
    void this.#quic.close({ code: http3Codes.noError, deadlineMs: 1_000 });
  }

  sweep(tickMs: number): void {
    for (const exchange of this.active) exchange.sweep(tickMs);
    for (const [stream, ageMs] of this.#headless) {
      this.#headless.set(stream, ageMs + tickMs);
      if (ageMs + tickMs > this.limits.headersTimeoutMs) stream.reset(http3Codes.requestIncomplete);
    }
    this.#connection.router?.sweep(tickMs, this.limits.headersTimeoutMs);
    this.#budget.tick(tickMs, 0, 0);
    const isIdle = this.active.size === 0 && this.#upgraded.size === 0;
    this.#idleMs = isIdle ? this.#idleMs + tickMs : 0;
    if (!this.closing && this.#idleMs > this.limits.keepAliveTimeoutMs) void this.close();
  }

  windDown(): void {
    if (this.#goawayId !== undefined) return;
    // Nothing is refused yet (RFC 9114, section 5.2).
    void this.#connection.goaway(maxStreamId);
  }

  override opened(exchange: Http3Exchange): void {
    super.opened(exchange);
    if (this.exchangesOpened >= this.limits.maxRequestsPerSession) {
      void this.close({ deadlineMs: Number.POSITIVE_INFINITY });
    }
  }

  protected override beginClose(_options: CloseOptions): void {
    this.#goawayId = this.#highestId + 4;
    void this.#connection.goaway(this.#goawayId);
    this.#leaveToOwners();
    this.#endIfDone();
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined) return;
    this.aborted ??= reason ?? abortedHere("session");
    for (const exchange of this.active) {
      this.#cut++;
      this.active.delete(exchange);
      exchange.abort(this.aborted);
    }
    for (const stream of this.#upgraded) stream.abort(this.aborted);
    this.#quic.abort(this.aborted);
  }

  protected connectionStats(): Partial<SessionStats> {
    const { wireBytesSent, wireBytesReceived, roundTripMs } = this.#quic.stats();
    return {
      ...(wireBytesSent === undefined ? {} : { wireBytesSent }),
      ...(wireBytesReceived === undefined ? {} : { wireBytesReceived }),
      ...(roundTripMs === undefined ? {} : { roundTripMs }),
    };
  }
}

/** The largest request stream that is told of: no client comes near it. */
const maxStreamId = 2 ** 52;

const unknownHead: RequestHead = {
  method: "GET",
  scheme: "https",
  authority: "",
  path: "/",
  protocol: undefined,
  fields: [],
  contentLength: undefined,
};

/** Its number on the wire (RFC 9000, section 2.1), where its session tells. */
const streamIdOf = (stream: Stream): number | undefined =>
  (stream as { readonly streamId?: number }).streamId;
