import { Agent, type ClientRequest, type IncomingMessage, request as nodeRequest } from "node:http";
import type { Duplex } from "node:stream";
import type { StreamCapability, Timer } from "@king-runtime/core";
import { cutSocket } from "../cut-socket.ts";
import { ClientExchange } from "./client-exchange.ts";
import type { ClientConnection } from "./client-session.ts";
import type { SocketBelow } from "./connection-below.ts";
import { upgradeHttp1 } from "./http1-upgrade.ts";
import type { IncomingResponse } from "./incoming-response.ts";
import type { PreparedRequest } from "./prepared-request.ts";
import { abortedError, trailersWithLength, unaskedUpgrade } from "./request-error.ts";
import { StreamingSession } from "./streaming-session.ts";
import type { UpgradedRequest } from "./upgrade.ts";

const capabilities: ReadonlySet<StreamCapability> = new Set([
  "half-close",
  "receive-backpressure",
  "trailers",
  "informational",
]);

/** An HTTP/1.1 connection on which everything is possible that the protocol knows. */
export class Http1ClientSession extends StreamingSession<SocketBelow> {
  override readonly protocol = "h1";
  protected override readonly capacity = 1;
  readonly #agent: Agent;
  readonly #keepAliveTimeoutMs: number;
  #idle: Timer | undefined;

  constructor(connection: ClientConnection) {
    super(connection);
    this.#keepAliveTimeoutMs = connection.keepAliveTimeoutMs;
    this.#agent = new OneSocketAgent(connection.below.socket);
    this.#rest();
  }

  protected begin(request: PreparedRequest): Http1ClientExchange {
    const output = requestMessage(request, this.#agent);
    this.#idle?.cancel();
    this.below.socket.ref();
    return new Http1ClientExchange(this, request, output);
  }

  protected override async change(
    request: PreparedRequest,
    protocol: string,
  ): Promise<UpgradedRequest> {
    const handBack = this.handOver();
    this.#idle?.cancel();
    this.below.socket.ref();
    try {
      const upgraded = await upgradeHttp1(request, protocol, this.#agent);
      handBack(upgraded.stream);
      return upgraded;
    } catch (error) {
      handBack(undefined);
      throw this.aborted === undefined ? error : this.aborted.reason;
    }
  }

  protected takesConnect(): Promise<boolean> {
    return Promise.resolve(false);
  }

  /** Nothing is under way: it is kept for a while. */
  #rest(): void {
    if (this.#keepAliveTimeoutMs !== Number.POSITIVE_INFINITY)
      this.#idle = this.clock.after(this.#keepAliveTimeoutMs, () => void this.close(), {
        keepAlive: false,
      });
    this.below.socket.unref();
  }

  get bytesReceived(): number {
    return this.below.socket.bytesRead;
  }

  onExchangeClosed(response: IncomingResponse, isLast: boolean): void {
    if (isLast) this.retire();
    else this.#rest();
    this.released(response);
  }

  onGivenUp(response: IncomingResponse, reason: unknown): void {
    this.gaveUp(response, reason);
    cutSocket(this.below.socket);
  }

  protected leave(): void {
    this.#idle?.cancel();
    this.#agent.destroy();
    this.below.socket.destroySoon();
  }

  protected cut(): void {
    this.#idle?.cancel();
    // First, for the agent would end its connection as if all were well.
    cutSocket(this.below.socket);
    this.#agent.destroy();
  }
}

/** Hands out one socket, again and again while it lives. */
class OneSocketAgent extends Agent {
  readonly #socket: Duplex;
  #isTaken = false;

  constructor(socket: Duplex) {
    super({ keepAlive: true, maxSockets: 1 });
    this.#socket = socket;
  }

  override createConnection(): Duplex {
    if (this.#isTaken || this.#socket.destroyed) throw new Error("the connection is over");
    this.#isTaken = true;
    return this.#socket;
  }
}

/** One request on an {@link Http1ClientSession}. */
export class Http1ClientExchange extends ClientExchange {
  override readonly session: Http1ClientSession;
  protected override readonly output: ClientRequest;
  protected override input: IncomingMessage | undefined;
  readonly #bytesBefore: number;
  #failure: unknown;
  #isLast = false;

  constructor(session: Http1ClientSession, request: PreparedRequest, output: ClientRequest) {
    super(request);
    this.session = session;
    this.#bytesBefore = session.bytesReceived;
    this.output = output;
    output.on("error", (error) => {
      this.#failure ??= error;
    });
    output.on("information", ({ statusCode, rawHeaders }) =>
      this.incoming.onInformational(statusCode, rawHeaders),
    );
    output.on("continue", () => this.onContinue(true));
    output.once("response", (message) => this.#onResponse(message));
    // A protocol that nobody asked for, or a tunnel.
    output.once("upgrade", (_message, socket) => {
      this.#failure = unaskedUpgrade(request);
      socket.destroy();
    });
    output.once("close", () => this.#onClose());
    const { isOpen, expectContinue, body, trailers } = request;
    if (isOpen || expectContinue || body !== undefined || trailers !== undefined) {
      output.flushHeaders();
    }
    this.start();
  }

  get capabilities(): ReadonlySet<StreamCapability> {
    return capabilities;
  }

  protected override beforeEnd(): void {
    const trailers = this.takeTrailers();
    if (trailers === undefined) return;
    // Node would drop them without a word.
    if (!this.output.chunkedEncoding) throw trailersWithLength();
    this.output.addTrailers(trailers as Record<string, string>);
  }

  #onResponse(message: IncomingMessage): void {
    this.input = message;
    message.on("error", (error) => {
      this.#failure ??= error;
    });
    message.on("data", (chunk: Buffer) => this.incoming.onData(chunk));
    message.once("end", () => {
      // Node takes a reset for the end of a body that has no length (RFC 9112, section 8).
      const isBroken = this.session.failure !== undefined && this.incoming.lastsToEnd;
      if (!message.complete || isBroken) return;
      // Such as one whose length is told by the end of the connection.
      this.#isLast = !this.output.shouldKeepAlive;
      this.incoming.onEnd(message.rawTrailers);
    });
    this.incoming.onHead(message.statusCode as number, message.rawHeaders);
    this.onHead();
  }

  #onClose(): void {
    const { incoming, output } = this;
    if (this.session.bytesReceived > this.#bytesBefore) incoming.onAnswer();
    const isWhole = incoming.isWhole && output.writableFinished && this.#failure === undefined;
    const failure = isWhole ? undefined : (this.#failure ?? abortedError(this.request, true));
    this.onClosed(failure);
    this.session.onExchangeClosed(incoming, this.#isLast || !isWhole);
  }

  protected cut(): void {
    this.session.onGivenUp(this.incoming, this.reason);
  }
}

function requestMessage(request: PreparedRequest, agent: Agent): ClientRequest {
  const { method, path, origin, limits } = request;
  return nodeRequest({
    agent,
    host: origin.host,
    port: origin.port,
    method,
    path,
    headers: fieldsOf(request),
    setHost: false,
    maxHeaderSize: limits.maxHeaderBytes,
  });
}

function fieldsOf(request: PreparedRequest): Record<string, string | string[]> {
  const { headers, origin, body, isOpen, expectContinue, trailers } = request;
  const fields: Record<string, string | string[]> = { host: origin.authority };
  let length: string | readonly string[] | undefined;
  for (const [name, value] of Object.entries(headers)) {
    const known = name.toLowerCase();
    if (known === "host") delete fields["host"];
    if (known === "content-length") length = value;
    fields[name] = value as string | string[];
  }
  if (expectContinue) fields["expect"] = "100-continue";
  const hasBody = isOpen || body !== undefined || trailers !== undefined;
  if (!hasBody || length !== undefined) return fields;
  const whole = typeof body === "string" || body instanceof Uint8Array;
  if (!whole || trailers !== undefined) fields["transfer-encoding"] = "chunked";
  else fields["content-length"] = String(Buffer.byteLength(body));
  return fields;
}
