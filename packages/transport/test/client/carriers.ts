import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createServer as createHttp2Server, createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import {
  createHttpClient,
  type ExchangeOptions,
  type HttpClientResponse,
  type OpenHttpSessionOptions,
  openHttpSession,
  request,
} from "../../src/index.ts";
import { certificates } from "./client-harness.ts";

/** One of the ways in which a request goes out. */
export interface Carrier {
  readonly name: string;
  readonly protocol: "h1" | "h2";
  readonly tls: boolean;
  readonly by: "request" | "client" | "session";
  /** HTTP/1.1 with all that it knows, because of trailers. */
  readonly isFull: boolean;
}

const carrier = (
  by: Carrier["by"],
  protocol: Carrier["protocol"],
  { tls = false, isFull = by === "session" || protocol === "h2" } = {},
): Carrier => {
  const kind = protocol === "h1" ? (isFull ? "full HTTP/1.1" : "plain HTTP/1.1") : "HTTP/2";
  return { name: `${by} over ${kind}${tls ? " with TLS" : ""}`, protocol, tls, by, isFull };
};

/** Every way, each with and without TLS somewhere. */
export const carriers: readonly Carrier[] = [
  carrier("request", "h1"),
  carrier("request", "h2"),
  carrier("client", "h1"),
  carrier("client", "h1", { tls: true }),
  carrier("client", "h1", { isFull: true }),
  carrier("client", "h2", { tls: true }),
  carrier("session", "h1"),
  carrier("session", "h1", { tls: true }),
  carrier("session", "h2"),
  carrier("session", "h2", { tls: true }),
];

/** A server of node's own. */
export interface Peer extends AsyncDisposable {
  readonly origin: string;
  readonly port: number;
  readonly server: Server;
  /** What a client needs to get on with it. */
  readonly options: Pick<OpenHttpSessionOptions, "protocols" | "tls">;
  /** Connections so far, and those that are open. */
  readonly connections: number;
  readonly sockets: ReadonlySet<Socket>;
}

/** What the server does with a request; over HTTP/2 both are node's own imitations. */
export type Serve = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/** What a {@link Peer} does besides answering. */
export interface PeerOptions {
  readonly protocol?: "h1" | "h2";
  readonly tls?: boolean;
  /** For requests that expect 100 (Continue). @default node's own, which asks for the body at once */
  readonly onExpect?: Serve;
  /** Options of node's own server. */
  readonly settings?: object;
}

/** Starts one on loopback. */
export async function startPeer(
  serve: Serve,
  { protocol = "h1", tls = false, onExpect, settings = {} }: PeerOptions = {},
): Promise<Peer> {
  const { ca, leaf } = await certificates();
  const listener: RequestListener = (incoming, outgoing) => {
    incoming.on("error", () => undefined);
    outgoing.on("error", () => undefined);
    serve(incoming, outgoing);
  };
  const server = (protocol === "h1"
    ? tls
      ? createHttpsServer({ ...leaf, ...settings }, listener)
      : createServer(settings, listener)
    : tls
      ? createSecureServer({ ...leaf, ...settings }, listener as never)
      : createHttp2Server(settings, listener as never)) as unknown as Server;
  if (onExpect !== undefined) server.on("checkContinue", onExpect);
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on(tls ? "secureConnection" : "connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("sessionError", () => undefined);
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    port,
    server,
    options: { protocols: [protocol], ...(tls ? { tls: { ca } } : {}) },
    get connections() {
      return connections;
    },
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Makes requests of one peer on one carrier. */
export interface Asking extends AsyncDisposable {
  ask(path: string, options?: ExchangeOptions): Promise<HttpClientResponse>;
}

/** Opens `carrier` to a peer; `more` are options of its connections. */
export async function asking(
  { by, isFull, protocol }: Carrier,
  { origin, options }: Pick<Peer, "origin" | "options">,
  more: Omit<OpenHttpSessionOptions, "signal" | "config"> = {},
): Promise<Asking> {
  const connections = { ...options, ...more };
  const full = isFull && by !== "session" && protocol === "h1" ? { trailers: {} } : {};
  switch (by) {
    case "request":
      return {
        ask: (path, own) => request(`${origin}${path}`, { ...connections, ...full, ...own }),
        [Symbol.asyncDispose]: async () => undefined,
      };
    case "client": {
      const client = createHttpClient(connections);
      return {
        ask: (path, own) => client.request(`${origin}${path}`, { ...full, ...own }),
        [Symbol.asyncDispose]: () => ended(client),
      };
    }
    case "session": {
      let session = await openHttpSession(origin, connections);
      return {
        async ask(path, own) {
          // Requests that are given up take an HTTP/1.1 connection with them.
          if (session.state !== "open") session = await openHttpSession(origin, connections);
          return await (await session.request({ path, atLimit: "wait", ...own })).response;
        },
        [Symbol.asyncDispose]: () => ended(session),
      };
    }
  }
}

async function ended(closable: { abort(): void; readonly closed: Promise<unknown> }) {
  closable.abort();
  await closable.closed;
}

/** Asks one thing on one carrier of a peer that serves it so. */
export async function onCarrier(
  carrier: Carrier,
  serve: Serve,
  test: (asking: Asking, peer: Peer) => Promise<void>,
  options: Omit<PeerOptions, "protocol" | "tls"> = {},
): Promise<void> {
  const { protocol, tls } = carrier;
  await using peer = await startPeer(serve, { protocol, tls, ...options });
  await using asks = await asking(carrier, peer);
  await test(asks, peer);
}

/** Resolves with all that comes of a request's body. */
export async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Trailers and a length exclude each other. */
export const sendsTrailers = ({ by, isFull, protocol }: Carrier): boolean =>
  by === "client" && isFull && protocol === "h1";
