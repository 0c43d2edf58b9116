import type { Stream, StreamSession } from "@king-runtime/core";
import { httpErrors } from "../errors.ts";
import { Http3Error, http3Codes } from "./codes.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { frameTypes, isReservedFrameType, streamTypes } from "./frame-types.ts";
import { frame } from "./frame-writer.ts";
import { DecoderStreamReader, EncoderStreamReader } from "./qpack/instructions.ts";
import { SessionRouter } from "./session-router.ts";
import { type Http3Settings, readSettings, settingsFrame } from "./settings.ts";
import { StreamBeginning } from "./stream-beginning.ts";
import { readVarint, varintBytes, varints } from "./varint.ts";
import type { ClaimedStream, WebTransportLimits } from "./web-transport.ts";

/** What is made of a connection. */
export interface Http3ConnectionOptions {
  readonly settings: Omit<Http3Settings, "datagrams" | "webTransportSessions">;
  /** Takes WebTransport, and the datagrams that it needs. */
  readonly webTransport?: WebTransportLimits | undefined;
  /** Whether a session of WebTransport may still begin on the stream of this id. */
  readonly isAwaited?: (streamId: number) => boolean;
  /** A request, on a server. */
  readonly onRequest?: (stream: Stream) => void;
  /** The peer winds down: of a server, requests from stream `id` on are not served. */
  readonly onGoaway?: (id: number) => void;
}

/** Largest frame of a control stream that is taken: none that has a meaning is larger. */
const maxControlFrameBytes = 4_096;

/** HTTP/3 on a QUIC session (RFC 9114): what is not of one request. It does no I/O but what the session does. */
export class Http3Connection {
  readonly session: StreamSession;
  readonly #options: Http3ConnectionOptions;
  /** Where streams and datagrams of WebTransport go, where it is spoken. */
  readonly router: SessionRouter | undefined;
  /** Types of the peer's critical streams, of each of which there is one. */
  readonly #critical = new Set<number>();
  #control: Promise<Stream> | undefined;
  #peerSettings: Http3Settings | undefined;
  readonly #told = Promise.withResolvers<Http3Settings | undefined>();
  #goawayId = Number.POSITIVE_INFINITY;
  #maxPushId = 0;
  #failed = false;

  constructor(session: StreamSession, options: Http3ConnectionOptions) {
    this.session = session;
    this.#options = options;
    const { webTransport: limits, isAwaited = () => false } = options;
    if (limits !== undefined) {
      const peerSettings = this.settings;
      this.router = new SessionRouter({ quic: session, limits, peerSettings, isAwaited });
    }
  }

  get role(): "client" | "server" {
    return this.session.role;
  }

  /** The peer's settings, once they have come; nothing when the session ends before. */
  get settings(): Promise<Http3Settings | undefined> {
    return this.#told.promise;
  }

  /** Sends our settings, and takes the peer's streams until the session ends. */
  start(): void {
    this.#control = this.#openControl();
    this.#control.catch(() => undefined); // the session has ended
    this.#accept().catch(() => undefined); // the same
    if (this.router !== undefined) this.#receiveDatagrams(this.router).catch(() => undefined);
    void this.session.closed.then(() => this.#told.resolve(undefined));
  }

  async #openControl(): Promise<Stream> {
    const stream = await this.session.openStream({ direction: "send", background: true });
    const { settings, webTransport } = this.#options;
    const told = {
      ...settings,
      datagrams: webTransport !== undefined,
      webTransportSessions: webTransport?.maxSessions ?? 0,
    };
    await stream.write(Buffer.concat([varints(streamTypes.control), settingsFrame(told)]));
    // Nobody is to ask for its end (RFC 9114, section 6.2.1).
    void stream.closed.then(({ by }) => {
      if (by === "peer" && this.session.state === "open") this.fail(closedCritical());
    });
    return stream;
  }

  async #accept(): Promise<void> {
    for await (const stream of this.session.streams()) {
      if (stream.direction === "receive") {
        this.session.background(stream);
        void this.#receive(stream);
      } else if (this.#options.onRequest !== undefined) this.#options.onRequest(stream);
      else if (this.router === undefined) this.#refuseServerStream();
      else {
        this.session.background(stream);
        void this.#receiveOfServer(stream);
      }
    }
  }

  /** A client is asked for nothing (RFC 9114, section 6.1). */
  #refuseServerStream(): void {
    this.fail(new Http3Error(http3Codes.streamCreationError, "expected no stream of a server"));
  }

  /** A stream of the server's for both ways: there are those of sessions of WebTransport alone. */
  async #receiveOfServer(stream: Stream): Promise<void> {
    try {
      const beginning = new StreamBeginning(stream[Symbol.asyncIterator]());
      const type = await beginning.take();
      if (type !== undefined && type !== frameTypes.webTransportStream) {
        this.#refuseServerStream();
        return;
      }
      const sessionId = await beginning.take();
      if (sessionId === undefined) stream.reset(http3Codes.requestIncomplete);
      else this.claim(sessionId, { stream, beginning: beginning.rest, input: beginning.input });
    } catch {
      // The stream was broken off, or the session with it.
    }
  }

  /** A stream belongs to a session of WebTransport, as its first bytes say. */
  claim(sessionId: number, claimed: ClaimedStream): void {
    // Sessions are streams that clients open for both ways (draft-ietf-webtrans-http3, section 4).
    if (sessionId % 4 === 0) this.router?.stream(sessionId, claimed);
    else this.fail(new Http3Error(http3Codes.idError, `session: expected one, got ${sessionId}`));
  }

  /** Datagrams begin with the number of their request stream, divided by four (RFC 9297, section 2.1). */
  async #receiveDatagrams(router: SessionRouter): Promise<void> {
    for await (const datagram of this.session.datagrams()) {
      const [first = 0] = datagram;
      const length = varintBytes(first);
      if (datagram.length < length || (length === 8 && (first & 0x3f) >= 0x10)) {
        const message = "datagram: expected the stream that it is of";
        this.fail(new Http3Error(http3Codes.datagramError, message));
        return;
      }
      router.datagram(4 * readVarint(datagram, 0), datagram.subarray(length));
    }
  }

  /** Ends the connection for what the peer did wrong. */
  fail(error: Http3Error): void {
    if (this.#failed) return;
    this.#failed = true;
    const { code, message } = error;
    const deadlineMs = Number.POSITIVE_INFINITY; // for it is cut at once
    void this.session.close({ code, reason: message.slice(0, 100), deadlineMs });
    this.session.abort(
      httpErrors.create("KING_HTTP_PROTOCOL", `HTTP/3: ${message}`, {}, { cause: error }),
    );
  }

  /** Tells the peer that requests from stream `id` on are not served (RFC 9114, section 5.2). */
  async goaway(id: number): Promise<void> {
    try {
      const control = await this.#control;
      await control?.write(frame(frameTypes.goaway, varints(id)));
    } catch {
      // The session has ended: there is nobody to tell.
    }
  }

  /** A stream that the peer alone sends on; its first bytes tell what it is for (RFC 9114, section 6.2). */
  async #receive(stream: Stream): Promise<void> {
    let type: number | undefined;
    try {
      const beginning = new StreamBeginning(stream[Symbol.asyncIterator]());
      const { input } = beginning;
      type = await beginning.take();
      if (type === undefined) return;
      if (type === streamTypes.webTransport && this.router !== undefined) {
        const sessionId = await beginning.take();
        if (sessionId !== undefined) {
          this.claim(sessionId, { stream, beginning: beginning.rest, input });
        }
        return;
      }
      const reader = this.#readerOf(type);
      if (reader === undefined) {
        stream.stopReading(http3Codes.streamCreationError);
        return;
      }
      for (let chunk: Uint8Array | undefined = beginning.rest; chunk !== undefined; ) {
        reader.push(chunk);
        chunk = (await input.next()).value;
      }
    } catch (error) {
      if (error instanceof Http3Error) return this.fail(error);
      // The stream was broken off, or the session with it.
    }
    if (type !== undefined && this.#critical.has(type) && this.session.state === "open") {
      this.fail(closedCritical());
    }
  }

  #readerOf(type: number): { push(chunk: Uint8Array): void } | undefined {
    if (type === streamTypes.push) {
      const code = this.role === "server" ? http3Codes.streamCreationError : http3Codes.idError;
      throw new Http3Error(code, "expected no push");
    }
    const isCritical =
      type === streamTypes.control ||
      type === streamTypes.qpackEncoder ||
      type === streamTypes.qpackDecoder;
    if (!isCritical) return undefined;
    if (this.#critical.has(type)) {
      throw new Http3Error(http3Codes.streamCreationError, `expected one stream of type ${type}`);
    }
    this.#critical.add(type);
    if (type === streamTypes.qpackEncoder) return new EncoderStreamReader();
    if (type === streamTypes.qpackDecoder) return new DecoderStreamReader();
    return new FrameReader(this.#controlFrames());
  }

  #controlFrames(): FrameSink {
    return {
      onFrame: (type, length) => {
        if (this.#peerSettings === undefined && type !== frameTypes.settings) {
          throw new Http3Error(
            http3Codes.missingSettings,
            `expected SETTINGS first, got frame ${type}`,
          );
        }
        const isRefused =
          type === frameTypes.data ||
          type === frameTypes.headers ||
          type === frameTypes.pushPromise ||
          isReservedFrameType(type) ||
          (type === frameTypes.settings && this.#peerSettings !== undefined) ||
          (this.role === "client" && isOfClients(type));
        if (isRefused) {
          throw new Http3Error(
            http3Codes.frameUnexpected,
            `control stream: expected no frame ${type}`,
          );
        }
        if (!isControlFrame(type)) return "skip";
        if (length > maxControlFrameBytes) {
          throw new Http3Error(
            http3Codes.excessiveLoad,
            `control stream: expected frames of at most ${maxControlFrameBytes} bytes, got ${length}`,
          );
        }
        return "whole";
      },
      onPayload: (type, payload) => this.#onControlFrame(type, payload),
      onData: () => undefined,
    };
  }

  #onControlFrame(type: number, payload: Uint8Array): void {
    if (type === frameTypes.settings) {
      this.#peerSettings = readSettings(payload);
      this.#told.resolve(this.#peerSettings);
      return;
    }
    const value = wholeVarint(
      payload,
      type === frameTypes.priorityUpdateRequest || type === frameTypes.priorityUpdatePush,
    );
    if (type === frameTypes.goaway) this.#onGoaway(value, kindOf(payload));
    // There are no pushes that could be meant (RFC 9114, section 7.2.3; RFC 9218, section 7.2).
    else if (type === frameTypes.cancelPush || type === frameTypes.priorityUpdatePush) {
      throw new Http3Error(http3Codes.idError, "expected no push to be named");
    } else if (type === frameTypes.maxPushId) {
      if (value < this.#maxPushId) {
        throw new Http3Error(http3Codes.idError, `MAX_PUSH_ID: expected no less, got ${value}`);
      }
      this.#maxPushId = value;
    } else if (kindOf(payload) !== 0) {
      throw new Http3Error(http3Codes.idError, "PRIORITY_UPDATE: expected a request");
    }
  }

  /** @param kind of stream that the number is of (RFC 9000, section 2.1): a client's tells of pushes. */
  #onGoaway(value: number, kind: number): void {
    const isOfRequest = this.role === "server" || kind === 0;
    if (!isOfRequest || value > this.#goawayId) {
      throw new Http3Error(http3Codes.idError, `GOAWAY: expected a smaller one, got ${value}`);
    }
    this.#goawayId = value;
    this.#options.onGoaway?.(value);
    if (this.role === "client") this.router?.goaway();
  }
}

const closedCritical = () =>
  new Http3Error(http3Codes.closedCriticalStream, "expected a critical stream to stay open");

/** What only clients say (RFC 9114, section 7.2.7; RFC 9218, section 7.2). */
const isOfClients = (type: number): boolean =>
  type === frameTypes.maxPushId ||
  type === frameTypes.priorityUpdateRequest ||
  type === frameTypes.priorityUpdatePush;

/** The two lowest bits of the integer that `payload` begins with, which may be larger than a number holds. */
const kindOf = (payload: Uint8Array): number =>
  (payload[varintBytes(payload[0] as number) - 1] as number) % 4;

const isControlFrame = (type: number): boolean =>
  type === frameTypes.settings ||
  type === frameTypes.goaway ||
  type === frameTypes.cancelPush ||
  type === frameTypes.maxPushId ||
  type === frameTypes.priorityUpdateRequest ||
  type === frameTypes.priorityUpdatePush;

/** The integer that a payload is, or begins with. */
function wholeVarint(payload: Uint8Array, mayGoOn: boolean): number {
  const length = payload.length === 0 ? 1 : varintBytes(payload[0] as number);
  if (payload.length < length || (!mayGoOn && payload.length > length)) {
    throw new Http3Error(http3Codes.frameError, "expected one integer");
  }
  return readVarint(payload, 0);
}
