import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import {
  eventually,
  makeCertificates,
  type SessionHarness,
  type StreamHarness,
  type StreamPeer,
  type TestCertificates,
} from "@king-runtime/testkit";
import { connectTcp } from "../../src/tcp/connect-tcp.ts";
import { type ListenTcpOptions, listenTcp } from "../../src/tcp/listen-tcp.ts";
import type { TcpListener } from "../../src/tcp/tcp-listener.ts";
import type { TcpSession } from "../../src/tcp/tcp-session.ts";

let made: Promise<TestCertificates> | undefined;
const certificates = (): Promise<TestCertificates> => (made ??= makeCertificates());

/** A listener that hands its sessions to the test. */
export interface SessionSource extends AsyncDisposable {
  readonly listener: TcpListener;
  readonly port: number;
  /** The next session. */
  next(): Promise<TcpSession>;
}

export async function sessionSource(
  options: Partial<ListenTcpOptions> = {},
): Promise<SessionSource> {
  const arrived: TcpSession[] = [];
  let wanted: ((session: TcpSession) => void) | undefined;
  const listener = await listenTcp({
    onSession(session) {
      if (wanted === undefined) arrived.push(session);
      else wanted(session);
      wanted = undefined;
    },
    ...options,
  });
  return {
    listener,
    port: listener.local.port,
    next() {
      const session = arrived.shift();
      if (session !== undefined) return Promise.resolve(session);
      return new Promise((resolve) => {
        wanted = resolve;
      });
    },
    async [Symbol.asyncDispose]() {
      listener.abort();
      await listener.closed;
    },
  };
}

/** Node's own end of a connection, and the TCP connection below it. */
export interface NodeEnd {
  readonly socket: Socket;
  readonly wire: Socket;
}

export async function nodeClient(port: number, tls = false): Promise<NodeEnd> {
  const wire = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  wire.on("error", () => undefined);
  await once(wire, "connect");
  if (!tls) return { socket: wire, wire };
  const { ca } = await certificates();
  const socket = connectTls({ socket: wire, ca, servername: "localhost" });
  socket.on("error", () => undefined);
  // Node takes a reset that comes while it writes tickets for an end.
  await once(socket, "session");
  return { socket, wire };
}

/** A server of node's that takes one connection. */
async function nodeServer(tls = false): Promise<{
  readonly port: number;
  readonly accepted: Promise<NodeEnd>;
  close(): void;
}> {
  const { promise, resolve } = Promise.withResolvers<NodeEnd>();
  let server: Server;
  if (tls) {
    const { leaf } = await certificates();
    let wire: Socket | undefined;
    const secure = createTlsServer({ ...leaf, allowHalfOpen: true, noDelay: true });
    secure.prependListener("connection", (socket: Socket) => {
      wire = socket.on("error", () => undefined);
    });
    secure.on("secureConnection", (socket: TLSSocket) => {
      resolve({ socket: socket.on("error", () => undefined), wire: wire as Socket });
    });
    server = secure;
  } else {
    server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      resolve({ socket: socket.on("error", () => undefined), wire: socket });
    });
  }
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as { port: number };
  return { port: address.port, accepted: promise, close: () => server.close() };
}

/** Our session and node's end of the same connection. */
export interface Pair extends AsyncDisposable {
  readonly session: TcpSession;
  readonly end: NodeEnd;
}

export async function serverPair(tls = false): Promise<Pair> {
  const source = await sessionSource(tls ? { tls: (await certificates()).leaf } : {});
  const end = await nodeClient(source.port, tls);
  return {
    session: await source.next(),
    end,
    async [Symbol.asyncDispose]() {
      end.wire.destroy();
      await source[Symbol.asyncDispose]();
    },
  };
}

export async function clientPair(tls = false): Promise<Pair> {
  const server = await nodeServer(tls);
  const session = await connectTcp({
    host: "127.0.0.1",
    port: server.port,
    ...(tls ? { tls: { ca: (await certificates()).ca } } : {}),
  });
  const end = await server.accepted;
  // Node takes a reset that comes while it writes tickets for an end.
  if (tls) {
    await new Promise(setImmediate); // they are written once the handshake has been told of
    await eventually(
      "the tickets",
      () => session.stats().wireBytesReceived === end.wire.bytesWritten,
    );
  }
  return {
    session,
    end,
    async [Symbol.asyncDispose]() {
      end.wire.destroy();
      session.abort();
      await session.closed;
      server.close();
    },
  };
}

function peerOf({ socket, wire }: NodeEnd): StreamPeer {
  let source: AsyncIterator<Uint8Array> | undefined;
  return {
    write(chunk) {
      return new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error("the connection is over"));
        const onClose = () => reject(new Error("the connection closed"));
        socket.once("close", onClose);
        const done = () => {
          socket.removeListener("close", onClose);
          resolve();
        };
        if (socket.write(chunk)) done();
        else socket.once("drain", done);
      });
    },
    end: () => new Promise((resolve) => socket.end(() => resolve())),
    async reset() {
      wire.resetAndDestroy();
    },
    async read() {
      source ??= socket.iterator({ destroyOnReturn: false });
      const { done, value } = await source.next();
      return done ? undefined : value;
    },
  };
}

export function streamHarness(open: () => Promise<Pair>): () => Promise<StreamHarness> {
  return async () => {
    const pair = await open();
    return {
      stream: pair.session.stream,
      peer: peerOf(pair.end),
      [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
    };
  };
}

/** A session whose work is its stream: under way from when it is asked for. */
export function sessionHarness(open: () => Promise<Pair>): () => Promise<SessionHarness> {
  return async () => {
    const { session, end, ...pair } = await open();
    let working = false;
    // Ends when we end, as most peers do, unless there is work.
    end.socket.once("end", () => working || end.socket.end());
    end.socket.resume();
    return {
      session,
      async work() {
        working = true;
        const { stream } = session;
        return {
          ended: stream.closed,
          async finish() {
            end.socket.end("the last of it");
            for await (const _ of stream);
            await stream.end();
          },
        };
      },
      async disconnect() {
        end.wire.resetAndDestroy();
      },
      [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
    };
  };
}
