import {
  emptyHeaders,
  type HeaderView,
  headerView,
  type InformationalResponse,
  optionError,
  type ReadBodyOptions,
  type Session,
  streamErrors,
  type Timer,
} from "@king-runtime/core";
import { type HttpPhase, httpErrors } from "../errors.ts";
import { BodyQueue, highWaterBytes } from "./body-queue.ts";
import { contentCodings, decodeContent } from "./content-coding.ts";
import { fieldBytes, fieldOf, flatFields, hasStrangeCoding, type RawFields } from "./fields.ts";
import type { HttpClientResponse } from "./http-client-response.ts";
import type { PreparedRequest } from "./prepared-request.ts";
import {
  headerLimitError,
  protocolError,
  requestError,
  timeoutError,
  unaskedUpgrade,
} from "./request-error.ts";

const maxInterimResponses = 32;

/** What carries an exchange below its response. */
export interface Carrier {
  readonly session: Session;
  /** Has the peer wait, as soon as it can be had. */
  pause(): void;
  resume(): void;
  /** Ends the exchange for the peer too. */
  cancel(reason: unknown): void;
}

/**
 * The response to one request, from the moment the request is sent: its carrier tells it what comes
 * in, its reader what is wanted of it. It keeps the deadlines.
 */
export class IncomingResponse implements HttpClientResponse {
  status = 0;
  redirects = 0;
  readonly request: PreparedRequest;
  /** Resolves with this, at the head; rejects when there comes none. */
  readonly arrived: Promise<IncomingResponse>;
  readonly #carrier: Carrier;
  readonly #queue = new BodyQueue();
  #arrive: (response: IncomingResponse) => void;
  #refuse: (error: unknown) => void;
  #rawHeaders: RawFields = [];
  #headers: HeaderView | undefined;
  #interim: InformationalResponse[] | undefined;
  #interimCount = 0;
  #interimBytes = 0;
  #trailers: HeaderView | undefined;
  #awaitedTrailers: PromiseWithResolvers<HeaderView> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #over = false;
  #used = false;
  #isPaused = false;
  #isRead = false;
  #isDiscarded = false;
  #headTimer: Timer | undefined;
  #totalTimer: Timer | undefined;
  #body: ReadableStream<Uint8Array> | undefined;
  /** Something of a response came, so that the server has seen the request. */
  #isAnswered = false;
  #bytesReceived = 0;
  #bytesRead = 0;
  /** Told of the end, at no cost of a promise. */
  onOver: (() => void) | undefined;

  constructor(request: PreparedRequest, carrier: Carrier) {
    this.request = request;
    this.#carrier = carrier;
    let arrive!: (response: IncomingResponse) => void;
    let refuse!: (error: unknown) => void;
    this.arrived = new Promise((resolve, reject) => {
      arrive = resolve;
      refuse = reject;
    });
    this.#arrive = arrive;
    this.#refuse = refuse;
    request.signal?.addEventListener("abort", this.#onAbort, { once: true });
    const { timeoutMs, clock } = request.limits;
    if (request.deadlineMs !== Number.POSITIVE_INFINITY) {
      const left = Math.max(0, request.deadlineMs - clock.monotonic());
      this.#totalTimer = clock.after(left, () => this.#expire("total", timeoutMs));
    }
  }

  readonly #onAbort = (): void => this.cancel(this.request.signal?.reason);

  /** Whether the head is here. */
  get hasArrived(): boolean {
    return this.status >= 200;
  }

  /** Whether anything of a response came. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** Whether all of it is here, or no more comes. */
  get isOver(): boolean {
    return this.#over;
  }

  /** Whether all of it is here. */
  get isWhole(): boolean {
    return this.#over && this.#failure === undefined;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get url(): string {
    const { href, hash } = this.request.url;
    return hash === "" ? href : href.slice(0, -hash.length);
  }

  get session(): Session {
    return this.#carrier.session;
  }

  get protocol(): string {
    return this.#carrier.session.protocol;
  }

  // What the carrier tells.

  /** The request is out: the deadline of the head begins. */
  onSent(): void {
    if (this.hasArrived || this.#over) return;
    const { headersTimeoutMs, clock } = this.request.limits;
    this.#headTimer ??= clock.after(headersTimeoutMs, () =>
      this.#expire("headers", headersTimeoutMs),
    );
  }

  /** The first bytes of a response came: the server has seen the request. */
  onAnswer(): void {
    this.#isAnswered = true;
  }

  onInformational(status: number, raw: RawFields): void {
    this.#isAnswered = true;
    if (this.hasArrived || this.#over) return;
    if (status < 100 || status === 101) {
      this.#refuseStatus(status);
      return;
    }
    this.#interimBytes += fieldBytes(raw);
    this.#interimCount++;
    const { maxHeaderBytes } = this.request.limits;
    if (this.#interimCount > maxInterimResponses || this.#interimBytes > maxHeaderBytes) {
      const most = `at most ${maxInterimResponses} of ${maxHeaderBytes} bytes together`;
      this.cancel(
        httpErrors.create(
          "KING_HTTP_HEADER_LIMIT",
          `interim responses: expected ${most}, got more`,
          {},
        ),
      );
      return;
    }
    if (status === 100) return; // it is about the request's body
    const response = { status, headers: headerView(flatFields(raw)) };
    this.#interim ??= [];
    this.#interim.push(response);
    try {
      this.request.onInformational?.(response);
    } catch (error) {
      this.cancel(error);
    }
  }

  onHead(status: number, raw: RawFields): void {
    this.#isAnswered = true;
    if (this.#over) return;
    if (status < 200) {
      this.#refuseStatus(status);
      return;
    }
    this.#headTimer?.cancel();
    if (fieldBytes(raw) > this.request.limits.maxHeaderBytes) {
      this.cancel(headerLimitError(this.request.limits.maxHeaderBytes));
      return;
    }
    if (this.protocol === "h1" && hasStrangeCoding(raw)) {
      const told = "expected no transfer coding but chunked, once";
      this.cancel(protocolError(this.request.origin, told));
      return;
    }
    this.status = status;
    this.#rawHeaders = raw;
    this.request.onAnswered?.();
    this.#arrive(this);
  }

  /** What is neither final nor in between, or speaks of another protocol from here on. */
  #refuseStatus(status: number): void {
    const { request } = this;
    const told = `expected a status of 200 or more, got ${status}`;
    this.cancel(status === 101 ? unaskedUpgrade(request) : protocolError(request.origin, told));
  }

  onData(chunk: Uint8Array): void {
    this.#bytesReceived += chunk.length;
    if (this.#isDiscarded) return;
    this.#queue.push(chunk);
    if (this.#isPaused || this.#queue.bytes < highWaterBytes) return;
    this.#isPaused = true;
    this.#carrier.pause();
  }

  onEnd(raw: RawFields): void {
    if (this.#over) return;
    if (raw.length > 0) {
      if (fieldBytes(raw) > this.request.limits.maxHeaderBytes) {
        this.cancel(headerLimitError(this.request.limits.maxHeaderBytes));
        return;
      }
      this.#trailers = headerView(flatFields(raw));
    }
    this.#finish();
    this.#queue.end();
  }

  /** What the carrier met, in its own words. */
  onError(error: unknown): void {
    this.fail(requestError(error, this.request, this.hasArrived));
  }

  // What its owner wants.

  /** What still comes of the body is of no interest, but may come. */
  discard(): void {
    this.#isDiscarded = true;
    this.#used = true;
    this.#queue.takeAll();
    this.#relieve();
  }

  /** The body as its stream reads it: without a limit, and leaving it early goes on with the rest. */
  stream(): AsyncGenerator<Uint8Array, undefined> {
    this.#take();
    const { bodyIdleResumes } = this.request.limits;
    return this.#chunks(Number.POSITIVE_INFINITY, undefined, bodyIdleResumes, true);
  }

  /** Ends the exchange on both sides. */
  cancel(reason: unknown): void {
    if (this.#over) {
      // The rest of the body is here, and of no use.
      this.#queue.drop(reason);
      return;
    }
    this.abort(reason);
  }

  /** The same, also when only the request is still under way. */
  abort(reason: unknown): void {
    this.fail(reason);
    this.#carrier.cancel(reason);
  }

  fail(error: unknown): void {
    if (this.#over) return;
    this.#failure = { error };
    this.#refuse(error);
    this.#finish();
    this.#queue.fail(error);
    this.#awaitedTrailers?.reject(error);
  }

  #finish(): void {
    this.#over = true;
    this.#headTimer?.cancel();
    this.#totalTimer?.cancel();
    this.request.signal?.removeEventListener("abort", this.#onAbort);
    this.onOver?.();
  }

  #expire(phase: HttpPhase, timeoutMs: number): void {
    this.cancel(timeoutError(this.request, phase, timeoutMs));
  }

  // What its reader sees.

  get headers(): HeaderView {
    if (this.#headers === undefined) {
      const fields = flatFields(this.#rawHeaders);
      this.#headers = fields.length === 0 ? emptyHeaders : headerView(fields);
      this.#rawHeaders = fields;
    }
    return this.#headers;
  }

  /** The value of one field, given in lower case; cheaper than {@link headers} where few have it. */
  fieldOf(name: string): string | undefined {
    return fieldOf(this.#rawHeaders, name);
  }

  get informational(): readonly InformationalResponse[] {
    return this.#interim ?? [];
  }

  /** Settled when the body has been read, as far as a reader can tell. */
  get trailers(): Promise<HeaderView> {
    if (this.#awaitedTrailers === undefined) {
      this.#awaitedTrailers = Promise.withResolvers();
      this.#awaitedTrailers.promise.catch(() => undefined);
      if (this.#failure !== undefined) this.#awaitedTrailers.reject(this.#failure.error);
      else if (this.#isRead) this.#awaitedTrailers.resolve(this.#trailers ?? emptyHeaders);
    }
    return this.#awaitedTrailers.promise;
  }

  #onRead(): void {
    this.#isRead = true;
    this.#awaitedTrailers?.resolve(this.#trailers ?? emptyHeaders);
  }

  #take(): void {
    if (this.#used) {
      throw httpErrors.create("KING_HTTP_BODY_USED", "expected the body to be read once", {});
    }
    this.#used = true;
  }

  /** Content-Length then tells of another response (RFC 9110, section 8.6). */
  get #isBodyless(): boolean {
    return this.request.method === "HEAD" || this.status === 204 || this.status === 304;
  }

  /** Whether over HTTP/1.1 it is the end of the connection alone that ends the body (RFC 9112, section 6.3). */
  get lastsToEnd(): boolean {
    const { headers } = this;
    const isFramed = headers.has("content-length") || headers.has("transfer-encoding");
    return !this.#isBodyless && !isFramed;
  }

  #checkAnnounced(limitBytes: number): void {
    if (this.#isBodyless || limitBytes === Number.POSITIVE_INFINITY) return;
    const announced = Number(this.headers.get("content-length") ?? 0);
    if (announced > limitBytes) throw bodyLimit(limitBytes, announced);
  }

  get #codings(): readonly string[] {
    if (!this.request.decompress || this.#isBodyless) return [];
    return contentCodings(this.headers);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this.#read(this.request.limits.maxBodyBytes, undefined);
  }

  #read(
    limitBytes: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, undefined> {
    this.#take();
    const codings = this.#codings;
    if (codings.length > 0) {
      return decodeContent(this.#chunks(limitBytes, signal, false), codings, limitBytes);
    }
    return this.#chunks(limitBytes, signal, this.request.limits.bodyIdleResumes);
  }

  /** The body as it came, chunk by chunk. */
  async *#chunks(
    limitBytes: number,
    signal: AbortSignal | undefined,
    resumes: boolean,
    isStream = false,
  ): AsyncGenerator<Uint8Array, undefined> {
    let whole = false;
    let isIdle = false;
    let failure: { readonly error: unknown } | undefined;
    const onAbort = () => this.cancel(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      signal?.throwIfAborted();
      if (!isStream) this.#checkAnnounced(limitBytes);
      for (;;) {
        const chunk = this.#queue.shift();
        if (chunk !== undefined) {
          this.#bytesRead += chunk.length;
          if (this.#bytesRead > limitBytes) throw bodyLimit(limitBytes, this.#bytesRead);
          this.#relieve();
          yield chunk;
        } else if (this.#queue.isEnded) {
          this.#queue.throwIfFailed();
          whole = true;
          this.#onRead();
          return undefined;
        } else if (!(await this.#more())) {
          isIdle = true;
          throw timeoutError(this.request, "body", this.request.limits.bodyIdleTimeoutMs);
        }
      }
    } catch (error) {
      failure = { error };
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      if (isIdle && resumes) this.#used = false;
      else if (isStream && failure === undefined && !whole) this.discard();
      else if (!whole) this.#giveUp(failure === undefined ? givenUp() : failure.error);
    }
  }

  /** Has the peer go on when what waits has been read. */
  #relieve(): void {
    if (!this.#isPaused || this.#queue.bytes >= highWaterBytes / 2) return;
    this.#isPaused = false;
    this.#carrier.resume();
  }

  /** Whether something came in time. */
  #more(): Promise<boolean> {
    const { bodyIdleTimeoutMs, clock } = this.request.limits;
    return new Promise((resolve) => {
      const settle = (came: boolean) => {
        timer.cancel();
        this.#queue.onChange(undefined);
        resolve(came);
      };
      const timer = clock.after(bodyIdleTimeoutMs, () => settle(false));
      this.#queue.onChange(() => settle(true));
    });
  }

  async bytes(options: ReadBodyOptions = {}): Promise<Uint8Array> {
    const { limit = this.request.limits.maxBodyBytes, signal } = options;
    if (!(typeof limit === "number" && limit >= 0)) {
      throw optionError("limit", `expected a number of bytes, got ${limit}`);
    }
    if (signal === undefined && this.#isHere(limit)) return this.#takeWhole();
    const isPlain = !this.request.decompress || this.#codings.length === 0;
    if (isPlain) return joined(await this.#collect(limit, signal));
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#read(limit, signal)) chunks.push(chunk);
    return joined(chunks);
  }

  /** The whole body as it came; an idle timeout that lets reading go on loses nothing of it. */
  async #collect(limitBytes: number, signal: AbortSignal | undefined): Promise<Uint8Array[]> {
    this.#take();
    const onAbort = () => this.cancel(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    let chunks: Uint8Array[] = [];
    try {
      signal?.throwIfAborted();
      this.#checkAnnounced(limitBytes);
      for (;;) {
        const came = this.#queue.takeAll();
        for (const { length } of came) this.#bytesRead += length;
        if (chunks.length === 0) chunks = came;
        else for (const chunk of came) chunks.push(chunk);
        if (this.#bytesRead > limitBytes) throw bodyLimit(limitBytes, this.#bytesRead);
        this.#relieve();
        if (this.#queue.isEnded) break;
        if (await this.#more()) continue;
        const error = timeoutError(this.request, "body", this.request.limits.bodyIdleTimeoutMs);
        if (this.request.limits.bodyIdleResumes) {
          this.#putBack(chunks);
          this.#used = false;
        }
        throw error;
      }
      this.#queue.throwIfFailed();
      this.#onRead();
      return chunks;
    } catch (error) {
      if (this.#used) this.#giveUp(error);
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #putBack(chunks: readonly Uint8Array[]): void {
    for (const { length } of chunks) this.#bytesRead -= length;
    this.#queue.putBack(chunks);
  }

  /** Whether the body can be handed out as it is: a small one comes together with its head. */
  #isHere(limitBytes: number): boolean {
    return (
      this.#over &&
      this.#failure === undefined &&
      this.#queue.bytes === this.#bytesReceived &&
      this.#queue.bytes <= limitBytes &&
      (!this.request.decompress || this.#codings.length === 0)
    );
  }

  #takeWhole(): Uint8Array {
    this.#take();
    this.#queue.throwIfFailed();
    const bytes = joined(this.#queue.takeAll());
    this.#onRead();
    return bytes;
  }

  async text(options?: ReadBodyOptions): Promise<string> {
    const bytes = await this.bytes(options);
    return bytes.length === 0 ? "" : decoder.decode(bytes);
  }

  async json(options?: ReadBodyOptions): Promise<unknown> {
    const text = await this.text(options);
    try {
      return JSON.parse(text);
    } catch (cause) {
      const message = `body: expected JSON, got ${(cause as Error).message}`;
      throw httpErrors.create("KING_HTTP_BODY_JSON", message, {}, { cause });
    }
  }

  get body(): ReadableStream<Uint8Array> {
    if (this.#body === undefined) {
      const source = this.#read(this.request.limits.maxBodyBytes, undefined);
      this.#body = new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            const { done, value } = await source.next();
            if (done) controller.close();
            else controller.enqueue(value);
          },
          cancel: () => this.#giveUp(givenUp()),
        },
        { highWaterMark: 0 },
      );
    }
    return this.#body;
  }

  toFetch(): Response {
    if (this.status < 200 || this.status > 599) {
      const message = `expected a status from 200 to 599, got ${this.status}`;
      throw httpErrors.create("KING_HTTP_PROTOCOL", message, {});
    }
    const bodyless = [204, 205, 304].includes(this.status);
    const headers = this.headers.toHeaders();
    if (this.#codings.length > 0) {
      headers.delete("content-encoding");
      headers.delete("content-length");
    }
    return new Response(bodyless ? null : this.body, { status: this.status, headers });
  }

  /** Nobody reads what is left. */
  #giveUp(reason: unknown): void {
    this.#used = true;
    this.cancel(reason);
    if (!this.#isRead) {
      this.#failure ??= { error: reason };
      this.#awaitedTrailers?.reject(reason);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isRead) this.#giveUp(givenUp());
  }
}

const decoder = new TextDecoder();

const joined = (chunks: readonly Uint8Array[]): Uint8Array =>
  chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);

const givenUp = () =>
  streamErrors.create("KING_STREAM_CLOSED", "the response was given up before its end", {});

function bodyLimit(limitBytes: number, announcedBytes: number) {
  return httpErrors.create(
    "KING_HTTP_BODY_LIMIT",
    `response body: expected at most ${limitBytes} bytes, got ${announcedBytes} or more`,
    { limitBytes, announcedBytes },
  );
}
