import { randomBytes } from "node:crypto";
import { BlockList, isIP } from "node:net";
import type {
  Endpoint,
  QuicCapability,
  QuicConnectOptions,
  QuicEngine,
  QuicListenOptions,
  QuicSession,
} from "@king-runtime/core";
import { checkConnect, checkListen, connectError, resolveEndpoint } from "../connect-options.ts";
import { prepareKeylogFolder } from "../diagnostic-files.ts";
import type { ConnectionEnd } from "../engine-connection.ts";
import { quicErrors } from "../errors.ts";
import {
  checkCapabilities,
  impliedNeeds,
  type QuicEngineOptions,
  type QuicLimits,
  resolveLimits,
} from "../limits.ts";
import { QuicListener } from "../quic-listener.ts";
import { QuicSession as QuicConnectionSession } from "../quic-session.ts";
import { Tickets } from "../tickets.ts";
import { ClientPaths } from "./client-paths.ts";
import { MatrixConnection } from "./connection.ts";
import { MatrixEndpoint } from "./endpoint.ts";
import { loadNative, type Native, type NativeConnection } from "./native.ts";
import { clientConfig } from "./native-config.ts";
import { nativeError } from "./native-error.ts";
import { connectionIdBytes } from "./socket.ts";

/**
 * The engine of `@matrixai/quic`: quiche 0.18, driven from `node:dgram`. Complete in what streams ask
 * for; its quiche has known ways to be made to use memory without bound (CVE-2024-1410, CVE-2024-1765),
 * so it is for clients and closed networks.
 *
 * @param options what its sessions may take.
 * @throws {KingError} KING_QUIC_ENGINE_MISSING, KING_OPTION_INVALID.
 */
export async function openMatrixEngine(options?: QuicEngineOptions): Promise<QuicEngine> {
  const limits = resolveLimits(options);
  const native = await loadNative();
  const engine: Pick<QuicEngine, "name" | "capabilities"> = {
    name: "matrix",
    capabilities: new Set<QuicCapability>([
      "datagrams",
      "resumption",
      "shared-tickets",
      "client-certificates",
      "migration",
      "flow-control",
      "loss-statistics",
      "early-data",
      "keylog",
    ]),
  };
  checkCapabilities(engine, impliedNeeds(limits));
  if (limits.keylogFolder !== undefined) await prepareKeylogFolder(limits.keylogFolder);
  return {
    ...engine,
    connect: (connectOptions) => connect(native, limits, connectOptions),
    listen: async (listenOptions) => {
      if (options?.allowUnpatchedEngine !== true) refuseExposed(listenOptions.local);
      return listen(native, limits, listenOptions);
    },
  };
}

/** quiche 0.18 lets a peer make it use memory without bound: not for strangers. */
function refuseExposed({ address }: Endpoint): void {
  const loopback = new BlockList();
  loopback.addSubnet("127.0.0.0", 8);
  loopback.addAddress("::1", "ipv6");
  const family = isIP(address);
  const isLoopback = family !== 0 && loopback.check(address, family === 6 ? "ipv6" : "ipv4");
  if (isLoopback || address === "localhost") return;
  const message = `expected an address of loopback, got ${address}: the engine matrix has faults that are not mended`;
  throw quicErrors.create("KING_QUIC_UNPATCHED", message, { engine: "matrix", address });
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
): Promise<QuicSession> {
  const tls = checkConnect(options);
  const { earlyData = false, signal } = options;
  signal?.throwIfAborted();
  const tickets = options.tickets && new Tickets(options.tickets, "matrix", options.remote, tls);
  const ticket = await tickets?.take();
  const remote = await resolveEndpoint(options.remote);
  const paths = new ClientPaths(remote);
  try {
    const local = await paths.open();
    signal?.throwIfAborted();
    const connection = native.quiche.Connection.connect(
      tls.serverName,
      randomBytes(connectionIdBytes),
      { host: local.address, port: local.port },
      { host: remote.address, port: remote.port },
      clientConfig(native, tls, limits, earlyData),
    );
    if (ticket !== undefined) resume(connection, ticket);
    const { serverName } = tls;
    const about = { serverName, tickets, local, remote, earlyData, signal };
    return await handshake({ native, limits, paths, connection, ...about });
  } catch (error) {
    paths.release();
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
  readonly paths: ClientPaths;
  readonly connection: NativeConnection;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly earlyData: boolean;
  readonly signal: AbortSignal | undefined;
}

async function handshake(options: Handshake): Promise<QuicSession> {
  const { native, limits, paths, connection, local, remote, earlyData, signal } = options;
  const { serverName, tickets } = options;
  const { handshakeTimeoutMs, maxEarlyDataBytes, keylogFolder } = limits;
  const { promise, resolve, reject } = Promise.withResolvers<QuicSession>();
  const driver: MatrixConnection = new MatrixConnection({
    native,
    connection,
    role: "client",
    local,
    remote,
    handshakeTimeoutMs,
    earlyData,
    maxEarlyDataBytes,
    keylogFolder,
    serverName,
    verifiesPeer: true,
    ...(tickets === undefined ? {} : { onTicket: (ticket) => tickets.put(ticket) }),
    sender: {
      send: (packet, _to, from) => paths.send(packet, from.port),
      release: () => paths.release(),
    },
    paths,
    onReady(end) {
      if (end === undefined) resolve(new QuicConnectionSession(driver, limits));
      else reject(failedHandshake(end, remote));
    },
  });
  const from = { host: remote.address, port: remote.port };
  const giveUp = () => {
    reject(signal?.reason);
    void driver.close(0, "");
  };
  paths.onError = (cause) => driver.failHandshake(connectError(remote, cause.message, cause));
  paths.onPacket = (packet, { address, port }) =>
    driver.receive(packet, from, { host: address, port });
  signal?.addEventListener("abort", giveUp, { once: true });
  driver.start();
  try {
    return await promise;
  } finally {
    signal?.removeEventListener("abort", giveUp);
  }
}

function failedHandshake(end: ConnectionEnd, remote: Endpoint): Error {
  if (end.error !== undefined) return end.error;
  return connectError(remote, `the server closed the connection with code ${end.code}`);
}
