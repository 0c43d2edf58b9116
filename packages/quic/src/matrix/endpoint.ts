import { randomBytes } from "node:crypto";
import type { RemoteInfo, Socket } from "node:dgram";
import type { Endpoint } from "@king-runtime/core";
import type { ServerTls } from "../connect-options.ts";
import type { QuicLimits } from "../limits.ts";
import type { EngineEndpoint } from "../quic-listener.ts";
import { MatrixConnection } from "./connection.ts";
import type { Native, NativeConfig } from "./native.ts";
import { ServerConfigs } from "./server-configs.ts";
import { boundEndpoint, connectionIdBytes, openSocket } from "./socket.ts";

/** Shorter packets start no connection (RFC 9000, section 14.1). */
const shortestInitialBytes = 1_200;

/** A server's socket: gives packets to connections by their connection id, and makes new ones. */
export class MatrixEndpoint implements EngineEndpoint {
  readonly local: Required<Endpoint>;
  refused = 0;
  readonly #native: Native;
  readonly #configs: ServerConfigs;
  readonly #limits: QuicLimits;
  readonly #verifiesClients: boolean;
  readonly #socket: Socket;
  readonly #onConnection: (connection: MatrixConnection) => void;
  /** By the ids a client may address them with: the one it made up at first, and ours. */
  readonly #byId = new Map<string, MatrixConnection>();
  #connections = 0;
  #released = false;
  #closing: PromiseWithResolvers<void> | undefined;

  private constructor(
    native: Native,
    configs: ServerConfigs,
    limits: QuicLimits,
    verifiesClients: boolean,
    socket: Socket,
    onConnection: (connection: MatrixConnection) => void,
  ) {
    this.#native = native;
    this.#configs = configs;
    this.#limits = limits;
    this.#verifiesClients = verifiesClients;
    this.#socket = socket;
    this.#onConnection = onConnection;
    this.local = boundEndpoint(socket);
    socket.on("error", ignore); // such as a host that cannot be reached: its connection times out
    socket.on("message", (packet, from) => this.#onPacket(packet, from));
  }

  /** @throws {KingError} KING_QUIC_LISTEN. */
  static async open(
    native: Native,
    tls: ServerTls,
    limits: QuicLimits,
    local: Endpoint,
    onConnection: (connection: MatrixConnection) => void,
  ): Promise<MatrixEndpoint> {
    const configs = new ServerConfigs(native, tls, limits);
    const socket = await openSocket(local);
    const verifies = tls.ca !== undefined;
    return new MatrixEndpoint(native, configs, limits, verifies, socket, onConnection);
  }

  #onPacket(packet: Buffer, from: RemoteInfo): void {
    const header = readHeader(this.#native, packet);
    if (header === undefined) return;
    const known = this.#byId.get(key(header.dcid));
    const connection = known ?? this.#accept(packet, header, from);
    connection?.receive(packet, { host: from.address, port: from.port });
  }

  #accept(packet: Buffer, header: Header, from: RemoteInfo): MatrixConnection | undefined {
    const { quiche, Type } = this.#native;
    if (packet.length < shortestInitialBytes || header.ty !== Type.Initial) return undefined;
    if (!quiche.versionIsSupported(header.version)) {
      const answer = Buffer.alloc(shortestInitialBytes);
      const length = quiche.negotiateVersion(header.scid, header.dcid, answer);
      this.#socket.send(answer.subarray(0, length), from.port, from.address, ignore);
      return undefined;
    }
    if (this.#closing !== undefined || this.#connections >= this.#limits.maxSessions) {
      this.refused++;
      return undefined;
    }
    return this.#make(header, from, this.#configs.for(packet));
  }

  #make(header: Header, from: RemoteInfo, config: NativeConfig): MatrixConnection {
    const { local } = this;
    const id = randomBytes(connectionIdBytes);
    const keys = new Set([key(header.dcid), key(id)]);
    const connection: MatrixConnection = new MatrixConnection({
      native: this.#native,
      connection: this.#native.quiche.Connection.accept(
        id,
        null,
        { host: local.address, port: local.port },
        { host: from.address, port: from.port },
        config,
      ),
      role: "server",
      local,
      remote: { address: from.address, port: from.port, family: from.family },
      handshakeTimeoutMs: this.#limits.handshakeTimeoutMs,
      keylogFolder: this.#limits.keylogFolder,
      earlyData: this.#limits.earlyData,
      maxEarlyDataBytes: this.#limits.maxEarlyDataBytes,
      verifiesPeer: this.#verifiesClients,
      sender: {
        send: (packet, to) => this.#socket.send(packet, to.port, to.host, ignore),
        onId: (given) => {
          keys.add(key(given));
          this.#byId.set(key(given), connection);
        },
        onIdGone: (gone) => {
          keys.delete(key(gone));
          this.#byId.delete(key(gone));
        },
        release: () => this.#release(keys),
      },
      onReady: (end) => {
        if (end === undefined) this.#onConnection(connection);
      },
    });
    this.#connections++;
    for (const each of keys) this.#byId.set(each, connection);
    return connection;
  }

  #release(keys: ReadonlySet<string>): void {
    for (const each of keys) this.#byId.delete(each);
    this.#connections--;
    this.#letGo();
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers();
      for (const connection of new Set(this.#byId.values())) {
        void connection.close(0, "");
        connection.abandonHandshake();
      }
      this.#letGo();
    }
    return this.#closing.promise;
  }

  /** Lets go of the socket, once, when no connection needs it. */
  #letGo(): void {
    if (this.#connections > 0 || this.#closing === undefined || this.#released) return;
    this.#released = true;
    // What was sent last is still on its way to the system.
    setImmediate(() => this.#socket.close(() => this.#closing?.resolve()));
  }
}

interface Header {
  readonly ty: number;
  readonly version: number;
  readonly dcid: Uint8Array;
  readonly scid: Uint8Array;
}

/** The part of a packet that is the same in every version (RFC 8999); `undefined` for other datagrams. */
function readHeader({ quiche }: Native, packet: Uint8Array): Header | undefined {
  try {
    return quiche.Header.fromSlice(packet, connectionIdBytes);
  } catch {
    return undefined;
  }
}

const key = (id: Uint8Array) => Buffer.from(id).toString("latin1");
const ignore = () => undefined;
