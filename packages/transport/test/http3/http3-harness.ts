import { type Exchange, KingError, type QuicEngine, type Stream } from "@king-runtime/core";
import {
  makeCertificates,
  type SessionHarness,
  type StreamHarness,
  type TestCertificates,
  withDeadline,
} from "@king-runtime/testkit";
import {
  type HttpClientSession,
  type HttpListener,
  type ListenHttpOptions,
  type OpenHttpSessionOptions,
  openHttpSession,
} from "../../src/index.ts";
import { type ExchangeSource, exchangeSource } from "../exchange-harness.ts";
import {
  headers,
  plainSettings,
  RawHttp3Peer,
  type RawHttp3Stream,
  requestHead,
  responseHead,
} from "./raw-http3-peer.ts";

let made: Promise<TestCertificates> | undefined;

export const certificates = (): Promise<TestCertificates> => {
  made ??= makeCertificates();
  return made;
};

/** What `listen` opens; of a port that is free for TCP, somebody may have that of UDP. */
export async function onFreePort<T>(listen: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await listen();
    } catch (error) {
      if (attempt === 5 || !KingError.is(error, "KING_QUIC_LISTEN")) throw error;
    }
  }
}

/** A server of ours, and a client that says what it is told to. */
export interface ServerPlace extends AsyncDisposable {
  readonly listener: HttpListener;
  readonly engine: QuicEngine;
  /** Another connection; `first` is sent on its control stream. */
  connect(first?: Uint8Array): Promise<RawHttp3Peer>;
  /** The next exchange, where no handler was given. */
  next(): Promise<Exchange>;
}

export async function serverPlace(
  engine: QuicEngine,
  options: Partial<ListenHttpOptions> = {},
): Promise<ServerPlace> {
  const { ca, leaf } = await certificates();
  const source: ExchangeSource = await onFreePort(() =>
    exchangeSource({ tls: leaf, quic: { engine }, ...options }),
  );
  const peers: RawHttp3Peer[] = [];
  return {
    listener: source.listener as HttpListener,
    engine,
    next: () => withDeadline(source.next(), "an exchange"),
    async connect(first) {
      const peer = await RawHttp3Peer.connect(engine, source.listener.local.port, ca, first);
      peers.push(peer);
      return peer;
    },
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      for (const { session } of peers) session.abort();
    },
  };
}

/** A client of ours on a session of its own, and a server that says what it is told to. */
export interface ClientPlace extends AsyncDisposable {
  readonly session: HttpClientSession;
  readonly peer: RawHttp3Peer;
}

export async function clientPlace(
  engine: QuicEngine,
  options: Partial<OpenHttpSessionOptions> = {},
  first?: Uint8Array,
): Promise<ClientPlace> {
  const { ca, leaf } = await certificates();
  const accepted = Promise.withResolvers<RawHttp3Peer>();
  const listener = await engine.listen({
    local: { address: "127.0.0.1", port: 0 },
    tls: { alpn: ["h3"], ...leaf },
    onSession: (session) => accepted.resolve(new RawHttp3Peer(session)),
  });
  const session = await openHttpSession(`https://localhost:${listener.local.port}`, {
    resolver: { resolve: async (_host, family) => (family === 4 ? ["127.0.0.1"] : []) },
    tls: { ca },
    quic: { engine },
    protocols: ["h3"],
    ...options,
  });
  const peer = await accepted.promise;
  if (first === undefined) await peer.control(plainSettings);
  else if (first.length > 0) await peer.control(first);
  return {
    session,
    peer,
    async [Symbol.asyncDispose]() {
      session.abort();
      listener.abort();
      await listener.closed;
    },
  };
}

/** One exchange of a server, answered 200 with both bodies open. */
export async function openExchange(engine: QuicEngine): Promise<StreamHarness> {
  const place = await serverPlace(engine, { maxBodyBytes: Number.POSITIVE_INFINITY });
  const client = await (await place.connect()).request(requestHead("POST"));
  const stream = await place.next();
  stream.respond(200);
  await client.section();
  return { stream, peer: client.peer, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

export const connectHead = (protocol = "websocket") =>
  headers(
    ":method",
    "CONNECT",
    ":protocol",
    protocol,
    ":scheme",
    "https",
    ":authority",
    "localhost",
    ":path",
    "/chat?room=1",
  );

/** The stream of an accepted extended CONNECT (RFC 9220). */
export async function openConnect(engine: QuicEngine): Promise<StreamHarness> {
  const place = await serverPlace(engine);
  const client = await (await place.connect()).request(connectHead());
  const exchange = await place.next();
  const stream = exchange.upgrade?.accept() as Stream;
  await client.section();
  return { stream, peer: client.peer, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

/** The stream of one request, open both ways. */
export async function openRequest(engine: QuicEngine): Promise<StreamHarness> {
  const place = await clientPlace(engine);
  const stream = await place.session.request({ method: "POST", open: true });
  const served = await place.peer.next();
  await served.send(responseHead());
  await stream.response;
  await served.section();
  return { stream, peer: served.peer, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

/** A session of a server, on which an exchange is work under way. */
export async function openServerSession(engine: QuicEngine): Promise<SessionHarness> {
  const place = await serverPlace(engine);
  const peer = await place.connect();
  const ask = async () => {
    const client = await peer.request(requestHead());
    await client.stream.end();
    return { client, exchange: await place.next() };
  };
  const first = await ask();
  first.exchange.respond(200, {}, "first");
  await first.client.message();
  await first.exchange.closed;
  return {
    session: first.exchange.session,
    async work() {
      const { client, exchange } = await ask();
      return {
        ended: exchange.closed,
        async finish() {
          exchange.respond(200, {}, "done");
          await client.message();
        },
      };
    },
    disconnect: () => peer.end(0x100),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

/** A session of a client, on which a request is work under way. */
export async function openClientSession(engine: QuicEngine): Promise<SessionHarness> {
  const { session, peer, ...place } = await clientPlace(engine);
  return {
    session,
    async work() {
      const stream = await session.request();
      const served: RawHttp3Stream = await peer.next();
      await served.send(responseHead());
      const response = await stream.response;
      return {
        ended: stream.closed,
        async finish() {
          await served.stream.end();
          await served.message();
          await response.bytes();
        },
      };
    },
    disconnect: () => peer.end(0x100),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}
