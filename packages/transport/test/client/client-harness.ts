import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  createSecureServer,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import {
  makeCertificates,
  type SessionHarness,
  type StreamHarness,
  type StreamPeer,
  type TestCertificates,
} from "@king-runtime/testkit";
import {
  type HttpClientSession,
  type HttpClientStream,
  type OpenHttpSessionOptions,
  openHttpSession,
} from "../../src/index.ts";

let made: Promise<TestCertificates> | undefined;

export const certificates = (): Promise<TestCertificates> => {
  made ??= makeCertificates();
  return made;
};

/** The server's side of one exchange, in node's own words. */
interface Served {
  readonly input: Readable;
  readonly output: Writable;
  reset(code?: number): void;
}

/** A server of node's own that hands its exchanges to the test, answered 200 with both bodies open. */
interface PeerServer extends AsyncDisposable {
  readonly origin: string;
  readonly options: OpenHttpSessionOptions;
  next(): Promise<Served>;
  disconnect(): void;
}

/** Starts a peer that speaks `protocol`, over TLS or not. */
async function peerServer(protocol: "h1" | "h2", tls: boolean): Promise<PeerServer> {
  const { ca, leaf } = await certificates();
  const arrived: Served[] = [];
  let wanted: ((served: Served) => void) | undefined;
  const serve = (served: Served) => {
    // Node does away with a request that nobody has begun to read once it is answered.
    served.input.read(0);
    served.input.on("error", () => undefined);
    served.output.on("error", () => undefined);
    if (wanted === undefined) arrived.push(served);
    else wanted(served);
    wanted = undefined;
  };
  const sockets = new Set<Socket>();
  const server = start(protocol, tls, leaf, serve);
  server.on(tls ? "secureConnection" : "connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    options: { protocols: [protocol], ...(tls ? { tls: { ca } } : {}) },
    next() {
      const served = arrived.shift();
      if (served !== undefined) return Promise.resolve(served);
      return new Promise((resolve) => {
        wanted = resolve;
      });
    },
    disconnect() {
      for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function start(
  protocol: "h1" | "h2",
  tls: boolean,
  leaf: TestCertificates["leaf"],
  serve: (served: Served) => void,
): Server {
  if (protocol === "h1") {
    const handler = (input: IncomingMessage, output: ServerResponse) => {
      output.writeHead(200).flushHeaders();
      serve({ input, output, reset: () => input.socket.destroy() });
    };
    return tls ? createHttpsServer(leaf, handler) : createServer(handler);
  }
  const server = tls ? createSecureServer(leaf) : createHttp2Server();
  server.on("stream", (stream: ServerHttp2Stream) => {
    // Without it node ends a stream before it resets it, and the reset is none any more.
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({}));
    serve({ input: stream, output: stream, reset: (code = 8) => stream.close(code) });
  });
  server.on("sessionError", () => undefined);
  return server as unknown as Server;
}

function peerOver({ input, output, reset }: Served): StreamPeer {
  let source: AsyncIterator<Uint8Array> | undefined;
  return {
    write(chunk) {
      return new Promise((resolve, reject) => {
        if (output.destroyed || output.errored) return reject(new Error("the stream is over"));
        const onClose = () => reject(new Error("the stream closed"));
        output.once("close", onClose);
        const done = () => {
          output.removeListener("close", onClose);
          resolve();
        };
        if (output.write(chunk)) done();
        else output.once("drain", done);
      });
    },
    end: () => new Promise((resolve) => output.end(() => resolve())),
    async reset(code) {
      reset(code);
    },
    async read() {
      source ??= input.iterator({ destroyOnReturn: false });
      const { done, value } = await source.next();
      return done ? undefined : value;
    },
  };
}

/** The stream of one request, open both ways. */
export async function openClientStream(
  protocol: "h1" | "h2",
  tls: boolean,
): Promise<StreamHarness & { stream: HttpClientStream }> {
  const server = await peerServer(protocol, tls);
  const session = await openHttpSession(server.origin, server.options);
  const stream = await session.request({ method: "POST", open: true });
  const served = await server.next();
  await stream.response;
  return {
    stream,
    peer: peerOver(served),
    async [Symbol.asyncDispose]() {
      session.abort();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A session on which a request is work under way. */
export async function openSessionHarness(
  protocol: "h1" | "h2",
  tls: boolean,
): Promise<SessionHarness & { session: HttpClientSession }> {
  const server = await peerServer(protocol, tls);
  const session = await openHttpSession(server.origin, server.options);
  return {
    session,
    async work() {
      const stream = await session.request();
      const served = await server.next();
      const response = await stream.response;
      return {
        ended: stream.closed,
        async finish() {
          served.output.end("done");
          await response.bytes();
        },
      };
    },
    async disconnect() {
      server.disconnect();
    },
    async [Symbol.asyncDispose]() {
      session.abort();
      await server[Symbol.asyncDispose]();
    },
  };
}
