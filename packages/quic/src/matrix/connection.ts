import { randomBytes, X509Certificate } from "node:crypto";
import { join } from "node:path";
import {
  type Endpoint,
  type StreamCapability,
  streamErrors,
  systemClock,
  type Timer,
  type TlsFacts,
} from "@king-runtime/core";
import { handshakeTimeout } from "../connect-options.ts";
import type {
  ConnectionEnd,
  ConnectionEvents,
  ConnectionStats,
  EngineConnection,
} from "../engine-connection.ts";
import { quicErrors } from "../errors.ts";
import { StreamIds, streamIdFacts } from "../stream-id.ts";
import { idleError, transportError } from "../tls-alert.ts";
import { tlsFacts } from "../tls-facts.ts";
import type { ClientPaths } from "./client-paths.ts";
import { EarlyBudget } from "./early-budget.ts";
import { MatrixEarlyHandshake } from "./early-handshake.ts";
import type { Native, NativeConnection } from "./native.ts";
import { maxPacketBytes } from "./native-config.ts";
import { nativeError } from "./native-error.ts";
import { connectionIdBytes } from "./socket.ts";
import { MatrixStream } from "./stream.ts";

const capabilities: ReadonlySet<StreamCapability> = new Set([
  "half-close",
  "reset-code",
  "stop-reading",
  "receive-backpressure",
  "multiplexing",
  "unidirectional",
  "datagrams",
]);

/** Packets sent in one go; then receivers in this process get a turn, and the socket's buffer room. */
const burstPackets = 32;

/** How often is looked whether packets still come and go, while the end waits for them. */
const lookMs = 50;
/** So many looks without a packet count as silence, at least. */
const quietLooks = 2;
/** What was sent is waited for no longer. */
const longestDeliveryMs = 5_000;

/** RFC 9000, section 20.1. */
const internalError = 1;

/** How long a new path is tried. */
const migrationTimeoutMs = 3_000;
/** How long the old one is listened to after that. */
const lingerMs = 1_000;

/** What quiche tells of paths; it has more kinds than its types name. */
type PathEvent = { readonly type: string; readonly local: Address };

function migrationError(reason: string, cause?: unknown) {
  const message = `the session could not go on from another port: ${reason}`;
  return quicErrors.create("KING_QUIC_MIGRATION", message, {}, { cause });
}

const connectionClosed = () =>
  streamErrors.create("KING_SESSION_CLOSED", "the session was closed before its handshake", {});

/** What a connection needs of its socket. */
export interface PacketSender {
  send(packet: Uint8Array, to: Address, from: Address): void;
  /** The peer may from now on address packets with `id`; and no longer. */
  onId?(id: Uint8Array): void;
  onIdGone?(id: Uint8Array): void;
  /** The connection needs no packets any more. */
  release(): void;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Options of {@link MatrixConnection}. */
export interface MatrixConnectionOptions {
  readonly native: Native;
  readonly connection: NativeConnection;
  readonly role: "client" | "server";
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly sender: PacketSender;
  readonly handshakeTimeoutMs: number;
  /** Whether streams may be used before the handshake is complete, as far as TLS allows it. */
  readonly earlyData: boolean;
  /** Of early data a server takes so much. */
  readonly maxEarlyDataBytes: number;
  /** Folder for files of secrets. */
  readonly keylogFolder: string | undefined;
  /** The handshake is complete, or early data can go or has come; or the connection ended before. */
  readonly onReady: (end?: ConnectionEnd) => void;
  /** Whether the other side has to show a certificate. */
  readonly verifiesPeer: boolean;
  /** Of a client: what it asked for. */
  readonly serverName?: string;
  /** Of a client: what it may migrate on. */
  readonly paths?: ClientPaths;
  /** Of a client that resumes: told of each ticket that comes. */
  readonly onTicket?: (ticket: Uint8Array) => void;
}

/** Drives quiche: packets in, packets out, timers, and its streams. */
export class MatrixConnection implements EngineConnection {
  readonly role: "client" | "server";
  local: Endpoint;
  readonly remote: Endpoint;
  readonly capabilities = capabilities;
  readonly largestCode = Number.MAX_SAFE_INTEGER;
  events: ConnectionEvents | undefined;
  readonly #native: Native;
  readonly #connection: NativeConnection;
  readonly #sender: PacketSender;
  readonly #onReady: (end?: ConnectionEnd) => void;
  /** Present when it was told of before its handshake was complete. */
  early: MatrixEarlyHandshake | undefined;
  readonly #earlyBudget: EarlyBudget | undefined;
  readonly #streams = new Map<number, MatrixStream>();
  readonly #ids: StreamIds;
  #ready = false;
  #closed = false;
  #endedByPeer = false;
  #over = false;
  #touched = false;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  readonly #handshakeTimer: Timer;
  #delivered: PromiseWithResolvers<void> | undefined;
  readonly #ended = Promise.withResolvers<void>();
  readonly #packet = Buffer.alloc(maxPacketBytes);
  readonly #options: MatrixConnectionOptions;
  /** The ticket that was told of last. */
  #ticket: Uint8Array | undefined;

  constructor(options: MatrixConnectionOptions) {
    this.#options = options;
    this.#native = options.native;
    this.#connection = options.connection;
    this.role = options.role;
    this.local = options.local;
    this.remote = options.remote;
    this.#sender = options.sender;
    this.#onReady = options.onReady;
    this.#ids = new StreamIds(options.role);
    const { handshakeTimeoutMs, keylogFolder, earlyData, maxEarlyDataBytes } = options;
    if (keylogFolder !== undefined) this.#logKeys(keylogFolder);
    if (earlyData && this.role === "server") this.#earlyBudget = new EarlyBudget(maxEarlyDataBytes);
    this.#handshakeTimer = systemClock.after(handshakeTimeoutMs, () =>
      this.failHandshake(handshakeTimeout(handshakeTimeoutMs)),
    );
  }

  /** Takes a packet that came for it. */
  receive(packet: Uint8Array, from: Address, to: Address = this.#at): void {
    if (this.#over) return;
    const taken = this.#ready ? packet : (this.#earlyBudget?.admit(packet) ?? packet);
    if (taken.length === 0) return;
    try {
      this.#connection.recv(taken, { from, to });
    } catch (error) {
      nativeError(error); // quiche has noted what to answer; others' packets are dropped
    }
    if (!this.#ready) this.#lookForRejection();
    this.#touch();
  }

  get #at(): Address {
    return { host: this.local.address, port: this.local.port };
  }

  /** quiche begins the file anew for each connection: each has its own. */
  #logKeys(folder: string): void {
    const id = Buffer.from(this.#connection.sourceId()).toString("hex");
    this.#connection.setKeylog(join(folder, `quic-${this.role}-${id}.keys`));
  }

  /** Starts the handshake. */
  start(): void {
    // Whether there can be early data is settled with the ClientHello.
    this.#flush();
    this.#advance();
  }

  #lookAtHandshake(): void {
    if (this.#connection.isEstablished()) {
      this.#ready = true;
      this.#handshakeTimer.cancel();
      if (this.early === undefined) this.#onReady();
      else this.#completeEarly(this.early);
    } else if (this.early === undefined && this.#options.earlyData && !this.#closed) {
      if (!this.#connection.isInEarlyData()) return;
      this.early = new MatrixEarlyHandshake();
      this.#onReady();
    }
  }

  #completeEarly(early: MatrixEarlyHandshake): void {
    if (!this.#connection.isResumed()) early.isRejected = true;
    early.complete();
    if (early.state !== "rejected") return;
    // The acknowledgement of a packet of its own, after those of the handshake, shows quiche that what went before is
    // lost, before its timer would.
    this.#flush();
    this.#connection.sendAckEliciting();
  }

  /** A client's TLS leaves early data behind before it goes on without; quiche does not tell it otherwise. */
  #lookForRejection(): void {
    if (this.early === undefined || this.role === "server") return;
    const connection = this.#connection;
    if (!connection.isInEarlyData() && !connection.isEstablished()) this.early.isRejected = true;
  }

  /** The handshake will not be complete. */
  failHandshake(error: Error): void {
    if (this.#ready || this.#closed) return;
    this.#leaveHandshake({ by: "network", error });
    this.#connection.close(false, 0, new Uint8Array(0));
    this.#flush();
    if (this.#connection.isClosed()) this.#finish();
  }

  /** It ends before its handshake was complete. */
  #leaveHandshake(end: ConnectionEnd): void {
    this.#closed = true;
    this.#handshakeTimer.cancel();
    this.#delivered?.resolve();
    if (this.early === undefined) {
      this.#onReady(end);
      return;
    }
    this.#endedByPeer = true;
    this.early.fail(end.error ?? transportError(end.code ?? 0));
    this.events?.onEnd(end);
  }

  /** Goes on after something happened in quiche. */
  #advance(): void {
    if (this.#over) return;
    const connection = this.#connection;
    if (!this.#ready) this.#lookAtHandshake();
    if (this.#ready && !this.#closed) {
      this.#exchangeIds();
      this.#lookAtPaths();
      this.#lookForTicket();
      this.#advanceDatagrams();
    }
    if ((this.#ready || this.early !== undefined) && !this.#closed) this.#advanceStreams();
    this.#flush();
    // After early data was rejected, the handshake goes on when something is sent.
    if (!this.#ready && connection.isEstablished()) this.#touch();
    if (!connection.isClosed() && !connection.isDraining()) return;
    this.#reportEnd();
    if (connection.isClosed()) this.#finish();
  }

  /** A path of its own needs a connection id of its own, from either side (RFC 9000, section 9.5). */
  #exchangeIds(): void {
    for (;;) {
      const gone = this.#connection.retiredScidNext();
      if (gone === null) break;
      this.#sender.onIdGone?.(gone);
    }
    while (this.#connection.sourceCidsLeft() > 0) {
      const id = randomBytes(connectionIdBytes);
      const token = BigInt(`0x${randomBytes(16).toString("hex")}`);
      this.#connection.newSourceCid(id, token, false);
      this.#sender.onId?.(id);
    }
  }

  /** Which paths were found to work; read for all, or quiche would keep what happened to them. */
  #lookAtPaths(): void {
    for (;;) {
      const event = this.#connection.pathEventNext() as PathEvent | null;
      if (event === null) return;
      if (event.type === "Validated" && event.local.port === this.#probe?.port) {
        this.#probe.resolve();
      }
    }
  }

  #probe: { readonly port: number; readonly resolve: () => void } | undefined;

  get migrate(): (() => Promise<void>) | undefined {
    const { paths } = this.#options;
    return paths === undefined ? undefined : () => this.#migrate(paths);
  }

  async #migrate(paths: ClientPaths): Promise<void> {
    if (this.#probe !== undefined) throw migrationError("another migration is under way");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => undefined); // nobody waits for it yet
    const before = this.local;
    const to = { host: this.remote.address, port: this.remote.port };
    const probe = { port: 0, resolve };
    this.#probe = probe;
    let timer: Timer | undefined;
    try {
      const local = await paths.open();
      probe.port = local.port;
      const at = { host: local.address, port: local.port };
      const late = () => reject(migrationError("nothing came back from there"));
      timer = systemClock.after(migrationTimeoutMs, late);
      void this.#ended.promise.then(late);
      try {
        this.#connection.probePath(at, to);
        this.#touch();
        await promise;
        this.#connection.migrate(at, to);
      } catch (cause) {
        paths.close(local.port);
        throw quicErrors.is(cause, "KING_QUIC_MIGRATION")
          ? cause
          : migrationError("the server has given no connection id to spare", cause);
      }
      this.local = local;
      this.#touch();
      // What was under way to the old port may still come.
      systemClock.after(lingerMs, () => paths.close(before.port), { keepAlive: false });
    } finally {
      timer?.cancel();
      this.#probe = undefined;
    }
  }

  /** quiche keeps the last one, and does not tell. */
  #lookForTicket(): void {
    const { onTicket } = this.#options;
    if (onTicket === undefined) return;
    const ticket = this.#connection.session();
    if (ticket === null || (this.#ticket && Buffer.compare(ticket, this.#ticket) === 0)) return;
    this.#ticket = ticket;
    onTicket(ticket);
  }

  #advanceDatagrams(): void {
    for (;;) {
      const datagram = this.#connection.dgramRecvVec();
      if (datagram === null) return;
      this.events?.onDatagram(datagram);
    }
  }

  #advanceStreams(): void {
    for (const id of this.#connection.writable()) this.#streams.get(id)?.onWritable();
    // quiche gives them as they come to its mind; ids are in the peer's order.
    for (const id of [...this.#connection.readable()].sort((a, b) => a - b)) {
      let stream = this.#streams.get(id);
      if (stream === undefined) {
        if (streamIdFacts(id).openedBy === this.role) continue;
        stream = this.#add(id);
        this.events?.onStream(stream);
        stream.onWritable();
      }
      stream.onReadable();
    }
    this.#forget();
    this.events?.onRoom();
  }

  #add(id: number): MatrixStream {
    const { Shutdown } = this.#native;
    const stream = new MatrixStream(id, this.#connection, Shutdown, {
      touch: () => this.#touch(),
      flush: () => this.#flush(),
    });
    this.#streams.set(id, stream);
    return stream;
  }

  /** Forgets the streams that quiche has forgotten. */
  #forget(): void {
    let unsent = false;
    for (const [id, stream] of this.#streams) {
      if (!stream.sent) continue;
      if (stream.gone) this.#streams.delete(id);
      else if (!stream.broken) unsent = true;
    }
    if (!unsent) this.#delivered?.resolve();
  }

  /** Goes on in the next turn: with all packets that have come and all that was written until then. */
  #touch(): void {
    if (this.#touched || this.#over) return;
    this.#touched = true;
    setImmediate(() => {
      this.#touched = false;
      this.#advance();
    });
  }

  #send(): ReturnType<NativeConnection["send"]> {
    try {
      return this.#connection.send(this.#packet);
    } catch (error) {
      // The handshake goes on when something is sent, too, and may fail there: what is sent next tells the peer.
      nativeError(error);
      if (this.#connection.localError() === null) {
        this.#connection.close(false, internalError, new Uint8Array(0));
      }
      return this.#connection.send(this.#packet);
    }
  }

  #flush(): void {
    for (let sent = 0; sent < burstPackets; sent++) {
      const result = this.#send();
      if (result === null) {
        this.#arm();
        return;
      }
      const [length, { to, from }] = result;
      this.#sender.send(Uint8Array.prototype.slice.call(this.#packet, 0, length), to, from);
    }
    this.#touch();
  }

  /** Starts a timer for quiche, unless one fires early enough: it is asked again then. */
  #arm(): void {
    const waitMs = this.#connection.timeout();
    if (waitMs === null) return;
    const at = systemClock.monotonic() + waitMs;
    if (this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = systemClock.after(Math.ceil(waitMs), () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#connection.onTimeout();
      this.#advance();
    });
  }

  #reportEnd(): void {
    if (this.#closed) return;
    this.#closed = true;
    // What came before the end is given to those who want it.
    for (const stream of this.#streams.values()) stream.onConnectionEnd();
    const end = this.#end();
    this.#endedByPeer = true;
    if (!this.#ready) {
      this.#leaveHandshake(end);
      return;
    }
    this.events?.onEnd(end);
    this.#delivered?.resolve();
  }

  #end(): ConnectionEnd {
    if (this.#connection.isTimedOut()) return { by: "network", error: idleError() };
    const { isApp, errorCode, reason } = this.#connection.peerError() ?? {};
    if (errorCode === undefined) {
      const local = this.#connection.localError();
      return { by: "network", error: transportError(local?.errorCode ?? 0) };
    }
    const text = new TextDecoder().decode(reason);
    return {
      by: "peer",
      code: errorCode,
      reason: text,
      ...(isApp || errorCode === 0 ? {} : { error: transportError(errorCode) }),
    };
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#handshakeTimer.cancel();
    this.#streams.clear();
    this.#ended.resolve();
    this.#sender.release();
  }

  /**
   * The socket is about to go: nobody waits for what a peer may still send that has not completed its handshake, which
   * without a round trip that was measured would take seconds (RFC 9000, section 10.2).
   */
  abandonHandshake(): void {
    if (!this.#ready) this.#finish();
  }

  openStream(direction: "both" | "send"): MatrixStream | undefined {
    const id = this.#ids.peek(direction);
    try {
      // Sends nothing, but makes the stream.
      this.#connection.streamSend(id, new Uint8Array(0), false);
    } catch (error) {
      if (nativeError(error).name === "StreamLimit") return undefined;
      throw error;
    }
    return this.#add(this.#ids.take(direction));
  }

  get tls(): TlsFacts {
    const { verifiesPeer, serverName } = this.#options;
    const alpn = new TextDecoder().decode(this.#connection.applicationProto());
    const [shown] = this.#connection.peerCertChain() ?? [];
    return tlsFacts({
      alpn: alpn === "" ? undefined : alpn,
      serverName: serverName ?? this.#connection.serverName() ?? undefined,
      peerVerified: verifiesPeer,
      resumed: this.#connection.isResumed(),
      peer: verifiesPeer && shown !== undefined ? new X509Certificate(shown) : undefined,
    });
  }

  ping(): void {
    this.#connection.sendAckEliciting();
    this.#touch();
  }

  get maxDatagramBytes(): number {
    return this.#connection.dgramMaxWritableLen() ?? 0;
  }

  sendDatagram(datagram: Uint8Array): boolean {
    const isTaken = this.#connection.dgramSend(datagram) !== null;
    this.#touch();
    return isTaken;
  }

  async delivered(): Promise<void> {
    await this.early?.handshake.catch(() => undefined);
    this.#delivered ??= Promise.withResolvers();
    const { promise, resolve } = this.#delivered;
    if (this.#closed) resolve();
    else this.#forget();
    const watch = this.#watchSilence(resolve);
    await promise;
    watch.cancel();
  }

  /**
   * quiche keeps a stream that nobody reads here when the peer's end of it comes after the last
   * acknowledgement. What is not acknowledged it sends again: when no packet comes or goes, all is.
   */
  #watchSilence(onSilence: () => void): Timer {
    const until = systemClock.monotonic() + longestDeliveryMs;
    let last = -1;
    let quiet = 0;
    return systemClock.every(lookMs, () => {
      const { sent, recv } = this.#connection.stats();
      quiet = sent + recv === last ? quiet + 1 : 0;
      last = sent + recv;
      const enough = quietLooks + Math.ceil((4 * (this.stats().roundTripMs ?? 0)) / lookMs);
      if (quiet >= enough || systemClock.monotonic() > until) onSilence();
    });
  }

  /** quiche repeats the close for three round trips; nobody waits for that. */
  async close(code: number, reason: string): Promise<void> {
    // The peer's own end has nothing to be repeated.
    if (this.#endedByPeer) this.#finish();
    if (this.#closed) return;
    this.#closed = true;
    const ready = this.#ready;
    this.#connection.close(ready, code, new TextEncoder().encode(reason));
    if (!ready) {
      this.#handshakeTimer.cancel();
      if (this.early === undefined) this.#onReady({ by: "network" });
      else this.early.fail(connectionClosed());
    }
    this.#flush();
    if (this.#connection.isClosed()) this.#finish();
    this.#delivered?.resolve();
  }

  stats(): ConnectionStats {
    const { sentBytes, recvBytes, sent, recv, lost } = this.#connection.stats();
    const path = this.#connection.pathStats().find(({ active }) => active);
    return {
      wireBytesSent: sentBytes,
      wireBytesReceived: recvBytes,
      packetsSent: sent,
      packetsReceived: recv,
      packetsLost: lost,
      ...(path === undefined ? {} : { roundTripMs: path.rtt, congestionWindowBytes: path.cwnd }),
    };
  }
}
