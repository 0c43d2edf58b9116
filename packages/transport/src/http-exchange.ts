import type { Readable, Writable } from "node:stream";
import {
  BaseStream,
  type CloseOptions,
  describeValue,
  type Exchange,
  emptyHeaders,
  type HeaderFields,
  type HeaderView,
  headerView,
  KingError,
  type ResponseBody,
  type Session,
  type Stream,
  streamErrors,
  type Upgrade,
  type WriteOptions,
} from "@king-runtime/core";
import { Deadlines, type Progress } from "./deadlines.ts";
import { type HttpPhase, httpErrors } from "./errors.ts";
import type { HttpLimits } from "./limits.ts";
import { NodeWriter, sliceBytes } from "./node-writer.ts";
import { type Problem, respondProblem } from "./problem.ts";
import { requestIdOf } from "./request-id.ts";
import { announcedLength } from "./response-fields.ts";
import { turn } from "./turn.ts";

/**
 * A request body up to this size that nobody reads is read and discarded, so that the connection
 * can be used again; a larger or unannounced one ends the exchange's stream or connection.
 */
export const discardedBodyBytes = 65_536;

/** What a write counts that goes nowhere: empty ones do not go on for ever either. */
const leastDiscardedBytes = 1_024;

/** How long a client may take to read a response that did not wait for its whole request, in ms. */
export const lingerMs = 2_000;

/** What HTTP/1.1 and HTTP/2 exchanges share; each adds how its bytes go out. */
export abstract class HttpExchange extends BaseStream implements Exchange {
  protected override readonly kind = "exchange";
  readonly session: Session;
  protected readonly limits: HttpLimits;
  #headers: HeaderView | undefined;
  #pathEnd = -1;
  #requestId: string | undefined;
  #controller: AbortController | undefined;
  #gone: unknown;
  #received = 0;
  #waiting = false;
  #exhausted = false;
  #inputOver = false;
  #responseDone = false;
  /** Content-Length of a response whose body is written piece by piece. */
  #announced: number | undefined;
  #trailers: PromiseWithResolvers<HeaderView> | undefined;
  #deadlines: Deadlines | undefined;
  #writer: NodeWriter | undefined;
  #reset = false;
  #answered = false;
  /** Bytes of a body that went out with the head. */
  #bytesResponded = 0;
  #bytesDiscarded = 0;
  /** Whether this response has no body, whatever the handler writes: to HEAD, 204, 304. */
  discardsBody = false;

  constructor(session: Session, limits: HttpLimits) {
    super();
    this.session = session;
    this.limits = limits;
  }

  abstract readonly method: string;
  abstract readonly target: string;
  abstract readonly scheme: string;
  abstract readonly authority: string;
  abstract readonly responded: boolean;
  abstract inform(status: number, headers: HeaderFields): void;
  abstract setTrailers(headers: HeaderFields): void;
  upgrade?: Upgrade;

  protected abstract readonly input: Readable;
  protected abstract readonly output: Writable;
  protected abstract readonly rawHeaders: readonly string[];
  protected abstract readonly rawTrailers: readonly string[];
  /** Whether the whole request body has arrived. */
  protected abstract readonly complete: boolean;
  /** Called before the first byte of the body is waited for. */
  protected beginReading(): void {}
  /** Called when the response is whole as far as we are concerned. */
  protected endResponse(): void {}
  /** Ends the exchange at once on the wire. */
  protected abstract cut(code?: number): void;

  /** Sends the head; `length` of the body where it is known, and nothing else will follow. */
  protected abstract sendHead(
    status: number,
    headers: HeaderFields | undefined,
    length: number | undefined,
  ): void;

  respond(status: number, headers?: HeaderFields, body?: ResponseBody): void {
    // We may have answered for the handler, because of a deadline or a fault of the client.
    if (this.responded && this.#gone instanceof Error) throw this.#gone;
    if (this.responded) {
      throw httpErrors.create("KING_HTTP_RESPONDED", "expected one response, got a second", {});
    }
    if (this.over) throw this.failure();
    this.#checkStatus(status);
    checkBody(body);
    const fields = this.#withAltSvc(this.#withRequestId(headers));
    const bodyless = status === 204 || status === 304 || this.method === "HEAD";
    const length = typeof body === "string" ? Buffer.byteLength(body) : body?.length;
    let announced: number | undefined;
    try {
      announced = fields === undefined ? undefined : announcedLength(fields);
      if (!bodyless && announced !== undefined && length !== undefined && announced !== length) {
        throw new Error(`content-length: expected ${length}, got ${announced}`);
      }
      this.discardsBody = bodyless;
      const whole = this.sendsTrailers ? undefined : length;
      this.sendHead(status, fields, announced === undefined ? whole : undefined);
    } catch (cause) {
      this.refuseField(cause);
    }
    if (bodyless) this.#endBodyless();
    else if (body === undefined) this.#announced = announced;
    else this.#sendWhole(body, length as number);
  }

  /** Where HTTP/3 is spoken as well, unless the handler tells something of its own. */
  #withAltSvc(headers: HeaderFields | undefined): HeaderFields | undefined {
    const { altSvc } = this.limits;
    if (altSvc === undefined || this.session.protocol === "h3") return headers;
    for (const each in headers) if (each.toLowerCase() === "alt-svc") return headers;
    return { ...headers, "alt-svc": altSvc };
  }

  /** The response tells the id too, unless the handler does. */
  #withRequestId(headers: HeaderFields | undefined): HeaderFields | undefined {
    const { requestIdHeader: name } = this.limits;
    if (name === "") return headers;
    for (const each in headers) if (each.toLowerCase() === name) return headers;
    return { ...headers, [name]: this.requestId };
  }

  /** Whether trailers are to follow, for which the body has to be sent apart. */
  protected abstract readonly sendsTrailers: boolean;

  #endBodyless(): void {
    if (!this.output.writableEnded) this.output.end();
    this.endResponse();
  }

  /** Sends `body`, whose head is out, and ends the response. */
  #sendWhole(body: ResponseBody, length: number): void {
    if (length > sliceBytes || this.sendsTrailers) {
      void this.end(typeof body === "string" ? Buffer.from(body) : body);
      return;
    }
    this.#bytesResponded = length;
    if (!this.output.writableEnded) this.output.end(body);
    this.endResponse();
  }

  write(chunk: Uint8Array, options?: WriteOptions): undefined | Promise<void> {
    if (this.discardsBody) return this.#discard(chunk.length);
    const writer = this.#writable();
    if (this.#announced !== undefined) this.#checkLength(writer.bytes + chunk.length, false);
    return writer.write(chunk, options);
  }

  /**
   * What is written to a response without a body goes nowhere. That neither keeps others from their turn nor
   * goes on for ever, as a handler may that writes until its client leaves.
   */
  #discard(bytes: number): Promise<void> {
    const isLost = this.ended !== undefined && !this.ended.clean;
    this.#bytesDiscarded += Math.max(bytes, leastDiscardedBytes);
    if (isLost || this.#bytesDiscarded > this.limits.maxWriteBufferBytes) throw this.failure();
    return turn();
  }

  end(chunk?: Uint8Array): Promise<void> {
    if (this.discardsBody) return Promise.resolve();
    try {
      if (this.#writer === undefined && this.ended?.clean) return Promise.resolve();
      const writer = this.#writer?.ended ? this.#writer : this.#writable();
      if (this.#announced !== undefined && !writer.ended) {
        this.#checkLength(writer.bytes + (chunk?.length ?? 0), true);
      }
      const ended = writer.end(chunk);
      this.endResponse();
      return ended;
    } catch (error) {
      const failed = Promise.reject(error);
      failed.catch(() => undefined);
      return failed;
    }
  }

  /** Refuses a body that is not as long as was announced: it would run into the next response. */
  #checkLength(sentBytes: number, last: boolean): void {
    const announcedBytes = this.#announced as number;
    if (sentBytes === announcedBytes || (!last && sentBytes < announcedBytes)) return;
    const error = httpErrors.create(
      "KING_HTTP_BODY_LENGTH",
      `body: expected ${announcedBytes} bytes as announced, got ${sentBytes}`,
      { announcedBytes, sentBytes },
    );
    this.abort(error);
    throw error;
  }

  /** The writer, once the head is out and while the exchange lives. */
  #writable(): NodeWriter {
    if (this.over) throw this.failure();
    if (!this.responded) {
      throw httpErrors.create("KING_HTTP_NOT_RESPONDED", "expected respond() before write()", {});
    }
    if (this.#writer === undefined) {
      const limit = this.limits.maxWriteBufferBytes;
      this.#writer = new NodeWriter(this.output, limit, () => this.failure());
      if (this.output.writableEnded) this.#writer.ended = true; // the body went out with the head
    }
    return this.#writer;
  }

  reset(code?: number): void {
    if (this.ended !== undefined) return;
    this.#reset = true;
    this.cut(code);
  }

  /** Whether it was reset here. */
  protected get wasReset(): boolean {
    return this.#reset;
  }

  /** Why it was given up or lost, once it was. */
  get reason(): unknown {
    return this.#gone;
  }

  /** Whether it has ended before request and response were whole. */
  get wasCut(): boolean {
    return this.#reset || this.ended?.clean === false;
  }

  /** Whether we have answered for the handler. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Whether it has ended, or is about to because it was reset here. */
  get over(): boolean {
    return this.ended !== undefined || this.#reset;
  }

  /** Why the exchange cannot go on. */
  protected failure(): Error {
    if (this.#gone instanceof Error) return this.#gone;
    if (this.#reset || this.ended?.clean) {
      return streamErrors.create("KING_STREAM_CLOSED", "the exchange has ended", {});
    }
    return disconnected();
  }

  get #sent(): number {
    return this.#bytesResponded + (this.#writer?.bytes ?? 0);
  }

  /** The status sent, once there is one. */
  abstract readonly status: number | undefined;

  /** Bytes that Content-Length announces; 0 when it does not, or for methods that bring no body. */
  get announcedBytes(): number {
    const { method } = this;
    if (method === "GET" || method === "HEAD") return 0;
    return Number(this.headers.get("content-length") ?? 0);
  }

  get requestId(): string {
    this.#requestId ??= requestIdOf(this.headers, this.limits.requestIdHeader);
    return this.#requestId;
  }

  /** Lines of the request's head. */
  get fieldCount(): number {
    return this.rawHeaders.length / 2;
  }

  get path(): string {
    const { target } = this;
    if (!target.startsWith("/")) return absolutePath(target)[0];
    if (this.#pathEnd === -1) {
      const at = target.indexOf("?");
      this.#pathEnd = at === -1 ? target.length : at;
    }
    return target.slice(0, this.#pathEnd);
  }

  get query(): string {
    const { target } = this;
    if (!target.startsWith("/")) return absolutePath(target)[1];
    const at = target.indexOf("?");
    return at === -1 ? "" : target.slice(at + 1);
  }

  get headers(): HeaderView {
    this.#headers ??= headerView(this.rawHeaders);
    return this.#headers;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#gone !== undefined) this.#controller.abort(this.#gone);
    }
    return this.#controller.signal;
  }

  get trailers(): Promise<HeaderView> {
    if (this.#trailers === undefined) {
      this.#trailers = Promise.withResolvers();
      // Whoever asks early and never awaits must not bring the process down.
      this.#trailers.promise.catch(() => undefined);
      if (this.#exhausted || this.ended?.clean) this.#trailers.resolve(this.#trailerView());
      else if (this.#gone !== undefined) this.#trailers.reject(this.#gone);
    }
    return this.#trailers.promise;
  }

  #trailerView(): HeaderView {
    return this.rawTrailers.length === 0 ? emptyHeaders : headerView(this.rawTrailers);
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.closing ? "draining" : "open";
  }

  async bytes(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this) chunks.push(chunk);
    return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
  }

  protected async *read(): AsyncGenerator<Uint8Array, undefined> {
    if (this.#gone !== undefined) throw this.#gone;
    const { input } = this;
    const limitBytes = this.limits.maxBodyBytes;
    this.beginReading();
    try {
      this.#waiting = true;
      for await (const chunk of input.iterator({ destroyOnReturn: false })) {
        this.#waiting = false;
        this.#received += chunk.length;
        if (this.#received > limitBytes) throw bodyLimit(limitBytes, this.#received);
        yield chunk;
        this.#waiting = true;
      }
      if (this.#gone !== undefined) throw this.#gone;
      if (!this.complete) throw disconnected();
      this.#exhausted = true;
      this.#trailers?.resolve(this.#trailerView());
    } catch (error) {
      throw KingError.is(error) ? error : (this.#gone ?? disconnected(error));
    } finally {
      this.#waiting = false;
      this.#inputOver = true;
      if (!this.#exhausted) this.stopReading();
      if (this.#responseDone) this.done();
    }
  }

  /** Whether reading has come to the end of the body. */
  protected get exhausted(): boolean {
    return this.#exhausted;
  }

  /** The client went away, or we cut the exchange, before the response was whole. */
  protected lost(reason: unknown, by: "local" | "peer" | "network", code?: number): void {
    if (this.ended !== undefined) return;
    this.#gone ??= reason;
    this.#controller?.abort(this.#gone);
    this.#trailers?.reject(this.#gone);
    this.finish({
      by,
      clean: false,
      bytesRead: this.#received,
      bytesWritten: this.#sent,
      ...(code === undefined ? {} : { code }),
      ...(this.#gone instanceof Error ? { error: this.#gone } : {}),
    });
    this.#writer?.close();
  }

  /** The response is whole; the exchange is when its input is read, or nobody wants it. */
  protected responseDone(): void {
    this.#responseDone = true;
    if (!this.taken || this.#inputOver) this.done();
  }

  /** Another request follows on the connection: a whole response is the end of this one. */
  supersede(): void {
    if (this.#responseDone) this.done();
  }

  /** Nobody wants the rest of the input. */
  protected giveUpInput(): void {
    this.#inputOver = true;
    if (this.#responseDone) this.done();
  }

  /** Everything is over. */
  protected done(): void {
    this.#trailers?.resolve(this.#trailerView());
    this.finish({ by: "local", clean: true, bytesRead: this.#received, bytesWritten: this.#sent });
  }

  protected override beginClose(options: CloseOptions): void {
    if (this.responded) super.beginClose(options);
    else this.abort(new Error("closed before a response"));
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined) return;
    this.#gone ??= reason ?? streamErrors.create("KING_STREAM_CLOSED", "the exchange was cut", {});
    this.reset();
  }

  /** Bytes of the response that its client has taken so far. */
  protected get bytesTaken(): number {
    return this.#sent - this.output.writableLength;
  }

  /** Looks whether a deadline has passed; called by the listener's sweep. */
  sweep(tickMs: number): void {
    // A whole response to a request that has arrived whole: whether its body is read is no matter.
    if (this.#responseDone && this.complete && !this.#waiting) {
      this.done();
      return;
    }
    this.#deadlines ??= new Deadlines();
    const progress: Progress = {
      received: this.complete || this.#answered, // what comes now does not matter
      waiting: this.#waiting,
      bytesRead: this.#received,
      responded: this.responded,
      bytesQueued: this.output.writableLength,
      bytesTaken: this.bytesTaken,
    };
    const phase = this.#deadlines.tick(tickMs, this.limits, progress);
    if (phase !== undefined) this.#timeOut(phase);
  }

  /** Answers for the handler; cuts the exchange where that is no longer possible. */
  answer(problem: Problem): void {
    this.#answered = true;
    try {
      respondProblem(this, problem);
    } catch (error) {
      this.abort(error);
    }
  }

  #timeOut(phase: HttpPhase): void {
    const timeoutMs = phaseTimeoutMs(phase, this.limits);
    const error = httpErrors.create(
      "KING_HTTP_TIMEOUT",
      `${phase}: expected progress within ${timeoutMs} ms`,
      { phase, timeoutMs },
    );
    this.giveUp(error, phase === "response" ? 503 : 408);
  }

  /** Ends an exchange that cannot go on: with `status` where the client can still be told. */
  giveUp(error: Error, status: number): void {
    if (this.responded) {
      this.abort(error);
      return;
    }
    this.#gone ??= error;
    this.answer({ status });
    this.#controller?.abort(error);
    if (this.taken && !this.#exhausted) this.breakInput();
  }

  /** Ends a reader that waits for the body; the response still goes out. */
  protected breakInput(): void {
    this.input.destroy();
  }

  #checkStatus(status: number): void {
    if (Number.isInteger(status) && status >= 200 && status <= 599) return;
    this.refuseField(
      new Error(`status: expected an integer from 200 to 599, got ${status}`),
      ":status",
    );
  }

  protected refuseSecondResponse(): never {
    throw httpErrors.create("KING_HTTP_RESPONDED", "expected one response, got a second", {});
  }

  protected refuseField(cause: unknown, name = "headers"): never {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw httpErrors.create("KING_HTTP_HEADER_INVALID", why, { name }, { cause });
  }
}

function checkBody(body: unknown): void {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) return;
  throw new TypeError(`body: expected a string or bytes, got ${describeValue(body)}`);
}

const absoluteForm = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*([^?#]*)(?:\?([^#]*))?/i;

/** Path and query of an absolute-form target (RFC 9112, section 3.2.2) as they came, or of `*`. */
function absolutePath(target: string): [path: string, query: string] {
  const [, path = target, query = ""] = absoluteForm.exec(target) ?? [];
  return [path || "/", query];
}

function bodyLimit(limitBytes: number, announcedBytes: number) {
  return httpErrors.create(
    "KING_HTTP_BODY_LIMIT",
    `body: expected at most ${limitBytes} bytes, got ${announcedBytes} or more`,
    { limitBytes, announcedBytes },
  );
}

export function disconnected(cause?: unknown) {
  return streamErrors.create(
    "KING_STREAM_RESET",
    "the client went away before the exchange was finished",
    { by: "peer" },
    cause === undefined ? {} : { cause },
  );
}

/** An upgrade that becomes `open` once it is accepted. */
export function upgradeOf(protocol: string, accept: (headers: HeaderFields) => Stream): Upgrade {
  let accepted = false;
  return {
    protocol,
    accept(headers = {}) {
      if (accepted) {
        throw httpErrors.create("KING_HTTP_RESPONDED", "expected one accept(), got a second", {});
      }
      const stream = accept(headers);
      accepted = true;
      return stream;
    },
  };
}

function phaseTimeoutMs(phase: HttpPhase, limits: HttpLimits): number {
  if (phase === "body") return limits.bodyIdleTimeoutMs;
  if (phase === "write") return limits.writeIdleTimeoutMs;
  return phase === "response" ? limits.responseTimeoutMs : limits.requestTimeoutMs;
}
