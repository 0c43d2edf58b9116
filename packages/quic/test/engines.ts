import type { QuicEngine, QuicListenOptions, StreamSession } from "@king-runtime/core";
import { makeCertificates, notRun, type SkippableTest, withDeadline } from "@king-runtime/testkit";
import {
  openCurrentSpaceEngine,
  openMatrixEngine,
  type QuicEngineOptions,
  quicErrors,
} from "../src/index.ts";

export const certificates = await makeCertificates();

/** The engines by the names that the tables of the README use. */
export const engines = {
  currentspace: {
    open: openCurrentSpaceEngine,
    capabilities: ["half-close", "reset-code", "multiplexing", "unidirectional", "datagrams"],
  },
  matrix: {
    open: openMatrixEngine,
    capabilities: [
      "half-close",
      "reset-code",
      "stop-reading",
      "receive-backpressure",
      "multiplexing",
      "unidirectional",
      "datagrams",
    ],
  },
} as const;

export type EngineName = keyof typeof engines;

export const engineNames = Object.keys(engines) as EngineName[];

/** Why an engine cannot be loaded here; `undefined` when it can. */
async function missing(name: EngineName): Promise<string | undefined> {
  try {
    await engines[name].open();
    return undefined;
  } catch (error) {
    if (quicErrors.is(error, "KING_QUIC_ENGINE_MISSING")) return error.message;
    throw error;
  }
}

/** Skips the running test where one of the engines cannot be loaded. */
export async function needEngines(test: SkippableTest, ...names: EngineName[]): Promise<void> {
  for (const name of names) {
    const reason = await missing(name);
    if (reason !== undefined)
      notRun(test, reason, "run it on Linux x64 with glibc, or macOS arm64");
  }
}

export const tls = { alpn: ["king"], ca: certificates.ca, serverName: "localhost" } as const;

/** A listener, and the sessions that come to it. */
export interface Server extends AsyncDisposable {
  readonly port: number;
  /** The next session that came. */
  accept(): Promise<StreamSession>;
}

export async function listen(engine: QuicEngine): Promise<Server> {
  const waiting: ((session: StreamSession) => void)[] = [];
  const arrived: StreamSession[] = [];
  const { alpn } = tls;
  const { cert, key } = certificates.leaf;
  const options: QuicListenOptions = {
    local: { address: "127.0.0.1", port: 0 },
    tls: { alpn, cert, key },
    onSession(session) {
      const take = waiting.shift();
      if (take === undefined) arrived.push(session);
      else take(session);
    },
  };
  const listener = await engine.listen(options);
  return {
    port: listener.local.port,
    async accept() {
      const next = arrived.shift();
      if (next !== undefined) return next;
      const { promise, resolve } = Promise.withResolvers<StreamSession>();
      waiting.push(resolve);
      return withDeadline(promise, "a session at the server");
    },
    async [Symbol.asyncDispose]() {
      listener.abort();
      await listener.closed;
    },
  };
}

/** Both ends of a connection. */
export interface Pair extends AsyncDisposable {
  readonly client: StreamSession;
  readonly server: StreamSession;
}

export async function connect(engine: QuicEngine, server: Server): Promise<Pair> {
  const remote = { address: "127.0.0.1", port: server.port };
  const client = await engine.connect({ remote, tls });
  const other = await server.accept();
  return {
    client,
    server: other,
    async [Symbol.asyncDispose]() {
      client.abort();
      other.abort();
      await Promise.all([client.closed, other.closed]);
    },
  };
}

/** Engines by name, made with limits of their own, and one listener of each. */
export async function openEngines(limits: QuicEngineOptions) {
  const opened = new Map<EngineName, { engine: QuicEngine; server: Server }>();
  for (const name of engineNames) {
    if ((await missing(name)) !== undefined) continue;
    const engine = await engines[name].open(limits);
    opened.set(name, { engine, server: await listen(engine) });
  }
  const of = (name: EngineName) => {
    const found = opened.get(name);
    if (found === undefined) throw new Error(`expected ${name}, which cannot be loaded here`);
    return found;
  };
  return {
    /** A connection whose client is of one engine and whose server is of another. */
    pair: (client: EngineName, server: EngineName): Promise<Pair> =>
      connect(of(client).engine, of(server).server),
    engine: (name: EngineName): QuicEngine => of(name).engine,
    async close() {
      for (const { server } of opened.values()) await server[Symbol.asyncDispose]();
    },
  };
}
