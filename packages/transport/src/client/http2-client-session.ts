import { validateHeaderName, validateHeaderValue } from "node:http";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  sensitiveHeaders,
} from "node:http2";
import type { StreamCapability, Timer } from "@king-runtime/core";
import { httpErrors } from "../errors.ts";
import { InputWatch } from "../http2/input-watch.ts";
import { keepUntilReset, NativeLife } from "../http2/native-life.ts";
import { sliceBytes } from "../node-writer.ts";
import { tlsFailureOf } from "../tls/client-failure.ts";
import { ClientExchange } from "./client-exchange.ts";
import type { ClientConnection } from "./client-session.ts";
import type { SocketBelow } from "./connection-below.ts";
import type { RawFields } from "./fields.ts";
import type { IncomingResponse } from "./incoming-response.ts";
import type { PreparedRequest } from "./prepared-request.ts";
import { abortedError, invalidRequest } from "./request-error.ts";
import { StreamingSession } from "./streaming-session.ts";

const capabilities: ReadonlySet<StreamCapability> = new Set([
  "half-close",
  "reset-code",
  "receive-backpressure",
  "multiplexing",
  "trailers",
  "informational",
]);

const streamWindowBytes = 1_048_576;
const connectionWindowBytes = 16_777_216;
/** Until the server has said how many it takes (RFC 9113, section 6.5.2 recommends no less). */
const presumedStreams = 100;

/** How long a server may take to answer a PING, in milliseconds. */
const pingTimeoutMs = 5_000;

/** An HTTP/2 connection on the client's side. */
export class Http2ClientSession extends StreamingSession<SocketBelow> {
  override readonly protocol = "h2";
  readonly #session: ClientHttp2Session;
  /** Of node's part of it. */
  readonly life: NativeLife;
  readonly #keepAliveTimeoutMs: number;
  #isResting = false;
  #idle: Timer | undefined;
  #isToldSettings = false;
  /** Until the server shows that it is there. */
  #isDoubtful = false;

  constructor(connection: ClientConnection) {
    super(connection);
    const { origin, keepAliveTimeoutMs, limits } = connection;
    const { socket } = connection.below;
    this.#keepAliveTimeoutMs = keepAliveTimeoutMs;
    const session = connect(origin.text, {
      createConnection: () => socket,
      maxReservedRemoteStreams: 0,
      settings: {
        enablePush: false,
        initialWindowSize: streamWindowBytes,
        maxHeaderListSize: limits.maxHeaderBytes,
      },
    });
    this.#session = session;
    this.life = new NativeLife(session);
    session.on("error", () => undefined); // told by the socket, or by the streams
    session.on("goaway", (code) => {
      this.emit({ type: "goaway", code });
      this.retire();
    });
    session.once("connect", () => {
      if (!session.destroyed) session.setLocalWindowSize(connectionWindowBytes);
    });
    session.once("close", () => socket.destroy());
    session.on("remoteSettings", () => {
      this.#isToldSettings = true;
      // It may take more requests than before.
      this.roomMade();
    });
    this.#rest();
  }

  protected override get capacity(): number {
    return this.#session.remoteSettings?.maxConcurrentStreams ?? presumedStreams;
  }

  override get hasRoom(): boolean {
    const { closed, destroyed } = this.#session;
    return super.hasRoom && !this.#isDoubtful && !closed && !destroyed;
  }

  override get isGone(): boolean {
    return super.isGone || this.#session.destroyed;
  }

  protected begin(request: PreparedRequest): Http2ClientExchange {
    const stream = requestStream(this.#session, request);
    if (this.#isResting) {
      this.#isResting = false;
      this.#idle?.cancel();
      this.#session.ref();
    }
    return new Http2ClientExchange(this, request, stream);
  }

  protected async takesConnect(): Promise<boolean> {
    const session = this.#session;
    if (!this.#isToldSettings) {
      await new Promise<void>((resolve) => {
        session.once("remoteSettings", () => resolve());
        session.once("close", () => resolve());
      });
    }
    return session.remoteSettings?.enableConnectProtocol === true;
  }

  /** A request had no answer in time: of a pool, it takes no others until the server answers a PING (RFC 9113, section 6.7). */
  onTimeout(): void {
    if (
      this.onRoom === undefined ||
      this.#isDoubtful ||
      this.#session.destroyed ||
      this.#session.closed
    )
      return;
    this.#isDoubtful = true;
    const timer = this.clock.after(pingTimeoutMs, () => this.#onSilence(), { keepAlive: false });
    this.#session.ping((error) => {
      timer.cancel();
      if (error !== null) return;
      this.#isDoubtful = false;
      this.roomMade();
    });
  }

  #onSilence(): void {
    if (this.isIdle) this.cut();
    else this.retire();
  }

  /** Nothing is under way: it is kept for a while, and keeps no program running. */
  #rest(): void {
    this.#isResting = true;
    if (this.#keepAliveTimeoutMs !== Number.POSITIVE_INFINITY)
      this.#idle = this.clock.after(this.#keepAliveTimeoutMs, () => void this.close(), {
        keepAlive: false,
      });
    this.#session.unref();
  }

  onExchangeClosed(response: IncomingResponse): void {
    this.released(response);
    if (this.isIdle && this.state === "open") this.#rest();
  }

  protected leave(code?: number): void {
    // What is still to be sent would wait for a server that is gone.
    if (this.#isDoubtful) {
      this.cut();
      return;
    }
    this.#idle?.cancel();
    if (code !== undefined) this.#session.goaway(code);
    this.#session.close();
    // Node would wait for the server to end its side too, which may not care to.
    setImmediate(() => this.below.socket.destroySoon());
  }

  protected cut(): void {
    this.#idle?.cancel();
    this.#session.destroy(undefined, constants.NGHTTP2_CANCEL);
    this.below.socket.destroy();
  }
}

const exchangeOf = Symbol("king.exchange");
type KnownStream = ClientHttp2Stream & { [exchangeOf]: Http2ClientExchange };

// One function each for all streams: closures of their own are what a small request would pay most for.
function onError(this: ClientHttp2Stream, error: Error): void {
  (this as KnownStream)[exchangeOf].onStreamError(error);
}
function onHeaders(
  this: ClientHttp2Stream,
  headers: IncomingHttpHeaders,
  _flags: number,
  raw: string[],
): void {
  const { incoming } = (this as KnownStream)[exchangeOf];
  incoming.onInformational(Number(headers[":status"]), withoutStatus(raw));
}
function onContinue(this: ClientHttp2Stream): void {
  (this as KnownStream)[exchangeOf].onContinue(true);
}
function onResponse(
  this: ClientHttp2Stream,
  headers: IncomingHttpHeaders,
  _flags: number,
  raw: string[],
): void {
  (this as KnownStream)[exchangeOf].onResponse(Number(headers[":status"]), withoutStatus(raw));
}
function onTrailers(
  this: ClientHttp2Stream,
  _headers: IncomingHttpHeaders,
  _flags: number,
  raw: string[],
): void {
  (this as KnownStream)[exchangeOf].rawTrailers = raw;
}
function onData(this: ClientHttp2Stream, chunk: Buffer): void {
  (this as KnownStream)[exchangeOf].incoming.onData(chunk);
}
function onEnd(this: ClientHttp2Stream): void {
  (this as KnownStream)[exchangeOf].onStreamEnd();
}
function onClose(this: ClientHttp2Stream): void {
  (this as KnownStream)[exchangeOf].onStreamClose();
}

/** The one pseudo-field of a response comes first (RFC 9113, section 8.3.2). */
const withoutStatus = (raw: string[]): RawFields => raw.slice(2);

/** One request on an {@link Http2ClientSession}. */
export class Http2ClientExchange extends ClientExchange {
  override readonly session: Http2ClientSession;
  protected override readonly output: ClientHttp2Stream;
  protected override readonly input: ClientHttp2Stream;
  readonly #watch: InputWatch;
  rawTrailers: RawFields = none;
  #failure: unknown;

  constructor(session: Http2ClientSession, request: PreparedRequest, stream: ClientHttp2Stream) {
    super(request);
    this.session = session;
    this.output = stream;
    this.input = stream;
    (stream as KnownStream)[exchangeOf] = this;
    if (stream.pending) stream.once("ready", () => session.life.outlive(stream));
    else session.life.outlive(stream);
    this.#watch = new InputWatch(stream);
    stream.on("error", onError);
    stream.on("headers", onHeaders);
    stream.on("response", onResponse);
    stream.on("trailers", onTrailers);
    stream.on("data", onData);
    stream.on("end", onEnd);
    stream.on("close", onClose);
    if (request.expectContinue) stream.on("continue", onContinue);
    if (!isHeadAll(request) && !isWhole(request)) {
      stream.once("wantTrailers", () => this.#sendTrailers());
    }
    this.start();
  }

  get capabilities(): ReadonlySet<StreamCapability> {
    return capabilities;
  }

  protected override sendNothing(): void {
    // The head said so, unless trailers follow it.
    if (this.request.trailers !== undefined) super.sendNothing();
    else this.incoming.onSent();
  }

  #sendTrailers(): void {
    try {
      this.output.sendTrailers((this.takeTrailers() ?? {}) as OutgoingHttpHeaders);
    } catch (error) {
      this.incoming.cancel(error);
    }
  }

  onStreamError(error: Error): void {
    this.#failure ??= error;
  }

  onResponse(status: number, raw: RawFields): void {
    this.incoming.onHead(status, raw);
    this.onHead();
  }

  onStreamEnd(): void {
    if (this.#watch.ended) this.incoming.onEnd(this.rawTrailers);
  }

  onStreamClose(): void {
    const { incoming, output } = this;
    const code = output.rstCode;
    const isWhole = incoming.isWhole && this.#watch.ended && output.writableEnded;
    this.onClosed(
      isWhole ? undefined : this.#failureOf(code),
      code === constants.NGHTTP2_NO_ERROR ? undefined : code,
    );
    this.session.onExchangeClosed(incoming);
  }

  #failureOf(code: number): Error {
    const { failure } = this.session;
    // A server that wants another certificate says so once the handshake is over.
    if (failure !== undefined && tlsFailureOf(failure) !== undefined) return failure;
    const isProcessed = code !== constants.NGHTTP2_REFUSED_STREAM;
    return abortedError(this.request, isProcessed, { cause: this.#failure, code });
  }

  protected cut(code: number = constants.NGHTTP2_CANCEL): void {
    // While node works on what came in, it puts a reset off until it has ended the stream, and the server takes
    // the body for whole; when the trailers are asked for then, of a stream that is gone, the process dies.
    if (httpErrors.is(this.reason, "KING_HTTP_TIMEOUT")) this.session.onTimeout();
    setImmediate(() => {
      if (code !== constants.NGHTTP2_NO_ERROR) keepUntilReset(this.output);
      this.output.close(code);
    });
  }
}

const none: RawFields = [];

/** Whether all that follows the head is given to node at once. */
const isWhole = ({ isOpen, body, trailers, expectContinue }: PreparedRequest): boolean =>
  !isOpen &&
  !expectContinue &&
  trailers === undefined &&
  (typeof body === "string" || (body instanceof Uint8Array && body.length <= sliceBytes));

/** Whether nothing follows the head of a request. */
const isHeadAll = ({ isOpen, body, trailers }: PreparedRequest): boolean =>
  !isOpen && body === undefined && trailers === undefined;

/** @throws {KingError} KING_HTTP_REQUEST_INVALID for what cannot be sent. */
function requestStream(session: ClientHttp2Session, request: PreparedRequest): ClientHttp2Stream {
  const endStream = isHeadAll(request);
  const fields = fieldsOf(request);
  try {
    // Node ends a stream that is given up before it resets it: this keeps a part of a body from looking whole. Where
    // there are no parts, it would be nothing but a risk: asked for of a stream that is gone, the process dies.
    const waitForTrailers = !endStream && !isWhole(request);
    return session.request(fields, { endStream, waitForTrailers });
  } catch (error) {
    // Such as two lines of a field that has one value.
    const { code = "", message } = error as Error & { code?: string };
    if (!/^ERR_(HTTP2_(INVALID|HEADER|PSEUDO)|INVALID)_/.test(code)) throw error;
    throw invalidRequest("headers", message, { cause: error as Error });
  }
}

/** Fields that no intermediary is to keep in a table (RFC 7541, section 7.1.3). */
const secretFields = ["authorization", "cookie", "proxy-authorization"];

/** @throws {KingError} KING_HTTP_REQUEST_INVALID for a field that cannot be sent. */
function fieldsOf(request: PreparedRequest) {
  const { method, path, origin, headers, expectContinue, body, connectProtocol } = request;
  const fields: OutgoingHttpHeaders = {
    ":method": method,
    ":path": path,
    ":scheme": origin.secure ? "https" : "http",
    ":authority": origin.authority,
    ...(connectProtocol === undefined ? {} : { ":protocol": connectProtocol }),
  };
  let secrets: string[] | undefined;
  for (const [name, value] of Object.entries(headers)) {
    const known = name.toLowerCase();
    try {
      validateHeaderName(name);
      for (const line of typeof value === "string" ? [value] : value)
        validateHeaderValue(name, line);
    } catch (cause) {
      throw invalidRequest("headers", (cause as Error).message, { cause: cause as Error });
    }
    if (secretFields.includes(known)) {
      secrets ??= [];
      secrets.push(known);
    }
    if (known === "host") fields[":authority"] = value as string;
    else fields[known] = value as string | string[];
  }
  if (expectContinue) fields.expect = "100-continue";
  if (typeof body === "string" || body instanceof Uint8Array) {
    fields["content-length"] ??= String(Buffer.byteLength(body));
  }
  if (secrets !== undefined) (fields as Record<symbol, unknown>)[sensitiveHeaders] = secrets;
  return fields;
}
