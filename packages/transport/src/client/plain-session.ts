import type { Timer } from "@king-runtime/core";
import type { Client, Dispatcher } from "undici";
import { sliceBytes } from "../node-writer.ts";
import { tlsFailureOf } from "../tls/client-failure.ts";
import { BodySource } from "./body-source.ts";
import { type ClientConnection, ClientSession } from "./client-session.ts";
import type { SocketBelow } from "./connection-below.ts";
import type { RawFields } from "./fields.ts";
import { type Carrier, IncomingResponse } from "./incoming-response.ts";
import type { PreparedRequest } from "./prepared-request.ts";
import { bodyOf } from "./request-body.ts";
import { abortedError, timeoutError } from "./request-error.ts";
import { SendWatch } from "./send-watch.ts";

/** What is used of undici, which is loaded with the first connection. */
export interface Undici {
  readonly Client: typeof Client;
}

/**
 * An HTTP/1.1 connection for requests whose bodies are at hand: the fastest way there is, without
 * what few requests need (see `Http1ClientSession`).
 */
export class PlainSession extends ClientSession<SocketBelow, PlainExchange> {
  override readonly protocol = "h1";
  protected override readonly capacity = 1;
  readonly #client: Client;
  readonly #unused: Timer;

  /** @param isLasting whether it is to serve more than one request. */
  constructor(connection: ClientConnection, { Client }: Undici, isLasting: boolean) {
    super(connection);
    const { origin, keepAliveTimeoutMs, limits } = connection;
    const { socket } = connection.below;
    let isTaken = false;
    // The name is checked already, and the library would make a new connection for each it is told.
    this.#client = new Client(`http://${origin.authority}`, {
      connect: (_options, callback) => {
        if (isTaken) return callback(new Error("the connection is over"), null);
        isTaken = true;
        // The library does not expect a connection before it has done asking for one.
        queueMicrotask(() => callback(null, socket));
      },
      pipelining: isLasting ? 1 : 0,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: limits.maxHeaderBytes,
      keepAliveTimeout: keepAliveTimeoutMs,
      keepAliveMaxTimeout: keepAliveTimeoutMs,
      keepAliveTimeoutThreshold: 1_000,
    });
    // The library learns of the connection with the first request.
    this.#unused = this.clock.after(keepAliveTimeoutMs, () => void this.close(), {
      keepAlive: false,
    });
    socket.unref();
  }

  protected begin(request: PreparedRequest): PlainExchange {
    this.#unused.cancel();
    this.below.socket.ref();
    const exchange = new PlainExchange(this, request);
    exchange.begin(this.#client);
    return exchange;
  }

  protected leave(): void {
    this.#unused.cancel();
    this.#client.destroy().catch(() => undefined);
    // One that never had a request is not known to the library.
    this.below.socket.destroy();
  }

  protected cut(): void {
    this.leave();
  }

  /** Bytes that the server has taken, and that wait for it. */
  get sendProgress() {
    const { bytesWritten, writableLength } = this.below.socket;
    return { queued: writableLength, taken: bytesWritten - writableLength };
  }

  onExchangeOver(response: IncomingResponse): void {
    // The library has yet to note the end of the request itself.
    queueMicrotask(() => this.released(response));
  }

  onGivenUp(response: IncomingResponse, reason: unknown): void {
    this.gaveUp(response, reason);
    this.cut();
  }
}

/** One request on a {@link PlainSession}. */
class PlainExchange implements Carrier, Dispatcher.DispatchHandler {
  readonly session: PlainSession;
  readonly incoming: IncomingResponse;
  readonly #request: PreparedRequest;
  #controller: Dispatcher.DispatchController | undefined;
  #source: BodySource | undefined;
  #watch: SendWatch | undefined;
  #isCancelled = false;

  constructor(session: PlainSession, request: PreparedRequest) {
    this.session = session;
    this.#request = request;
    this.incoming = new IncomingResponse(request, this);
  }

  begin(client: Client): void {
    try {
      this.#dispatch(client);
    } catch (error) {
      // There is no body to send, and nothing was sent.
      this.incoming.onError(error);
    }
  }

  #dispatch(client: Client): void {
    const { method, path, headers, origin } = this.#request;
    let body = bodyOf(this.#request.body);
    let fields = headers as Record<string, string | string[]>;
    if (body instanceof Uint8Array && body.length > sliceBytes) {
      // In slices, so that what is out can be told from what waits.
      if (!hasLength(fields)) fields = { ...fields, "content-length": String(body.length) };
      body = slices(body);
    }
    if (origin.secure && origin.port === 80) fields = { host: origin.authority, ...fields };
    if (typeof body === "object" && !(body instanceof Uint8Array)) {
      this.#source = new BodySource(body);
      body = this.#source;
      const { writeIdleTimeoutMs } = this.#request.limits;
      this.#watch = new SendWatch(
        this.#request.limits,
        () => this.session.sendProgress,
        () => this.incoming.cancel(timeoutError(this.#request, "write", writeIdleTimeoutMs)),
      );
    }
    client.dispatch(
      {
        method: method as "GET",
        path,
        headers: fields,
        body: body as unknown as null,
        ...(method === "HEAD" ? { reset: false } : {}),
      },
      this,
    );
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isCancelled) controller.abort(new Error("cancelled"));
  }

  onRequestSent(): void {
    this.#watch?.stop();
    this.incoming.onSent();
  }

  onResponseStarted(): void {
    this.incoming.onAnswer();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const raw = controller.rawHeaders as unknown as RawFields;
    if (status < 200) this.incoming.onInformational(status, raw);
    else this.incoming.onHead(status, raw);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.incoming.onData(chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#stopSending(undefined);
    const { failure } = this.session;
    // The library takes a reset for the end of a body that has no length (RFC 9112, section 8).
    if (failure !== undefined && this.incoming.lastsToEnd) this.incoming.onError(failure);
    this.incoming.onEnd((controller.rawTrailers ?? []) as unknown as RawFields);
    this.session.onExchangeOver(this.incoming);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#stopSending(error);
    if (this.#isCancelled) return;
    const { failure } = this.session;
    // A server that wants another certificate says so once the handshake is over, and maybe before the library listens.
    const isTls = tlsFailureOf(failure) !== undefined;
    const isUnseen = !isTls && this.#controller === undefined && isConnectionOver(error);
    if (isUnseen) this.incoming.onError(abortedError(this.#request, false, { cause: error }));
    else this.incoming.onError(isTls ? failure : error);
    this.session.onExchangeOver(this.incoming);
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  cancel(reason: unknown): void {
    this.#isCancelled = true;
    this.#stopSending(reason);
    this.session.onGivenUp(this.incoming, reason);
  }

  /** The library forgets a source that waits for room on a connection that has gone. */
  #stopSending(reason: unknown): void {
    this.#watch?.stop();
    this.#source?.stop(reason);
  }
}

const isConnectionOver = (error: Error) =>
  !("code" in error) || error.code !== "UND_ERR_INVALID_ARG";

const hasLength = (fields: object): boolean =>
  Object.keys(fields).some((name) => name.toLowerCase() === "content-length");

async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += sliceBytes) yield bytes.subarray(at, at + sliceBytes);
}
