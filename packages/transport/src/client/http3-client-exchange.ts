import type { StreamCapability } from "@king-runtime/core";
import { httpErrors } from "../errors.ts";
import { Http3Error, http3Codes } from "../http3/codes.ts";
import { tooEarly } from "../http3/early-data.ts";
import { fieldSection } from "../http3/field-section.ts";
import type { Http3Stream } from "../http3/http3-stream.ts";
import { readResponseHead, readTrailers } from "../http3/message-fields.ts";
import { ClientExchange } from "./client-exchange.ts";
import type { Http3ClientSession } from "./http3-client-session.ts";
import type { PreparedRequest } from "./prepared-request.ts";
import { abortedError, headerLimitError } from "./request-error.ts";

const none: readonly string[] = [];

/** One request on an {@link Http3ClientSession}. */
export class Http3ClientExchange extends ClientExchange {
  override readonly session: Http3ClientSession;
  #stream: Http3Stream;
  readonly #head: readonly string[];
  /** Sent before the handshake was complete, and not again since. */
  #isEarly: boolean;
  #trailers: readonly string[] = none;
  #isUnseen = false;

  constructor(
    session: Http3ClientSession,
    request: PreparedRequest,
    stream: Http3Stream,
    head: readonly string[],
    isEarly: boolean,
  ) {
    super(request);
    this.session = session;
    this.#stream = stream;
    this.#head = head;
    this.#isEarly = isEarly;
    this.#use(stream);
    this.start();
  }

  protected override get output(): Http3Stream {
    return this.#stream;
  }

  protected override get input(): Http3Stream {
    return this.#stream;
  }

  #use(stream: Http3Stream): void {
    this.#stream = stream;
    // Of one that was given up in favour of another nothing more is of interest.
    const ifInUse = (then: () => void) => this.#stream === stream && then();
    stream.on("error", () => undefined); // told by "close"
    stream.on("data", (chunk: Buffer) => ifInUse(() => this.incoming.onData(chunk)));
    stream.once("end", () => ifInUse(() => this.incoming.onEnd(this.#trailers)));
    stream.once("close", () => ifInUse(() => this.#onClose()));
    stream.onOverrun = (error) => this.abort(error);
    const { maxHeaderBytes } = this.request.limits;
    stream.receive({
      onHead: (section) => this.#onSection(section),
      onTrailers: (section) => {
        this.#trailers = readTrailers(section);
      },
      onTooLarge: () => this.incoming.cancel(headerLimitError(maxHeaderBytes)),
    });
    stream.sendFields(this.#head);
  }

  /** The server cannot have a request be a copy: once more, now that it is none (RFC 8470, section 5.2). */
  #repeat(): void {
    this.#isEarly = false;
    const refused = this.#stream;
    this.#use(this.session.openStream());
    refused.stopInput();
    refused.resume();
    this.#stream.end();
  }

  get capabilities(): ReadonlySet<StreamCapability> {
    return this.session.streamCapabilities;
  }

  /** Its number on the wire (RFC 9000, section 2.1), where its session tells. */
  get streamId(): number | undefined {
    return this.output.streamId;
  }

  /** Whether it asks for a session of WebTransport. */
  get isForWebTransport(): boolean {
    return this.request.connectProtocol === "webtransport";
  }

  /** The server serves no requests from stream `id` on (RFC 9114, section 5.2). */
  onGoaway(id: number): void {
    const { streamId } = this.output;
    // One that is still to be opened comes later than any.
    if (!this.output.isOpening && (streamId === undefined || streamId < id)) return;
    this.#isUnseen = true;
    this.output.reset();
  }

  #onSection(section: readonly string[]) {
    const { status, fields, contentLength } = readResponseHead(section);
    if (status === tooEarly && this.#isEarly) {
      this.#repeat();
      return { isInterim: false };
    }
    if (status < 200) {
      this.incoming.onInformational(status, fields);
      if (status === 100) this.onContinue(true);
      return { isInterim: true };
    }
    this.incoming.onHead(status, fields);
    this.onHead();
    if (this.request.connectProtocol !== undefined && status < 300) this.output.becomeTunnel();
    const isBodyless = this.request.method === "HEAD" || status === 204 || status === 304;
    // Content-Length then tells of another response (RFC 9110, section 8.6).
    if (isBodyless) return { isInterim: false, contentLength: 0 };
    return { isInterim: false, ...(contentLength === undefined ? {} : { contentLength }) };
  }

  protected override beforeEnd(): void {
    const trailers = this.takeTrailers();
    if (trailers !== undefined) this.output.setTrailers(fieldSection([], trailers));
  }

  #onClose(): void {
    const { incoming, output } = this;
    const code = output.resetCode;
    const isWhole = incoming.isWhole && output.writableFinished;
    const failure = isWhole ? undefined : this.#failure(code);
    this.onClosed(failure, code);
    this.session.onExchangeClosed(this);
  }

  #failure(code: number | undefined): Error {
    const { inputError } = this.output;
    if (inputError instanceof Http3Error) return this.session.protocolError(inputError);
    if (httpErrors.is(inputError, "KING_HTTP_PROTOCOL")) return inputError;
    const isUnseen = this.#isUnseen || this.output.isOpening || code === http3Codes.requestRejected;
    return abortedError(this.request, !isUnseen, {
      cause: inputError,
      ...(code === undefined ? {} : { code }),
    });
  }

  override stopReading(code: number = http3Codes.requestCancelled): void {
    // Before there is a head, somebody waits for it.
    if (this.incoming.hasArrived) this.output.stopInput(code);
    super.stopReading();
  }

  protected cut(code: number = http3Codes.requestCancelled): void {
    this.output.reset(code);
  }
}

/** The head of `request`. @throws {KingError} KING_HTTP_HEADER_INVALID */
export function headSection(request: PreparedRequest): string[] {
  const { method, origin, path, headers, expectContinue, body } = request;
  let { authority } = origin;
  let hasLength = false;
  const fields: Record<string, string | readonly string[]> = {};
  for (const name in headers) {
    const value = headers[name] as string | readonly string[];
    if (name.toLowerCase() === "host") authority = String(value);
    else fields[name] = value;
    if (name.toLowerCase() === "content-length") hasLength = true;
  }
  const section = fieldSection(
    [":method", method, ":scheme", "https", ":authority", authority, ":path", path],
    fields,
  );
  const { connectProtocol } = request;
  if (connectProtocol !== undefined) section.splice(2, 0, ":protocol", connectProtocol);
  if (expectContinue) section.push("expect", "100-continue");
  const isWhole = typeof body === "string" || body instanceof Uint8Array;
  if (isWhole && request.trailers === undefined && !hasLength) {
    section.push("content-length", String(Buffer.byteLength(body)));
  }
  return section;
}
