import type {
  Endpoint,
  QuicCapability,
  QuicConnectOptions,
  QuicEngine,
  QuicListenOptions,
  QuicSession,
} from "@king-runtime/core";
import {
  checkConnect,
  checkListen,
  connectError,
  handshakeTimeout,
  listenError,
  resolveEndpoint,
} from "../connect-options.ts";
import { prepareQlogFolder } from "../diagnostic-files.ts";
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
import { tlsAlert, transportError } from "../tls-alert.ts";
import { tlsFacts } from "../tls-facts.ts";
import { CurrentSpaceConnection } from "./connection.ts";
import { inKeyFolder } from "./key-folder.ts";
import { loadNative, type Native, type NativeSession } from "./native.ts";

/**
 * The engine of `@currentspace/http3`: a current quiche in threads of its own. It has no way to make a
 * peer wait: what a reader has not taken is held up to `maxUndeliveredBytes`, then the stream is reset.
 * It looks at a private key in a file, which is kept in a folder of its own for that moment.
 *
 * @param options what its sessions may take.
 * @throws {KingError} KING_QUIC_ENGINE_MISSING, KING_OPTION_INVALID.
 */
export async function openCurrentSpaceEngine(options?: QuicEngineOptions): Promise<QuicEngine> {
  const limits = resolveLimits(options);
  const native = await loadNative();
  const engine: Pick<QuicEngine, "name" | "capabilities"> = {
    name: "currentspace",
    capabilities: new Set<QuicCapability>([
      "datagrams",
      "resumption",
      "client-certificates",
      "qlog",
    ]),
  };
  checkCapabilities(engine, impliedNeeds(limits));
  if (limits.qlogFolder !== undefined) await prepareQlogFolder(limits.qlogFolder);
  return {
    ...engine,
    connect: async (connectOptions) => {
      if (connectOptions.earlyData === true) checkCapabilities(engine, ["early-data"]);
      return connect(native, limits, connectOptions);
    },
    listen: (listenOptions) => listen(native, limits, listenOptions),
  };
}

/** What both sides tell the engine. */
function transport(limits: QuicLimits) {
  const { idleTimeoutMs, streamWindowBytes, maxSessionUndeliveredBytes, maxStreams } = limits;
  return {
    // Its io_uring driver took 2.7 times the CPU for each byte.
    runtimeMode: "portable" as const,
    maxIdleTimeoutMs: idleTimeoutMs,
    initialMaxData: maxSessionUndeliveredBytes,
    initialMaxStreamDataBidiLocal: streamWindowBytes,
    initialMaxStreamsBidi: maxStreams,
    enableDatagrams: true,
    ...(limits.qlogFolder === undefined ? {} : { qlogDir: limits.qlogFolder }),
  };
}

async function listen(native: Native, limits: QuicLimits, options: QuicListenOptions) {
  const tls = checkListen(options);
  const { address, port } = options.local;
  const listener = new QuicListener(limits, options.onSession);
  const server = native.createQuicServer({
    ...transport(limits),
    alpn: [...tls.alpn],
    cert: tls.cert,
    key: tls.key,
    ...(tls.ca === undefined ? {} : { ca: tls.ca, clientAuth: "require" as const }),
    maxConnections: limits.maxSessions,
    // With it, a client whose port NAT has changed is lost.
    disableActiveMigration: false,
  });
  server.on("error", () => undefined); // of a connection that was never told of
  let local: Endpoint;
  server.on("session", (session) => {
    const connection = new CurrentSpaceConnection({
      native: session as unknown as NativeSession,
      role: "server",
      local: () => local,
      remote: { address: session.remoteAddress, port: session.remotePort },
      tls: () =>
        tlsFacts({
          ...known(tls.alpn),
          serverName: undefined,
          peerVerified: tls.ca !== undefined,
          peer: session.getPeerCertificate() ?? undefined,
        }),
    });
    listener.onConnection(connection);
  });
  try {
    const bound = await inKeyFolder(() => server.listen(port, address));
    local = { address: bound.address, port: bound.port };
  } catch (cause) {
    throw listenError(options.local, cause);
  }
  return listener.onListening({ local, refused: 0, close: () => server.close() });
}

async function connect(
  native: Native,
  limits: QuicLimits,
  options: QuicConnectOptions,
): Promise<QuicSession> {
  const tls = checkConnect(options);
  const { signal } = options;
  signal?.throwIfAborted();
  const tickets =
    options.tickets && new Tickets(options.tickets, "currentspace", options.remote, tls);
  const ticket = await tickets?.take();
  const remote = await resolveEndpoint(options.remote);
  signal?.throwIfAborted();
  const session = native.connectQuic(
    { host: remote.address, port: remote.port },
    {
      ...transport(limits),
      alpn: [...tls.alpn],
      servername: tls.serverName,
      connectTimeoutMs: limits.handshakeTimeoutMs,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
      ...(ticket === undefined ? {} : { sessionTicket: Buffer.from(ticket) }),
      ...(signal === undefined ? {} : { signal }),
    },
  );
  session.on("sessionTicket", (given) => tickets?.put(given));
  let end: { errorCode: number; reason: string } | undefined;
  let failure: unknown;
  session.on("close", (info) => {
    end ??= info;
  });
  session.on("error", (error) => {
    failure ??= error;
  });
  // Before it is connected: the server's first streams may come with the end of the handshake.
  const connection = new CurrentSpaceConnection({
    native: session as unknown as NativeSession,
    role: "client",
    local: () => localEndpoint(session),
    remote,
    tls: () => {
      const { serverName } = tls;
      return tlsFacts({ ...known(tls.alpn), serverName, peerVerified: true, peer: undefined });
    },
  });
  try {
    await session.ready();
  } catch (cause) {
    await session.close().catch(() => undefined);
    signal?.throwIfAborted();
    throw failedHandshake(end, failure ?? cause, remote, limits.handshakeTimeoutMs);
  }
  return new QuicConnectionSession(connection, limits);
}

/** The engine tells neither; of one protocol that was offered, it can only be that. */
const known = (alpn: readonly string[]) => ({
  alpn: alpn.length === 1 ? alpn[0] : undefined,
  resumed: undefined,
});

/** The engine's own object knows; its types do not say so. */
function localEndpoint(session: object): Endpoint {
  const { _eventLoop } = session as {
    _eventLoop: { worker: { localAddress(): { address: string; port: number } } };
  };
  const { address, port } = _eventLoop.worker.localAddress();
  return { address, port };
}

function failedHandshake(
  end: { errorCode: number; reason: string } | undefined,
  failure: unknown,
  remote: Endpoint,
  timeoutMs: number,
): Error {
  if (end !== undefined && tlsAlert(end.errorCode) !== undefined) {
    return transportError(end.errorCode);
  }
  const message = failure instanceof Error ? failure.message : String(failure);
  if (message.includes("timed out")) return handshakeTimeout(timeoutMs);
  return connectError(remote, message, failure);
}
