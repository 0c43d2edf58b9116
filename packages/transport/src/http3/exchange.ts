import type { HeaderFields, Stream, StreamCapability, StreamClosed } from "@king-runtime/core";
import { httpErrors } from "../errors.ts";
import { disconnected, HttpExchange, upgradeOf } from "../http-exchange.ts";
import { announcedLength } from "../response-fields.ts";
import { http3Codes } from "./codes.ts";
import { fieldSection } from "./field-section.ts";
import type { Http3Stream } from "./http3-stream.ts";
import type { RequestHead } from "./message-fields.ts";
import type { Http3Session } from "./session.ts";
import { UpgradedHttp3Stream } from "./upgraded-stream.ts";
import { webTransportCarrier } from "./web-transport.ts";

const none: readonly string[] = [];

const named = (protocol: string) => (each: string) => each.toLowerCase() === protocol;

/** One request on an HTTP/3 connection. */
export class Http3Exchange extends HttpExchange {
  readonly #stream: Http3Stream;
  readonly #http3: Http3Session;
  readonly #head: RequestHead;
  /** The field section was too large to be looked at. */
  readonly isTooLarge: boolean;
  #status: number | undefined;
  #trailersReceived: readonly string[] = none;
  #trailersToSend: HeaderFields | undefined;
  #stopped = false;

  constructor(session: Http3Session, stream: Http3Stream, head: RequestHead, isTooLarge: boolean) {
    super(session, session.limits);
    this.#http3 = session;
    this.#stream = stream;
    this.#head = head;
    this.isTooLarge = isTooLarge;
    stream.on("error", () => undefined); // told by "close"
    stream.once("close", () => this.#onClose());
    stream.onOverrun = (error) => this.abort(error);
    const { protocol } = head;
    const wanted = protocol?.toLowerCase();
    if (wanted === undefined) return;
    const isOffered = wanted === "webtransport" && session[webTransportCarrier] !== undefined;
    if (isOffered || session.limits.upgradeProtocols.some(named(wanted))) {
      this.upgrade = upgradeOf(wanted, (fields) => this.#accept(fields));
    }
  }

  get method(): string {
    return this.#head.method;
  }

  get target(): string {
    return this.#head.path;
  }

  get scheme(): string {
    return this.#head.scheme;
  }

  get authority(): string {
    return this.#head.authority;
  }

  /** What an extended CONNECT asks for (RFC 9220). */
  get connectProtocol(): string | undefined {
    return this.#head.protocol;
  }

  #accept(headers: HeaderFields): Stream {
    if (this.over) throw this.failure();
    if (this.responded) this.refuseSecondResponse();
    this.#trailersToSend = undefined;
    try {
      if (announcedLength(headers) !== undefined) throw new Error("content-length: expected none");
      this.sendHead(200, headers, undefined);
    } catch (cause) {
      this.refuseField(cause);
    }
    this.#stream.becomeTunnel();
    const stream = new UpgradedHttp3Stream(this.#stream, this.capabilities, this.limits);
    this.#http3.upgraded(this, stream);
    this.responseDone();
    return stream;
  }

  get capabilities(): ReadonlySet<StreamCapability> {
    return this.#http3.streamCapabilities;
  }

  get responded(): boolean {
    return this.#status !== undefined;
  }

  get status(): number | undefined {
    return this.#status;
  }

  protected get input() {
    return this.#stream;
  }

  protected get output() {
    return this.#stream;
  }

  protected get rawHeaders(): readonly string[] {
    return this.#head.fields;
  }

  protected get rawTrailers(): readonly string[] {
    return this.#trailersReceived;
  }

  onTrailers(fields: readonly string[]): void {
    this.#trailersReceived = fields;
  }

  protected get complete(): boolean {
    return this.#stream.isInputWhole;
  }

  inform(status: number, headers: HeaderFields): void {
    if (this.responded) this.refuseSecondResponse();
    if (!(status > 101 && status < 200)) {
      const message = `expected 102 to 199, got ${status}`;
      throw httpErrors.create("KING_HTTP_INFORM_UNSUPPORTED", message, { status });
    }
    try {
      this.#stream.sendFields(fieldSection([":status", String(status)], headers));
    } catch (cause) {
      this.refuseField(cause);
    }
  }

  protected sendHead(
    status: number,
    headers: HeaderFields | undefined,
    length: number | undefined,
  ): void {
    if (this.#stream.destroyed) throw this.failure();
    const section = fieldSection([":status", String(status)], headers);
    if (length !== undefined && status !== 204 && status !== 304) {
      section.push("content-length", String(length));
    }
    this.#stream.sendFields(section);
    this.#status = status;
    if (this.discardsBody || length === 0) this.#stream.end();
  }

  protected get sendsTrailers(): boolean {
    return this.#trailersToSend !== undefined;
  }

  setTrailers(headers: HeaderFields): void {
    try {
      this.#stream.setTrailers(fieldSection([], headers));
    } catch (cause) {
      this.refuseField(cause);
    }
    this.#trailersToSend = headers;
  }

  /** Of a request that was answered the rest is not wanted (RFC 9114, section 4.1). */
  protected override endResponse(): void {
    if (this.complete || (this.taken && !this.#stopped)) return;
    this.#stream.stopInput();
  }

  protected cut(code: number = http3Codes.requestCancelled): void {
    this.#stream.reset(code);
  }

  stopReading(): void {
    if (this.#stopped || this.ended !== undefined) return;
    this.#stopped = true;
    this.#stream.stopInput();
    this.giveUpInput();
  }

  protected override beginReading(): void {
    if (this.complete || this.responded) return;
    if (this.headers.get("expect")?.toLowerCase() !== "100-continue") return;
    this.#stream.sendFields([":status", "100"]); // RFC 9110, section 10.1.1
  }

  /** Both directions are one stream: it is not to be destroyed while the response goes out. */
  protected override breakInput(): void {
    this.#stream.stopInput();
  }

  /** It went with its connection. */
  onConnectionLost(by: "peer" | "network", error: unknown): void {
    this.lost(disconnected(error), by);
  }

  #onClose(): void {
    if (this.ended !== undefined) return;
    const { resetCode, writableFinished } = this.#stream;
    if (writableFinished && (this.complete || this.#stopped || !this.taken)) this.done();
    else if (this.wasReset) this.lost(this.failure(), "local", resetCode);
    else this.lost(disconnected(this.#stream.inputError), "peer", resetCode);
  }

  protected override finish(info: StreamClosed): void {
    super.finish(info);
    this.#http3.released(this);
  }
}
