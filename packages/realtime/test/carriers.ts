import { randomBytes } from "node:crypto";
import type { Exchange, HeaderFields, Listener, QuicEngine, Stream } from "@king-runtime/core";
import { openCurrentSpaceEngine, openMatrixEngine, quicErrors } from "@king-runtime/quic";
import {
  makeCertificates,
  notRun,
  type Recorder,
  recorder,
  type SkippableTest,
  type TestCertificates,
  withDeadline,
} from "@king-runtime/testkit";
import {
  type HttpClientSession,
  type ListenHttpOptions,
  listenHttp,
  openHttpSession,
} from "@king-runtime/transport";
import { onTestFinished } from "vitest";
import {
  type ClientConnection,
  type Connection,
  type ConnectWebSocketOptions,
  type CreateRealtimeOptions,
  connectWebSocket,
  createRealtime,
  type HandleOptions,
  type Realtime,
} from "../src/index.ts";

/** Everything a WebSocket is carried by. */
export const carriers = ["h1", "h2", "h3 by currentspace", "h3 by matrix"] as const;

export type Carrier = (typeof carriers)[number];

const engineOpeners: Partial<Record<Carrier, () => Promise<QuicEngine>>> = {
  "h3 by currentspace": openCurrentSpaceEngine,
  "h3 by matrix": openMatrixEngine,
};

/** The engine that `carrier` needs, if any; where it cannot be loaded the test is skipped. */
export async function engineOf(
  carrier: Carrier,
  test: SkippableTest,
): Promise<QuicEngine | undefined> {
  try {
    return await engineOpeners[carrier]?.();
  } catch (error) {
    if (!quicErrors.is(error, "KING_QUIC_ENGINE_MISSING")) throw error;
    return notRun(test, error.message, "run it on Linux x64 with glibc, or macOS arm64");
  }
}

let made: Promise<TestCertificates> | undefined;

export const certificates = (): Promise<TestCertificates> => {
  made ??= makeCertificates();
  return made;
};

/** A realtime behind a listener that speaks one carrier to our own client; all closed when the test ends. */
export interface CarriedEndpoint {
  readonly realtime: Realtime;
  readonly listener: Listener;
  /** Connections as they open. */
  readonly opened: Recorder<Connection>;
  /** A session, which further connections share except over HTTP/1.1. */
  session(): Promise<HttpClientSession>;
  connect(options?: ConnectWebSocketOptions): Promise<ClientConnection>;
  /** A stream past its handshake, on which any bytes can be sent. */
  raw(headers?: HeaderFields): Promise<RawStream>;
}

export interface CarriedEndpointOptions extends CreateRealtimeOptions {
  handle?: (exchange: Exchange) => HandleOptions;
  listen?: Partial<ListenHttpOptions>;
}

export async function openCarried(
  carrier: Carrier,
  test: SkippableTest,
  { handle = () => ({}), listen = {}, ...options }: CarriedEndpointOptions = {},
): Promise<CarriedEndpoint> {
  const engine = await engineOf(carrier, test);
  const { ca, leaf } = await certificates();
  const quic = engine === undefined ? {} : { quic: { engine } };
  const opened = recorder<Connection>();
  const realtime = createRealtime(options);
  const listener = await listenHttp({
    tls: leaf,
    ...quic,
    ...listen,
    handler(exchange) {
      const connection = realtime.handle(exchange, handle(exchange));
      if (connection) opened.record(connection);
    },
  });
  const sessions: HttpClientSession[] = [];
  const open = async () => {
    const session = await openHttpSession(`https://localhost:${listener.local.port}`, {
      tls: { ca },
      ...quic,
      protocols: [carrier === "h1" || carrier === "h2" ? carrier : "h3"],
    });
    sessions.push(session);
    return session;
  };
  let shared: Promise<HttpClientSession> | undefined;
  const session = () => {
    if (carrier === "h1") return open();
    shared ??= open();
    return shared;
  };
  onTestFinished(async () => {
    realtime.abort();
    for (const each of sessions) each.abort();
    listener.abort();
    await Promise.all([realtime.closed, listener.closed]);
  });
  return {
    realtime,
    listener,
    opened,
    session,
    connect: async (asked) => connectWebSocket(await session(), asked),
    raw: async (headers) => {
      const key =
        carrier === "h1" ? { "sec-websocket-key": randomBytes(16).toString("base64") } : {};
      const { stream } = await (await session()).upgrade({
        protocol: "websocket",
        headers: { "sec-websocket-version": "13", ...key, ...headers },
      });
      return new RawStream(stream);
    },
  };
}

/** Exactly the bytes a test means, both ways. */
export class RawStream {
  readonly stream: Stream;
  readonly #source: AsyncIterator<Uint8Array, undefined>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Stream) {
    this.stream = stream;
    this.#source = stream[Symbol.asyncIterator]();
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.stream.write(bytes);
  }

  /** Takes exactly `count` bytes. */
  async readBytes(count: number): Promise<Buffer> {
    while (this.#rest.length < count) {
      const { done, value } = await withDeadline(this.#source.next(), `${count} bytes`);
      if (done) throw new Error(`expected ${count} bytes, got ${this.#rest.length} and the end`);
      this.#rest = Buffer.concat([this.#rest, value]);
    }
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }

  /** Takes all that comes until the peer ends its direction. */
  async readToEnd(): Promise<Buffer> {
    for (;;) {
      const { done, value } = await withDeadline(this.#source.next(), "the end");
      if (done) return this.#rest;
      this.#rest = Buffer.concat([this.#rest, value]);
    }
  }
}
