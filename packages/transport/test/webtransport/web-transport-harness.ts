import type { Exchange, QuicEngine, Stream } from "@king-runtime/core";
import type { SessionHarness, StreamHarness, StreamSessionHarness } from "@king-runtime/testkit";
import { withDeadline } from "@king-runtime/testkit";
import type { ListenHttpOptions, OpenHttpSessionOptions } from "../../src/index.ts";
import {
  type AcceptWebTransportOptions,
  acceptWebTransport,
  connectWebTransport,
  type WebTransportLimitOptions,
  type WebTransportSession,
  webTransportEngine,
} from "../../src/webtransport/index.ts";
import { certificates, serverPlace } from "../http3/http3-harness.ts";
import { RawWebTransportConnection, type RawWebTransportPeer } from "./raw-web-transport-peer.ts";

export interface WebTransportPlace extends AsyncDisposable {
  readonly session: WebTransportSession;
  readonly peer: RawWebTransportPeer;
}

/** A server of ours that takes WebTransport, and clients that say what they are told to. */
export interface WebTransportServer extends AsyncDisposable {
  readonly port: number;
  connect(first?: Uint8Array): Promise<RawWebTransportConnection>;
  /** The next request. */
  next(): Promise<Exchange>;
  /** Makes a session of the next request. */
  accept(options?: AcceptWebTransportOptions): Promise<WebTransportSession | undefined>;
}

export async function webTransportServer(
  engine: QuicEngine,
  limits: WebTransportLimitOptions = {},
  options: Partial<ListenHttpOptions> = {},
  /** Of the clients. */
  peer: QuicEngine = engine,
): Promise<WebTransportServer> {
  const { ca } = await certificates();
  const place = await serverPlace(webTransportEngine(engine, limits), options);
  const { port } = place.listener.local;
  const clients: RawWebTransportConnection[] = [];
  return {
    port,
    next: () => place.next(),
    accept: async (options) => await acceptWebTransport(await place.next(), options),
    async connect(first) {
      const remote = { address: "127.0.0.1", port };
      const tls = { alpn: ["h3"], serverName: "localhost", ca };
      const client = new RawWebTransportConnection(await peer.connect({ remote, tls }), first);
      await client.ready;
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]();
      for (const { session } of clients) session.abort();
    },
  };
}

/** How a client of ours reaches what listens here. */
export async function connectionBy(
  engine: QuicEngine,
): Promise<Pick<OpenHttpSessionOptions, "tls" | "resolver" | "quic">> {
  const { ca } = await certificates();
  return {
    tls: { ca },
    resolver: { resolve: async (_host, family) => (family === 4 ? ["127.0.0.1"] : []) },
    quic: { engine },
  };
}

/** A listener for connections that say what they are told to. */
export interface RawServer extends AsyncDisposable {
  readonly url: string;
  readonly connection: Promise<RawWebTransportConnection>;
}

export async function rawServer(engine: QuicEngine, first?: Uint8Array): Promise<RawServer> {
  const { leaf } = await certificates();
  const accepted = Promise.withResolvers<RawWebTransportConnection>();
  const listener = await engine.listen({
    local: { address: "127.0.0.1", port: 0 },
    tls: { alpn: ["h3"], ...leaf },
    onSession: (session) => accepted.resolve(new RawWebTransportConnection(session, first)),
  });
  return {
    url: `https://localhost:${listener.local.port}`,
    connection: accepted.promise,
    async [Symbol.asyncDispose]() {
      listener.abort();
      await listener.closed;
    },
  };
}

export type Role = "client" | "server";

/** One session of ours, with its other end. */
async function webTransportPlace(
  engine: QuicEngine,
  other: QuicEngine,
  role: Role,
  limits: WebTransportLimitOptions = {},
): Promise<WebTransportPlace> {
  if (role === "server") {
    const server = await webTransportServer(engine, limits, {}, other);
    const client = await server.connect();
    const accepting = server.accept();
    const peer = await client.connect();
    const session = (await accepting) as WebTransportSession;
    return { session, peer, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  }
  const server = await rawServer(other);
  const connecting = connectWebTransport(`${server.url}/wt?room=1`, {
    connection: await connectionBy(webTransportEngine(engine, limits)),
  });
  const connection = await withDeadline(server.connection, "a connection");
  const peer = await connection.accept();
  const session = await connecting;
  return {
    session,
    peer,
    async [Symbol.asyncDispose]() {
      session.abort();
      await server[Symbol.asyncDispose]();
    },
  };
}

const streamLimit = 4;

const disposing = (place: WebTransportPlace) => () => place[Symbol.asyncDispose]();

export async function openStreamSession(
  engine: QuicEngine,
  other: QuicEngine,
  role: Role,
): Promise<StreamSessionHarness> {
  const place = await webTransportPlace(engine, other, role, { maxStreams: streamLimit });
  const { session, peer } = place;
  return { session, peer, streamLimit, [Symbol.asyncDispose]: disposing(place) };
}

/** A stream that the peer has opened, and sent nothing on. */
export async function openTheirStream(
  engine: QuicEngine,
  other: QuicEngine,
  role: Role,
): Promise<StreamHarness> {
  const place = await webTransportPlace(engine, other, role);
  const { session, peer } = place;
  const theirs = await peer.open(new Uint8Array(0));
  const { value } = await session.streams()[Symbol.asyncIterator]().next();
  const stream = value as Stream;
  return { stream, peer: theirs, [Symbol.asyncDispose]: disposing(place) };
}

/** A stream that was opened here; its peer knows of it. */
export async function openOwnStream(
  engine: QuicEngine,
  other: QuicEngine,
  role: Role,
): Promise<StreamHarness> {
  const place = await webTransportPlace(engine, other, role);
  const stream = await place.session.openStream();
  await stream.write(Buffer.from("!"));
  const peer = await place.peer.accept();
  await peer.read();
  const already = { bytesRead: 0, bytesWritten: 1 };
  return { stream, peer, already, [Symbol.asyncDispose]: disposing(place) };
}

export async function openSession(
  engine: QuicEngine,
  other: QuicEngine,
  role: Role,
): Promise<SessionHarness> {
  const place = await webTransportPlace(engine, other, role);
  const { session, peer } = place;
  const incoming = session.streams()[Symbol.asyncIterator]();
  return {
    session,
    async work() {
      const far = await peer.open(Buffer.from("work"));
      await far.end();
      const near = (await incoming.next()).value as Stream;
      const reading = (async () => {
        for await (const _ of near);
      })();
      reading.catch(() => undefined);
      return {
        ended: near.closed,
        async finish() {
          await near.end();
          while ((await far.read()) !== undefined);
        },
      };
    },
    async disconnect() {
      peer.connection.session.abort();
    },
    [Symbol.asyncDispose]: disposing(place),
  };
}
