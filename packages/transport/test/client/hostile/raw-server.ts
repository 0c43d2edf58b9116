import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { withDeadline } from "@king-runtime/testkit";

/** The server's side of one connection, in the hands of a test. */
export class RawPeer {
  readonly socket: Socket;
  /** Which connection of its server it is, from 1 on. */
  readonly number: number;
  /** Settled with how the connection ended. */
  readonly closed: Promise<"end" | "reset" | "here">;
  #received = 0;

  constructor(socket: Socket, number: number) {
    this.socket = socket;
    this.number = number;
    let how: "end" | "reset" | "here" = "here";
    this.closed = new Promise((resolve) => {
      socket.on("end", () => {
        how = "end";
        resolve(how);
      });
      socket.on("error", () => {
        how = "reset";
      });
      socket.on("close", () => resolve(how));
    });
    socket.on("data", (chunk: Buffer) => {
      this.#received += chunk.length;
    });
  }

  /** Bytes that were received on it. */
  get received(): number {
    return this.#received;
  }

  /** Sends exactly these bytes; text as Latin-1. Resolves when the system has them, or the connection is over. */
  say(bytes: string | Uint8Array): Promise<void> {
    const chunk = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    if (!this.socket.writable) return Promise.resolve();
    return new Promise((resolve) => this.socket.write(chunk, () => resolve()));
  }

  /** Sends one piece every `everyMs` until the connection is over; the last one again and again. */
  drip(pieces: readonly (string | Uint8Array)[], everyMs: number): void {
    let at = 0;
    const timer = setInterval(() => {
      void this.say(pieces[Math.min(at++, pieces.length - 1)] as string);
    }, everyMs);
    this.socket.once("close", () => clearInterval(timer));
  }

  /** Sends `bytes` as fast as they are taken, until the connection is over. */
  async flood(bytes: string | Uint8Array): Promise<void> {
    let isOver = false;
    const over = this.closed.then(() => {
      isOver = true;
    });
    // A peer that does not read any more has the loop wait for the end of the connection.
    while (this.socket.writable && !isOver) await Promise.race([this.say(bytes), over]);
  }

  end(): void {
    this.socket.end();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** One request as a {@link RawServer} saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly head: string;
  /** Number of the connection it came on. */
  readonly on: number;
}

/** What is said to a request: bytes, or whatever a function does with the connection. */
export type Answer = string | ((peer: RawPeer, request: SeenRequest) => unknown);

/** A server that answers `/good` as it should, and everything else as the test says. */
export interface RawServer extends AsyncDisposable {
  readonly port: number;
  readonly origin: string;
  readonly requests: readonly SeenRequest[];
  readonly peers: readonly RawPeer[];
  /** Its side of the connection of this number, once there is one. */
  peer(number: number): Promise<RawPeer>;
}

export const good = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood";

/** Options of {@link rawServer}. */
export interface RawServerOptions {
  readonly tls?: TlsOptions;
  /** Done with each connection before a byte of it is read. */
  readonly onConnection?: (peer: RawPeer) => unknown;
}

export async function rawServer(
  answer: Answer,
  options: RawServerOptions = {},
): Promise<RawServer> {
  const requests: SeenRequest[] = [];
  const peers: RawPeer[] = [];
  const arrived: ((peer: RawPeer) => void)[] = [];
  const sockets = new Set<Socket>();
  const serve = (socket: Socket) => {
    socket.setNoDelay();
    const peer = new RawPeer(socket, peers.length + 1);
    peers.push(peer);
    for (const tell of arrived.splice(0)) tell(peer);
    options.onConnection?.(peer);
    readRequests(socket, (head) => {
      const [method = "", path = ""] = head.split(" ", 2);
      const request = { method, path, head, on: peer.number };
      requests.push(request);
      if (path === "/good") return void peer.say(good);
      if (typeof answer === "string") void peer.say(answer);
      else void answer(peer, request);
    });
  };
  const server: Server = options.tls
    ? createTlsServer(options.tls, serve).on("tlsClientError", () => undefined)
    : createServer({ allowHalfOpen: true }, serve);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `${options.tls ? "https" : "http"}://127.0.0.1:${port}`,
    requests,
    peers,
    async peer(number) {
      while (peers.length < number) {
        await withDeadline(
          new Promise<RawPeer>((resolve) => arrived.push(resolve)),
          `connection ${number}`,
        );
      }
      return peers[number - 1] as RawPeer;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Tells of each request whose head is complete; of bodies it knows where they end. */
function readRequests(socket: Socket, onHead: (head: string) => void): void {
  let waiting = "";
  let rest: number | "chunked" = 0;
  socket.on("data", (chunk: Buffer) => {
    waiting += chunk.toString("latin1");
    for (;;) {
      if (rest === "chunked") {
        const end = waiting.search(/(^|\r\n)0\r\n([^\r\n]+\r\n)*\r\n/);
        if (end === -1) {
          waiting = waiting.slice(-1_000);
          return;
        }
        waiting = waiting.slice(waiting.indexOf("\r\n\r\n", end) + 4);
        rest = 0;
      } else if (rest > 0) {
        const taken = Math.min(rest, waiting.length);
        waiting = waiting.slice(taken);
        rest -= taken;
        if (rest > 0) return;
      }
      const end = waiting.indexOf("\r\n\r\n");
      if (end === -1) return;
      const head = waiting.slice(0, end);
      waiting = waiting.slice(end + 4);
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
      rest = /\r\ntransfer-encoding: *chunked/i.test(head) ? "chunked" : Number(length ?? 0);
      onHead(head);
    }
  });
}
