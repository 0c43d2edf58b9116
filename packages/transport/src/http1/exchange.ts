import {
  type IncomingMessage,
  ServerResponse,
  STATUS_CODES,
  validateHeaderName,
  validateHeaderValue,
} from "node:http";
import {
  type HeaderFields,
  KingError,
  type Stream,
  type StreamCapability,
  type StreamClosed,
} from "@king-runtime/core";
import { cutSocket } from "../cut-socket.ts";
import { httpErrors } from "../errors.ts";
import { discardedBodyBytes, disconnected, HttpExchange, upgradeOf } from "../http-exchange.ts";
import type { Problem } from "../problem.ts";
import { breakOff, gone, readOn } from "./broken-request.ts";
import { deafen } from "./deaf-response.ts";
import { authorityOfTarget, refusalOverHttp1 } from "./refusal.ts";
import type { Http1Session } from "./session.ts";
import { bringsBody, wasDeclined } from "./upgrade-request.ts";

const capabilities: ReadonlySet<StreamCapability> = new Set([
  "half-close",
  "receive-backpressure",
  "trailers",
  "informational",
]);

/** What node itself made of a request, and the limit that holds for its body. */
export interface NodePair {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly maxBodyBytes: number;
  /** Makes the response the last one on its connection, and leaves its client time to read it. */
  endConnection(): void;
}

/** One request on an HTTP/1.1 connection, over node's own parser. */
export class Http1Exchange extends HttpExchange {
  readonly #request: IncomingMessage;
  #response: ServerResponse;
  readonly #http1: Http1Session;
  #expectsContinue: boolean;
  /** Whether the response is written to without us. */
  #handedOver = false;
  /** Whether the response that was handed over is another's no more: we answer with one of our own. */
  #takenBack = false;
  #stopped = false;
  #endsConnection = false;
  #sendsTrailers = false;

  constructor(
    session: Http1Session,
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
    upgradeHead?: Buffer,
  ) {
    super(session, session.limits);
    this.#http1 = session;
    this.#request = request;
    this.#response = response;
    this.#expectsContinue = expectsContinue;
    if (wasDeclined(request)) response.shouldKeepAlive = false;
    if (upgradeHead !== undefined) {
      const protocol = (request.headers.upgrade ?? "").toLowerCase();
      this.upgrade = upgradeOf(protocol, (headers) => this.#accept(protocol, headers, upgradeHead));
    }
  }

  /** Why it is not served at all, after which the connection ends. */
  refusal(): Problem | undefined {
    const refused = refusalOverHttp1(this.#request, this.limits);
    if (refused !== undefined) this.#response.shouldKeepAlive = false;
    return refused;
  }

  get capabilities(): ReadonlySet<StreamCapability> {
    return capabilities;
  }

  /** Node's own pair below, for handlers written for `node:http`; see `fromNode`. */
  get node(): NodePair {
    this.#handedOver = true;
    const { requestIdHeader, maxBodyBytes } = this.limits;
    if (requestIdHeader !== "") this.#response.setHeader(requestIdHeader, this.requestId);
    this.onDraining();
    return {
      request: this.#request,
      response: this.#response,
      maxBodyBytes,
      endConnection: () => {
        this.#response.shouldKeepAlive = false;
        this.#http1.linger();
      },
    };
  }

  /** The connection takes bytes again, though node no longer listens. */
  onDrain(): void {
    this.#response.emit("drain");
  }

  /** The session ends, as far as we know: a response that somebody else sends has to say so. */
  onDraining(): void {
    if (!this.#handedOver || this.responded || !this.#http1.draining) return;
    this.#endsConnection = true; // whatever the other says of it
    this.#response.shouldKeepAlive = false;
    this.#response.once("prefinish", () => {
      if (!this.#request.complete) this.#http1.linger();
    });
  }

  /** Answers with a response of our own, where another's was handed over: that one is for nobody now. */
  override answer(problem: Problem): void {
    if (this.#handedOver && !this.responded && !this.over) this.#takeBack();
    super.answer(problem);
  }

  #takeBack(): void {
    const request = this.#request;
    const socket = this.#http1.connection;
    this.#takenBack = true;
    deafen(this.#response);
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false; // what node has queued behind the other will never be sent
    response.assignSocket(socket);
    response.once("finish", () => {
      response.detachSocket(socket);
      socket.destroySoon();
      this.#onResponseClose();
    });
    this.#response = response;
    this.#http1.linger();
    // Whoever reads learns of it when the answer is on its way.
    process.nextTick(() => {
      if (!request.complete) breakOff(request, this.#whyBroken());
      if (request.destroyed) readOn(request, socket);
    });
  }

  /** What the reader of a request that will not be whole is told. */
  #whyBroken(): Error {
    const error = this.failure();
    return KingError.is(error, "KING_STREAM_RESET") || KingError.is(error, "KING_STREAM_CLOSED")
      ? gone(error)
      : error;
  }

  get method(): string {
    return this.#request.method as string;
  }

  get target(): string {
    return this.#request.url as string;
  }

  get scheme(): string {
    return this.session.tls === undefined ? "http" : "https";
  }

  get authority(): string {
    return authorityOfTarget(this.target) ?? this.headers.get("host") ?? "";
  }

  get responded(): boolean {
    return this.#response.headersSent;
  }

  get status(): number | undefined {
    return this.responded ? this.#response.statusCode : undefined;
  }

  protected get input() {
    return this.#request;
  }

  protected get rawHeaders(): readonly string[] {
    return this.#request.rawHeaders;
  }

  protected get rawTrailers(): readonly string[] {
    return this.#request.rawTrailers;
  }

  protected get complete(): boolean {
    return this.#request.complete;
  }

  protected override get bytesTaken(): number {
    if (!this.#handedOver) return super.bytesTaken;
    return this.#http1.connection.bytesWritten - this.#response.writableLength;
  }

  protected get output() {
    return this.#response;
  }

  inform(status: number, headers: HeaderFields): void {
    if (this.responded) this.refuseSecondResponse();
    // An HTTP/1.0 client does not know interim responses (RFC 9110, section 15.2).
    if (this.#request.httpVersionMinor === 0) return;
    if (status === 102) {
      this.#response.writeProcessing();
      return;
    }
    const links = Object.keys(headers).some((name) => name.toLowerCase() === "link");
    if (status !== 103 || !links) {
      throw httpErrors.create(
        "KING_HTTP_INFORM_UNSUPPORTED",
        `expected 102, or 103 with a link field, got ${status}`,
        { status },
      );
    }
    try {
      const fields = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
      this.#response.writeEarlyHints(Object.fromEntries(fields));
    } catch (cause) {
      this.refuseField(cause);
    }
  }

  protected sendHead(
    status: number,
    headers: HeaderFields | undefined,
    length: number | undefined,
  ): void {
    const response = this.#response;
    // With the whole response at hand the rest of the request has no reader any more.
    const ends = (length !== undefined || this.discardsBody) && !this.#reusable();
    // 408 is about the connection as well (RFC 9110, section 15.5.9).
    if (this.#http1.draining || ends || status === 408) response.shouldKeepAlive = false;
    const bare = length === undefined || status === 204 || status === 304;
    const fields = bare ? headers : { ...headers, "content-length": length };
    try {
      response.writeHead(status, fields as Record<string, string | string[]>);
    } catch (error) {
      response.statusMessage = ""; // or it would stand in the next attempt
      throw error;
    }
    // The client waits for the head, not only for the first byte of the body.
    if (length === undefined && !this.discardsBody) response.flushHeaders();
  }

  /** Whether the connection can carry another request after this one. */
  #reusable(): boolean {
    const request = this.#request;
    if (request.complete || request.method === "GET" || request.method === "HEAD") return true;
    if (this.upgrade !== undefined) return false;
    if (this.#expectsContinue) return false; // it never was asked for its body
    const length = request.headers["content-length"];
    if (length === undefined) {
      return request.headers["transfer-encoding"] === undefined || (this.taken && !this.#stopped);
    }
    return Number(length) <= discardedBodyBytes || (this.taken && !this.#stopped);
  }

  protected get sendsTrailers(): boolean {
    return this.#sendsTrailers;
  }

  /** Whether it is a GET with a body that nobody reads: its framing is not looked at before. */
  #bringsUnexpectedBody(): boolean {
    const { complete, method, headers } = this.#request;
    if (complete || this.taken || (method !== "GET" && method !== "HEAD")) return false;
    return bringsBody(headers);
  }

  setTrailers(headers: HeaderFields): void {
    this.#sendsTrailers = true;
    try {
      this.#response.addTrailers(headers as Record<string, string>);
    } catch (cause) {
      this.refuseField(cause);
    }
  }

  protected cut(): void {
    // HTTP/1.1 has no other way to say that a response is not whole (RFC 9112, section 8).
    cutSocket(this.#http1.connection);
  }

  stopReading(): void {
    // HTTP/1.1 cannot ask for less: the rest is discarded, and a large one ends the connection.
    this.#stopped = true;
    if (this.#response.headersSent) this.#request.resume();
    this.giveUpInput();
  }

  protected override beginReading(): void {
    if (!this.#expectsContinue) return;
    this.#expectsContinue = false;
    if (!this.responded) this.#response.writeContinue();
  }

  #accept(protocol: string, headers: HeaderFields, head: Buffer): Stream {
    if (this.ended !== undefined) throw this.failure();
    if (this.responded) this.refuseSecondResponse();
    let text = `HTTP/1.1 101 ${STATUS_CODES[101]}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
    for (const [name, value] of Object.entries(headers)) {
      for (const line of typeof value === "string" ? [value] : value) {
        try {
          validateHeaderName(name);
          validateHeaderValue(name, line);
        } catch (cause) {
          this.refuseField(cause, name);
        }
        text += `${name}: ${line}\r\n`;
      }
    }
    const socket = this.#http1.connection;
    this.#response.detachSocket(socket);
    if (head.length > 0) socket.unshift(head);
    socket.write(`${text}\r\n`);
    const stream = this.#http1.upgraded(this, socket);
    this.responseDone();
    return stream;
  }

  /** The response was handed over whole, or the connection closed under it. */
  onResponseClose(): void {
    if (!this.#takenBack) this.#onResponseClose();
  }

  #onResponseClose(): void {
    if (!this.#response.writableFinished) {
      this.onSocketClose();
      return;
    }
    if (this.#bringsUnexpectedBody()) this.#endsConnection = true;
    this.responseDone();
    if (!this.#endsConnection) return;
    this.#http1.linger();
    this.#http1.connection.destroySoon();
  }

  /** What follows on the connection is not HTTP; within this request when it was not complete. */
  onParseError(cause: Error): void {
    if (this.#request.complete) return;
    // A whole answer that did not wait for the body still reaches the client.
    if (this.#response.writableEnded && !this.taken) return;
    const left = (cause as NodeJS.ErrnoException).code === "HPE_INVALID_EOF_STATE";
    const message = "the request's body is not framed as HTTP/1.1 asks";
    const error = left
      ? disconnected(cause)
      : httpErrors.create("KING_HTTP_PROTOCOL", message, {}, { cause });
    if (left && this.#handedOver) {
      // As node does: nobody waits for an answer, and the request ends with the connection.
      this.cut();
      this.lost(error, "peer");
      return;
    }
    this.giveUp(error, 400);
  }

  /** The connection closed. */
  onSocketClose(): void {
    this.lost(this.failure(), this.wasReset ? "local" : "peer");
  }

  protected override endResponse(): void {
    if (this.#request.complete) return;
    this.#endsConnection = !this.#reusable();
    if (this.#endsConnection || !this.#response.shouldKeepAlive) this.#http1.linger();
  }

  protected override finish(info: StreamClosed): void {
    super.finish(info);
    this.#http1.released(this);
  }
}
