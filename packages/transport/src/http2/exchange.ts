import { validateHeaderName, validateHeaderValue } from "node:http";
import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { HeaderFields, Stream, StreamCapability, StreamClosed } from "@king-runtime/core";
import { httpErrors } from "../errors.ts";
import {
  discardedBodyBytes,
  disconnected,
  HttpExchange,
  lingerMs,
  upgradeOf,
} from "../http-exchange.ts";
import { announcedLength } from "../response-fields.ts";
import { InputWatch } from "./input-watch.ts";
import type { Http2Session } from "./session.ts";

const capabilities: ReadonlySet<StreamCapability> = new Set([
  "half-close",
  "reset-code",
  "receive-backpressure",
  "multiplexing",
  "trailers",
  "informational",
]);

// Fields that speak of an HTTP/1.1 connection (RFC 9113, section 8.2.2).
const connectionFields = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

const none: readonly string[] = [];
const maxKnownNames = 1_000;
/** Names of fields that were looked at before, and whether they speak of a connection. */
const knownNames = new Map<string, boolean>();

/** @throws TypeError for what is no name of a field. */
function speaksOfConnection(name: string): boolean {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  validateHeaderName(name);
  const speaks = connectionFields.has(name.toLowerCase());
  if (knownNames.size < maxKnownNames) knownNames.set(name, speaks);
  return speaks;
}

const fieldOverheadBytes = 32; // RFC 9113, section 6.5.2

const exchangeOf = Symbol("king.exchange");
type KnownStream = ServerHttp2Stream & { [exchangeOf]: Http2Exchange | undefined };

// One function for all streams: closures of their own are what a small request would pay most for.
function onStreamClose(this: ServerHttp2Stream): void {
  const exchange = (this as KnownStream)[exchangeOf];
  // The stream lives on below node until old objects are collected; the exchange need not.
  (this as KnownStream)[exchangeOf] = undefined;
  exchange?.onStreamClose();
}

function ignore(): void {}

/** Size of a header block as RFC 9113, section 6.5.2 counts it. */
function sizeOf(rawHeaders: readonly string[]): number {
  let bytes = 0;
  for (const text of rawHeaders) bytes += text.length + fieldOverheadBytes / 2;
  return bytes;
}

const named = (protocol: string) => (each: string) => each.toLowerCase() === protocol;

/** One request on an HTTP/2 connection. */
export class Http2Exchange extends HttpExchange {
  readonly #stream: ServerHttp2Stream;
  readonly #http2: Http2Session;
  readonly method: string;
  readonly target: string;
  readonly scheme: string;
  readonly authority: string;
  /** The field `host`, which should not differ from `:authority`. */
  readonly host: string | undefined;
  /** What an extended CONNECT asks for, in lower case (RFC 8441, section 4). */
  readonly connectProtocol: string | undefined;
  readonly #raw: readonly string[];
  /** Absent when the request ended with its head. */
  readonly #input: InputWatch | undefined;
  readonly #headerBytes: number;
  #fields: string[] | undefined;
  #trailersReceived: readonly string[] = none;
  #trailersToSend: HeaderFields | undefined;
  #stopped = false;
  #lingering = -1;
  #resetMs = 0;

  constructor(
    session: Http2Session,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
    bodyless: boolean,
  ) {
    super(session, session.limits);
    this.#stream = stream;
    this.#http2 = session;
    // Not the whole object: what a stream holds on to is what the collector has to carry along.
    this.method = headers[":method"] ?? "";
    this.target = headers[":path"] ?? "";
    this.scheme = headers[":scheme"] ?? "";
    this.host = headers.host;
    this.authority = headers[":authority"] ?? this.host ?? "";
    const isConnect = this.method === "CONNECT";
    const protocol = isConnect ? (headers[":protocol"] as string | undefined) : undefined;
    this.connectProtocol = protocol?.toLowerCase();
    this.#raw = rawHeaders;
    this.#headerBytes = sizeOf(rawHeaders);
    (stream as KnownStream)[exchangeOf] = this;
    stream.on("error", ignore); // told by "close", with its code
    stream.on("close", onStreamClose);
    if (!bodyless) {
      this.#input = new InputWatch(stream, (bytes) => session.arrived(bytes));
      stream.once("trailers", (_headers, _flags, raw?: string[]) => {
        this.#trailersReceived = raw ?? [];
      });
    }
    const { connectProtocol: asked } = this;
    if (asked !== undefined && session.limits.upgradeProtocols.some(named(asked))) {
      this.upgrade = upgradeOf(asked, (fields) => this.#accept(fields));
    }
  }

  #accept(headers: HeaderFields): Stream {
    if (this.over) throw this.failure();
    if (this.responded) this.refuseSecondResponse();
    // After an accepted CONNECT there are DATA frames and nothing else (RFC 9113, section 8.5).
    this.#trailersToSend = undefined;
    try {
      if (announcedLength(headers) !== undefined) throw new Error("content-length: expected none");
      this.sendHead(200, headers, undefined);
    } catch (cause) {
      this.refuseField(cause);
    }
    const stream = this.#http2.upgraded(this, this.#stream, this.#input);
    this.responseDone();
    return stream;
  }

  /** Size of the received header block (RFC 9113, section 6.5.2). */
  get headerBytes(): number {
    return this.#headerBytes;
  }

  get capabilities(): ReadonlySet<StreamCapability> {
    return capabilities;
  }

  get responded(): boolean {
    return this.#stream.headersSent;
  }

  get status(): number | undefined {
    return this.#stream.sentHeaders?.[":status"] as number | undefined;
  }

  protected get input() {
    return this.#stream;
  }

  override get fieldCount(): number {
    let count = 0;
    for (let i = 0; i < this.#raw.length; i += 2) {
      if (!(this.#raw[i] as string).startsWith(":")) count++;
    }
    return count;
  }

  protected get rawHeaders(): readonly string[] {
    if (this.#fields === undefined) {
      this.#fields = [];
      for (let i = 0; i < this.#raw.length; i += 2) {
        const name = this.#raw[i] as string;
        if (!name.startsWith(":")) this.#fields.push(name, this.#raw[i + 1] as string);
      }
    }
    return this.#fields;
  }

  protected get rawTrailers(): readonly string[] {
    return this.#trailersReceived;
  }

  protected get complete(): boolean {
    return this.#input === undefined || this.#input.ended;
  }

  protected get output() {
    return this.#stream;
  }

  inform(status: number, headers: HeaderFields): void {
    if (this.responded) this.refuseSecondResponse();
    if (!(status > 101 && status < 200)) {
      throw httpErrors.create(
        "KING_HTTP_INFORM_UNSUPPORTED",
        `expected 102 to 199, got ${status}`,
        { status },
      );
    }
    try {
      this.#stream.additionalHeaders(this.#head(status, headers));
    } catch (cause) {
      this.refuseField(cause);
    }
  }

  protected sendHead(
    status: number,
    headers: HeaderFields | undefined,
    length: number | undefined,
  ): void {
    const stream = this.#stream;
    if (stream.closed || stream.destroyed) throw this.failure();
    const head = this.#head(status, headers);
    if (length !== undefined && status !== 204 && status !== 304) head["content-length"] = length;
    const endStream = this.discardsBody || length === 0;
    const waitForTrailers = length === undefined && !endStream;
    stream.respond(head, { endStream, waitForTrailers });
    if (waitForTrailers) stream.once("wantTrailers", () => this.#sendTrailers());
  }

  protected get sendsTrailers(): boolean {
    return this.#trailersToSend !== undefined;
  }

  #head(status: number, headers: HeaderFields = {}): OutgoingHttpHeaders {
    const head: OutgoingHttpHeaders = { ":status": status };
    for (const name in headers) {
      const value = headers[name] as string | string[];
      if (typeof value === "string") validateHeaderValue(name, value);
      else for (const line of value) validateHeaderValue(name, line);
      // Node would let a pseudo-field through, and drops without a word what it cannot send.
      if (!speaksOfConnection(name)) head[name] = value;
    }
    return head;
  }

  #sendTrailers(): void {
    try {
      this.#stream.sendTrailers((this.#trailersToSend ?? {}) as OutgoingHttpHeaders);
    } catch {
      this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }

  setTrailers(headers: HeaderFields): void {
    for (const [name, value] of Object.entries(headers)) {
      try {
        validateHeaderName(name);
        for (const line of typeof value === "string" ? [value] : value) {
          validateHeaderValue(name, line);
        }
        if (connectionFields.has(name.toLowerCase())) throw new Error("speaks of a connection");
      } catch (cause) {
        this.refuseField(cause, name);
      }
    }
    this.#trailersToSend = headers;
  }

  /**
   * After a whole response nobody reads the rest of the request. The client may be told so by a
   * reset (RFC 9113, section 8.1), but many drop a response that a reset follows at once: so it gets
   * some time, and some bytes, to end by itself.
   */
  protected override endResponse(): void {
    if (this.complete || (this.taken && !this.#stopped) || this.#lingering !== -1) return;
    this.#lingering = 0;
    let discarded = 0;
    this.#stream.on("data", (chunk: Uint8Array) => {
      discarded += chunk.length;
      if (discarded > discardedBodyBytes) this.#stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  override sweep(tickMs: number): void {
    super.sweep(tickMs);
    if (this.wasReset && this.ended === undefined) {
      this.#resetMs += tickMs;
      // Not even the reset gets through to a client that reads nothing.
      if (this.#resetMs > this.limits.writeIdleTimeoutMs) this.#http2.abort(this.failure());
    }
    if (this.#lingering === -1) return;
    this.#lingering += tickMs;
    if (this.#lingering > lingerMs) this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  protected cut(code: number = constants.NGHTTP2_CANCEL): void {
    this.#stream.close(code);
  }

  stopReading(): void {
    if (this.#stopped || this.ended !== undefined) return;
    this.#stopped = true;
    // HTTP/2 can only end a stream whole: what comes until the response is sent is discarded.
    this.#stream.resume();
    if (this.#stream.writableEnded) this.endResponse();
    this.giveUpInput();
  }

  protected override beginReading(): void {
    if (this.complete || this.responded) return;
    if (this.headers.get("expect")?.toLowerCase() !== "100-continue") return;
    this.#stream.additionalHeaders({ ":status": 100 }); // RFC 9110, section 10.1.1
  }

  /** The stream is closed, by either side or with its connection. */
  onStreamClose(): void {
    if (this.ended !== undefined) return;
    const stream = this.#stream;
    const code = stream.rstCode;
    // Of a stream that both sides have ended node may drop the word that the last write is out.
    const whole = stream.writableEnded && (stream.writableFinished || this.complete);
    if (whole && (code === constants.NGHTTP2_NO_ERROR || code === undefined)) this.done();
    else if (this.wasReset) this.lost(this.failure(), "local", code);
    else {
      this.lost(disconnected(), "peer", code);
      this.#http2.broken();
    }
  }

  protected override finish(info: StreamClosed): void {
    super.finish(info);
    this.#http2.released(this);
  }
}
