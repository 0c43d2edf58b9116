import { randomBytes } from "node:crypto";
import type { Socket } from "node:dgram";
import type {
  Endpoint,
  QuicConnectOptions,
  QuicEngine,
  QuicListenOptions,
  StreamSession,
} from "@king-runtime/core";
import {
  checkConnect,
  checkListen,
  connectError,
  handshakeTimeout,
  resolveEndpoint,
} from "../connect-options.ts";
import type { ConnectionEnd } from "../engine-connection.ts";
import { type QuicLimitOptions, type QuicLimits, resolveLimits } from "../limits.ts";
import { QuicListener } from "../quic-listener.ts";
import { QuicSession } from "../quic-session.ts";
import { Tickets } from "../tickets.ts";
import { MatrixConnection } from "./connection.ts";
import { MatrixEndpoint } from "./endpoint.ts";
import { loadNative, type Native, type NativeConnection } from "./native.ts";
import { clientConfig } from "./native-config.ts";
import { nativeError } from "./native-error.ts";
import { boundEndpoint, connectionIdBytes, openSocket } from "./socket.ts";

/**
 * The engine of `@matrixai/quic`: quiche 0.18, driven from `node:dgram`. Complete in what streams ask
 * for; its quiche has known ways to be made to use memory without bound (CVE-2024-1410, CVE-2024-1765),
 * so it is for clients and closed networks.
 *
 * @param options what its sessions may take.
 * @throws {KingError} KING_QUIC_ENGINE_MISSING, KING_OPTION_INVALID.
 */
export async function openMatrixEngine(options?: QuicLimitOptions): Promise<QuicEngine> {
  const limits = resolveLimits(options);
  const native = await loadNative();
  return {
    name: "matrix",
    capabilities: new Set(["datagrams", "resumption"]),
    connect: (connectOptions) => connect(native, limits, connectOptions),
    listen: (listenOptions) => listen(native, limits, listenOptions),
  };
}

async function listen(native: Native, limits: QuicLimits, options: QuicListenOptions) {
  const tls = checkListen(options);
  const listener = new QuicListener(limits, options.onSession);
  const endpoint = await MatrixEndpoint.open(native, tls, limits, options.local, (connection) =>
    listener.onConnection(connection),
  );
  return listener.onListening(endpoint);
}

async function connect(
  native: Native,
  limits: QuicLimits,
  options: QuicConnectOptions,
): Promise<StreamSession> {
  const tls = checkConnect(options);
  const { signal } = options;
  signal?.throwIfAborted();
  const tickets = options.tickets && new Tickets(options.tickets, "matrix", options.remote, tls);
  const ticket = await tickets?.take();
  const remote = await resolveEndpoint(options.remote);
  const any = remote.family === "IPv6" ? "::" : "0.0.0.0";
  const socket = await openSocket({ address: any, port: 0, family: remote.family });
  try {
    signal?.throwIfAborted();
    await connectSocket(socket, remote);
    const local = boundEndpoint(socket);
    const connection = native.quiche.Connection.connect(
      tls.serverName,
      randomBytes(connectionIdBytes),
      { host: local.address, port: local.port },
      { host: remote.address, port: remote.port },
      clientConfig(native, tls, limits),
    );
    if (ticket !== undefined) resume(connection, ticket);
    const { serverName } = tls;
    const about = { serverName, tickets, local, remote, signal };
    return await handshake({ native, limits, socket, connection, ...about });
  } catch (error) {
    release(socket);
    throw error;
  }
}

/** A ticket that is none leads to a full handshake. */
function resume(connection: NativeConnection, ticket: Uint8Array): void {
  try {
    connection.setSession(ticket);
  } catch (error) {
    nativeError(error);
  }
}

interface Handshake {
  readonly native: Native;
  readonly serverName: string;
  readonly tickets: Tickets | undefined;
  readonly limits: QuicLimits;
  readonly socket: Socket;
  readonly connection: NativeConnection;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly signal: AbortSignal | undefined;
}

async function handshake(options: Handshake): Promise<StreamSession> {
  const { native, limits, socket, connection, local, remote, signal } = options;
  const { serverName, tickets } = options;
  const { handshakeTimeoutMs } = limits;
  const { promise, resolve, reject } = Promise.withResolvers<StreamSession>();
  const driver: MatrixConnection = new MatrixConnection({
    native,
    connection,
    role: "client",
    local,
    remote,
    handshakeTimeoutMs,
    serverName,
    verifiesPeer: true,
    ...(tickets === undefined ? {} : { onTicket: (ticket) => tickets.put(ticket) }),
    // The kernel knows where to: the socket is connected.
    sender: {
      send: (packet) => socket.send(packet, ignore),
      release: () => release(socket),
    },
    onReady(end) {
      if (end === undefined) resolve(new QuicSession(driver, limits));
      else reject(failedHandshake(end, remote, handshakeTimeoutMs));
    },
  });
  const from = { host: remote.address, port: remote.port };
  const giveUp = () => {
    reject(signal?.reason);
    void driver.close(0, "");
  };
  // A server's host may answer that nobody listens; later, QUIC alone says what is lost.
  const onError = (cause: Error) => {
    reject(connectError(remote, cause.message, cause));
    void driver.close(0, "");
  };
  signal?.addEventListener("abort", giveUp, { once: true });
  socket.on("error", onError);
  socket.on("message", (packet) => driver.receive(packet, from));
  driver.start();
  try {
    return await promise;
  } finally {
    signal?.removeEventListener("abort", giveUp);
    socket.on("error", ignore);
    socket.removeListener("error", onError);
  }
}

function failedHandshake(end: ConnectionEnd, remote: Endpoint, timeoutMs: number): Error {
  if (end.error !== undefined) return end.error;
  if (end.by === "network") return handshakeTimeout(timeoutMs);
  return connectError(remote, `the server closed the connection with code ${end.code}`);
}

function connectSocket(socket: Socket, { address, port }: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.connect(port, address, ((error?: Error) => {
      if (error) reject(connectError({ address, port }, error.message, error));
      else resolve();
    }) as () => void);
  });
}

const released = new WeakSet<Socket>();

function release(socket: Socket): void {
  if (released.has(socket)) return;
  released.add(socket);
  socket.close();
}

const ignore = () => undefined;
