import { validateHeaderName, validateHeaderValue } from "node:http";
import type { Readable, Writable } from "node:stream";
import {
  abortedHere,
  BaseStream,
  type HeaderFields,
  KingError,
  streamErrors,
  type Timer,
  type WriteOptions,
} from "@king-runtime/core";
import { httpErrors } from "../errors.ts";
import { NodeWriter, sliceBytes } from "../node-writer.ts";
import { BodySource } from "./body-source.ts";
import type { ClientSession } from "./client-session.ts";
import type { HttpClientResponse } from "./http-client-response.ts";
import type { HttpClientStream } from "./http-client-stream.ts";
import { type Carrier, IncomingResponse } from "./incoming-response.ts";
import { announcedLength } from "./prepare-request.ts";
import type { PreparedRequest } from "./prepared-request.ts";
import { bodyOf } from "./request-body.ts";
import { invalidRequest, timeoutError } from "./request-error.ts";
import { SendWatch } from "./send-watch.ts";

/** What HTTP/1.1 and HTTP/2 exchanges over node's own streams share on the client's side. */
export abstract class ClientExchange extends BaseStream implements HttpClientStream, Carrier {
  protected override readonly kind = "exchange";
  abstract readonly session: ClientSession;
  readonly incoming: IncomingResponse;
  protected readonly request: PreparedRequest;
  #writer: NodeWriter | undefined;
  #watch: SendWatch | undefined;
  #source: BodySource | undefined;
  /** What the caller's Content-Length says. */
  readonly #announcedBytes: number | undefined;
  #trailers: HeaderFields | undefined;
  #continued: PromiseWithResolvers<boolean> | undefined;
  #expectTimer: Timer | undefined;
  /** Why it was ended here, once it was. */
  #ownEnd: { readonly reason: unknown } | undefined;
  #failure: unknown;
  /** The body was not sent to its end, for the response made it useless. */
  #isUnsent = false;

  constructor(request: PreparedRequest) {
    super();
    this.request = request;
    this.#announcedBytes = announcedLength(request.headers);
    this.incoming = new IncomingResponse(request, this);
    this.incoming.arrived.catch(() => undefined);
    if (request.expectContinue) this.#continued = Promise.withResolvers();
  }

  protected abstract readonly output: Writable;
  /** What the body is read from, once there is a head. */
  protected abstract readonly input: Readable | undefined;
  /** Ends it on the wire at once. */
  protected abstract cut(code?: number): void;

  /** Sends the body, where it is at hand; called once the head is on its way. */
  protected start(): void {
    const { request } = this;
    this.#trailers = typeof request.trailers === "object" ? request.trailers : undefined;
    this.incoming.onOver = () => this.#onIncomingOver();
    if (request.expectContinue) {
      const { expectTimeoutMs, clock } = request.limits;
      this.#expectTimer = clock.after(expectTimeoutMs, () => this.onContinue(false));
    }
    if (request.isOpen) return;
    if (request.body === undefined && !request.expectContinue) this.sendNothing();
    else void this.#send();
  }

  async #send(): Promise<void> {
    try {
      const body = bodyOf(this.request.body);
      if (this.request.expectContinue) {
        await this.continued;
        // Whoever has answered without asking for it does not want it.
        if (this.#isUseless || this.incoming.hasArrived) return this.#leaveUnsent();
      }
      if (body === undefined) return this.sendNothing();
      if (typeof body === "string") return void (await this.end(Buffer.from(body)));
      if (body instanceof Uint8Array && body.length <= sliceBytes)
        return void (await this.end(body));
      if (!(body instanceof Uint8Array)) this.#source = new BodySource(body);
      for await (const chunk of this.#source ?? [body as Uint8Array]) {
        for (let at = 0; at < chunk.length; at += sliceBytes) {
          if (this.#isUseless) return this.#leaveUnsent();
          const slice = chunk.length <= sliceBytes ? chunk : chunk.subarray(at, at + sliceBytes);
          const room = this.write(slice);
          if (room !== undefined) await room;
        }
      }
      await this.end();
    } catch (error) {
      // A response may come, and the connection go, before all is sent.
      if (this.incoming.isOver) this.#leaveUnsent();
      else this.incoming.cancel(error);
    }
  }

  /** There is no body: the head is all. */
  protected sendNothing(): void {
    void this.end();
  }

  /** Whether what is still to be sent changes nothing any more (RFC 9112, section 9.5). */
  get #isUseless(): boolean {
    return this.incoming.isOver || this.incoming.status >= 400;
  }

  #leaveUnsent(): void {
    this.#isUnsent = true;
    if (this.incoming.isOver) this.#onIncomingOver();
  }

  #onIncomingOver(): void {
    this.onContinue(false);
    if (this.#isUnsent && this.ended === undefined) this.cut();
    // Who has answered may not read what still comes. Of what has been taken, node may be about to tell.
    else if (this.#isSending && this.incoming.isWhole) setImmediate(() => this.#stopSending());
  }

  get #isSending(): boolean {
    return !this.request.isOpen && this.#writer?.ended !== true && this.ended === undefined;
  }

  #stopSending(): void {
    if (!this.#isSending) return;
    this.#isUnsent = true;
    this.cut();
  }

  get response(): Promise<HttpClientResponse> {
    return this.incoming.arrived;
  }

  get continued(): Promise<boolean> {
    return this.#continued?.promise ?? Promise.resolve(true);
  }

  /** The server asked for the body, or there is no use in waiting for that. */
  onContinue(asked: boolean): void {
    this.#expectTimer?.cancel();
    this.#continued?.resolve(asked);
  }

  /** The head of the response is here. */
  protected onHead(): void {
    this.onContinue(false);
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.#writer?.ended || this.closing || this.#ownEnd !== undefined ? "draining" : "open";
  }

  setTrailers(headers: HeaderFields): void {
    for (const [name, value] of Object.entries(headers)) {
      try {
        validateHeaderName(name);
        for (const line of typeof value === "string" ? [value] : value) {
          validateHeaderValue(name, line);
        }
      } catch (cause) {
        const message = `trailer field ${JSON.stringify(name)}: expected a token and a value without line breaks`;
        throw httpErrors.create("KING_HTTP_HEADER_INVALID", message, { name }, { cause });
      }
    }
    this.#trailers = headers;
  }

  /** The fields to send now that the body has ended. */
  protected takeTrailers(): HeaderFields | undefined {
    const { trailers } = this.request;
    if (this.#trailers === undefined && typeof trailers === "function")
      this.setTrailers(trailers());
    return this.#trailers;
  }

  /** Called before the last chunk goes out. */
  protected beforeEnd(): void {}

  get #sending(): NodeWriter {
    if (this.#writer === undefined) {
      const { maxWriteBufferBytes, writeIdleTimeoutMs } = this.request.limits;
      const { output } = this;
      const writer = new NodeWriter(output, maxWriteBufferBytes, () => this.#error());
      this.#writer = writer;
      this.#watch = new SendWatch(
        this.request.limits,
        () => ({ queued: output.writableLength, taken: writer.bytes - output.writableLength }),
        // Also when all of the response is here: nothing else would end the exchange.
        () => this.incoming.abort(timeoutError(this.request, "write", writeIdleTimeoutMs)),
      );
    }
    return this.#writer;
  }

  get #isOver(): boolean {
    return this.ended !== undefined || this.#ownEnd !== undefined;
  }

  write(chunk: Uint8Array, options?: WriteOptions): undefined | Promise<void> {
    if (this.#isOver) throw this.#error();
    this.#checkLength(chunk.length, false);
    return this.#sending.write(chunk, options);
  }

  end(chunk?: Uint8Array): Promise<void> {
    try {
      if (this.#writer?.ended !== true) {
        if (this.#isOver) throw this.#error();
        this.#checkLength(chunk?.length ?? 0, true);
        this.beforeEnd();
      }
      const ended =
        this.#writer === undefined && chunk === undefined
          ? this.#endEmpty()
          : this.#sending.end(chunk);
      this.incoming.onSent();
      return ended;
    } catch (error) {
      const failed = Promise.reject(error);
      failed.catch(() => undefined);
      return failed;
    }
  }

  /** Any other length than was announced makes the rest of the connection mean something else. */
  #checkLength(more: number, isLast: boolean): void {
    const announced = this.#announcedBytes;
    if (announced === undefined) return;
    const bytes = (this.#writer?.bytes ?? 0) + more;
    if (isLast ? bytes === announced : bytes <= announced) return;
    const told = `expected ${announced} bytes, as content-length says, got ${bytes}`;
    const error = invalidRequest("body", isLast ? told : `${told} or more`);
    this.incoming.cancel(error);
    throw error;
  }

  /** Most requests have no body: they need no watch. */
  #endEmpty(): Promise<void> {
    this.#writer = new NodeWriter(this.output, 0, () => this.#error());
    return this.#writer.end();
  }

  reset(code?: number): void {
    this.#endHere(streamErrors.create("KING_STREAM_CLOSED", "the stream was reset here", {}), code);
  }

  abort(reason?: unknown): void {
    this.#endHere(reason ?? abortedHere("stream"));
  }

  /** The response's own way to end the exchange: its deadlines, its reader, the caller's signal. */
  cancel(reason: unknown): void {
    this.#endHere(reason);
  }

  /** Why it was ended on this side. */
  protected get reason(): unknown {
    return this.#ownEnd?.reason;
  }

  #endHere(reason: unknown, code?: number): void {
    if (this.#isOver) return;
    this.#ownEnd = { reason };
    this.#source?.stop(reason);
    this.incoming.fail(reason);
    this.cut(code);
  }

  stopReading(): void {
    this.incoming.discard();
  }

  protected async *read(): AsyncGenerator<Uint8Array, undefined> {
    try {
      yield* this.incoming.stream();
    } catch (error) {
      if (this.#ownEnd !== undefined || !KingError.is(error, "KING_HTTP_ABORTED")) throw error;
      throw this.#error();
    }
  }

  pause(): void {
    this.input?.pause();
  }

  resume(): void {
    this.input?.resume();
  }

  /** Why it cannot be used any more. */
  #error(): Error {
    const own = this.#ownEnd?.reason;
    if (own instanceof Error) return own;
    if (this.#ownEnd !== undefined) {
      return streamErrors.create("KING_STREAM_CLOSED", "the stream was ended here", {});
    }
    return streamErrors.create(
      "KING_STREAM_RESET",
      "the server ended the stream before it was whole",
      { by: "peer" },
      { cause: this.#failure },
    );
  }

  /** Both directions are over on the wire; `failure` where that is why. */
  protected onClosed(failure: unknown, code?: number): void {
    if (this.ended !== undefined) return;
    this.#watch?.stop();
    this.#expectTimer?.cancel();
    this.#source?.stop(failure);
    this.#failure = failure;
    if (!this.incoming.isOver) this.incoming.onError(failure);
    const clean = failure === undefined && this.#ownEnd === undefined;
    const error = this.#ownEnd?.reason ?? failure;
    this.finish({
      by: this.#ownEnd !== undefined || clean ? "local" : "peer",
      clean,
      bytesRead: this.incoming.bytesReceived,
      bytesWritten: this.#writer?.bytes ?? 0,
      ...(code === undefined ? {} : { code }),
      ...(error instanceof Error ? { error } : {}),
    });
    if (!clean) this.#writer?.close();
  }
}
