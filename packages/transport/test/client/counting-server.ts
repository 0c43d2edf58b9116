import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";

/** A server of node's own that counts what arrives. */
export interface CountingServer extends AsyncDisposable {
  readonly url: string;
  readonly server: Server;
  /** Connections so far, and those that are open. */
  readonly connections: number;
  readonly open: number;
  /** Requests so far, as `"GET /path"`. */
  readonly requests: readonly string[];
  readonly sockets: ReadonlySet<Socket>;
}

/** Starts one on loopback; without a handler every request is answered 200 with its body. */
export async function countingServer(
  handler: (request: IncomingMessage, response: ServerResponse, count: number) => void = echo,
): Promise<CountingServer> {
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let connections = 0;
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    handler(request, response, requests.length);
  });
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    server,
    requests,
    sockets,
    get connections() {
      return connections;
    },
    get open() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200);
  request.pipe(response);
}

/** A server of raw bytes. */
export interface RawServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly connections: number;
  readonly sockets: ReadonlySet<Socket>;
}

/** Starts one; `speak` gets each connection and its number, from 1. */
export async function rawServer(
  speak: (socket: Socket, connection: number) => void,
): Promise<RawServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createTcpServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
    speak(socket, ++connections);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    port,
    sockets,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
