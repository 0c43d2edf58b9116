import type { QuicEngine, Stream, StreamSession } from "@king-runtime/core";
import type { StreamPeer } from "@king-runtime/testkit";
import { FrameReader } from "../../src/http3/frame-reader.ts";
import { frameTypes, streamTypes } from "../../src/http3/frame-types.ts";
import { frame } from "../../src/http3/frame-writer.ts";
import { decodeFields } from "../../src/http3/qpack/decode-fields.ts";
import { encodeFields } from "../../src/http3/qpack/encode-fields.ts";
import { settingsFrame } from "../../src/http3/settings.ts";
import { readVarint, varintBytes, varints } from "../../src/http3/varint.ts";

/** Bytes one after the other. */
export const bytes = (...parts: readonly (Uint8Array | string)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => Buffer.from(part)));

/** A HEADERS frame with `fields`, `[name, value, ...]`. */
export const headers = (...fields: readonly string[]): Uint8Array =>
  frame(
    frameTypes.headers,
    encodeFields(fields, () => false),
  );

/** A DATA frame. */
export const data = (body: Uint8Array | string): Uint8Array => frame(frameTypes.data, bytes(body));

/** The head of a request, which `more` fields may follow. */
export const requestHead = (method = "GET", path = "/", ...more: readonly string[]): Uint8Array =>
  headers(":method", method, ":scheme", "https", ":authority", "localhost", ":path", path, ...more);

/** The head of a response. */
export const responseHead = (status = 200, ...more: readonly string[]): Uint8Array =>
  headers(":status", String(status), ...more);

export const plainSettings: Uint8Array = settingsFrame({
  maxFieldSectionSize: Number.POSITIVE_INFINITY,
  enableConnectProtocol: false,
  datagrams: false,
  webTransportSessions: 0,
});

/** What came on a request stream. */
export interface RawMessage {
  /** Of interim responses, the response or request, and trailers. */
  readonly sections: readonly Readonly<Record<string, string>>[];
  readonly body: string;
  /** How the stream ended: with its end, or a code. */
  readonly end: "end" | { readonly code: number | undefined };
}

/** A request stream, frame by frame. */
export class RawHttp3Stream {
  readonly stream: Stream;
  readonly #chunks: Uint8Array[] = [];
  readonly #sections: Record<string, string>[] = [];
  readonly #reader: FrameReader;
  #source: AsyncIterator<Uint8Array, undefined> | undefined;

  constructor(stream: Stream) {
    this.stream = stream;
    this.#reader = new FrameReader({
      onFrame: (type) =>
        type === frameTypes.headers ? "whole" : type === frameTypes.data ? "stream" : "skip",
      onPayload: (_type, payload) => {
        const fields = decodeFields(payload, Number.POSITIVE_INFINITY);
        const section: Record<string, string> = {};
        for (let i = 0; i < fields.length; i += 2) {
          section[fields[i] as string] = fields[i + 1] as string;
        }
        this.#sections.push(section);
      },
      onData: (chunk) => this.#chunks.push(chunk.slice()),
    });
  }

  /** Sends raw bytes. */
  async send(...parts: readonly Uint8Array[]): Promise<void> {
    await this.stream.write(bytes(...parts));
  }

  async #more(): Promise<boolean> {
    this.#source ??= this.stream[Symbol.asyncIterator]();
    const { value } = await this.#source.next();
    if (value === undefined) return false;
    this.#reader.push(value);
    return true;
  }

  /** The next field section; `undefined` at the end. */
  async section(): Promise<Readonly<Record<string, string>> | undefined> {
    while (this.#sections.length === 0) if (!(await this.#more())) return undefined;
    return this.#sections.shift();
  }

  /** The next piece of the body; `undefined` at the end. */
  async chunk(): Promise<Uint8Array | undefined> {
    while (this.#chunks.length === 0) if (!(await this.#more())) return undefined;
    return this.#chunks.shift();
  }

  /** All that comes, and how it ends. */
  async message(): Promise<RawMessage> {
    let end: RawMessage["end"] = "end";
    try {
      while (await this.#more());
      this.#reader.end();
    } catch (error) {
      const { details } = error as { details?: { code?: number } };
      end = { code: details?.code };
    }
    const body = Buffer.concat(this.#chunks.splice(0)).toString();
    return { sections: this.#sections.splice(0), body, end };
  }

  /** As the other end of an exchange: bytes are those of bodies. */
  get peer(): StreamPeer {
    return {
      write: async (chunk) => {
        await this.stream.write(data(chunk));
      },
      end: () => this.stream.end(),
      reset: async (code) => this.stream.reset(code ?? 0x10c),
      read: () => this.chunk(),
    };
  }
}

/** One side of HTTP/3 that says what it is told to, on a raw QUIC session. */
export class RawHttp3Peer {
  readonly session: StreamSession;
  /** Frames that came on the control stream, their payload as integers where that is what they are. */
  readonly told: { readonly type: number; readonly value: number | undefined }[] = [];
  /** Streams that the other side alone sends on. */
  readonly incoming: Stream[] = [];
  #control: Stream | undefined;
  readonly #requests: Stream[] = [];
  #arrived: PromiseWithResolvers<void> | undefined;

  constructor(session: StreamSession) {
    this.session = session;
    void this.#accept();
  }

  /** Connects to a server, and sends `first`, unless it is empty, on a control stream. */
  static async connect(
    engine: QuicEngine,
    port: number,
    ca: string,
    first: Uint8Array = plainSettings,
  ): Promise<RawHttp3Peer> {
    const remote = { address: "127.0.0.1", port };
    const tls = { alpn: ["h3"], serverName: "localhost", ca };
    const peer = new RawHttp3Peer(await engine.connect({ remote, tls }));
    if (first.length > 0) await peer.control(first);
    return peer;
  }

  async #accept(): Promise<void> {
    for await (const stream of this.session.streams()) {
      if (stream.direction === "receive") {
        this.session.background(stream);
        this.incoming.push(stream);
        this.#listen(stream).catch(() => undefined); // it ends with the session
      } else {
        this.#requests.push(stream);
        this.#arrived?.resolve();
      }
    }
    this.#arrived?.resolve();
  }

  async #listen(stream: Stream): Promise<void> {
    let isControl: boolean | undefined;
    const reader = new FrameReader({
      onFrame: () => "whole",
      onPayload: (type, payload) => {
        const isInteger = payload.length > 0 && varintBytes(payload[0] as number) <= payload.length;
        this.told.push({ type, value: isInteger ? readVarint(payload, 0) : undefined });
      },
      onData: () => undefined,
    });
    for await (const chunk of stream) {
      const rest = isControl === undefined ? chunk.subarray(1) : chunk;
      isControl ??= chunk[0] === streamTypes.control;
      if (isControl) reader.push(rest);
    }
  }

  /** What GOAWAY frames said so far. */
  get goaways(): readonly (number | undefined)[] {
    return this.told.filter(({ type }) => type === frameTypes.goaway).map(({ value }) => value);
  }

  /** Sends bytes on the control stream, which the first ones open. */
  async control(...parts: readonly Uint8Array[]): Promise<void> {
    if (this.#control === undefined) this.#control = await this.unidirectional(streamTypes.control);
    await this.#control.write(bytes(...parts));
  }

  /** Opens a stream of `type`, and sends `first` on it. */
  async unidirectional(type: number, first: Uint8Array = bytes()): Promise<Stream> {
    const stream = await this.session.openStream({ direction: "send", background: true });
    await stream.write(bytes(varints(type), first));
    return stream;
  }

  /** Opens a request stream, and sends `parts` on it. */
  async request(...parts: readonly Uint8Array[]): Promise<RawHttp3Stream> {
    const stream = new RawHttp3Stream(await this.session.openStream());
    if (parts.length > 0) await stream.send(...parts);
    return stream;
  }

  /** The next request stream that the other side opens. */
  async next(): Promise<RawHttp3Stream> {
    for (;;) {
      const stream = this.#requests.shift();
      if (stream !== undefined) return new RawHttp3Stream(stream);
      if (this.session.state === "closed") throw new Error("expected a request, got the end");
      this.#arrived = Promise.withResolvers();
      await this.#arrived.promise;
    }
  }

  /** Ends the connection with `code`, whatever is under way. */
  end(code: number): Promise<void> {
    return this.session.close({ code, deadlineMs: 0 });
  }

  /** The code with which the connection ended. */
  async code(): Promise<number | undefined> {
    return (await this.session.closed).code;
  }
}
