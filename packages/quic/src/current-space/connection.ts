import {
  type Endpoint,
  type StreamCapability,
  systemClock,
  type TlsFacts,
} from "@king-runtime/core";
import { smallCode } from "../codes.ts";
import type {
  ConnectionEnd,
  ConnectionEvents,
  ConnectionStats,
  EngineConnection,
} from "../engine-connection.ts";
import { StreamIds, streamIdFacts } from "../stream-id.ts";
import { idleError, isCertificateAlert, transportError } from "../tls-alert.ts";
import type { NativeSession, NativeStream } from "./native.ts";
import { CurrentSpaceStream } from "./stream.ts";

const capabilities: ReadonlySet<StreamCapability> = new Set([
  "half-close",
  "reset-code",
  "multiplexing",
  "unidirectional",
  "datagrams",
]);

/**
 * What a packet has beside the bytes of a datagram: a short header with a connection id of 20 bytes and a number of 4,
 * the frame's type and length, and the tag (RFC 9000, section 17.3; RFC 9221, section 4).
 */
const packetOverhead = 44;

/** How often is looked whether packets still come and go. */
const lookMs = 5;
/** So many looks without a packet count as silence, at least. */
const quietLooks = 3;
/** No silence is waited for longer. */
const longestDeliveryMs = 5_000;

/** Options of {@link CurrentSpaceConnection}. */
export interface CurrentSpaceConnectionOptions {
  readonly native: NativeSession;
  readonly role: "client" | "server";
  /** Known when a client is connected, at the latest. */
  readonly local: () => Endpoint;
  readonly remote: Endpoint;
  /** Known when the handshake is complete. */
  readonly tls: () => TlsFacts;
}

/** A connection of the engine, which runs in threads of its own. */
export class CurrentSpaceConnection implements EngineConnection {
  readonly role: "client" | "server";
  readonly remote: Endpoint;
  readonly capabilities = capabilities;
  readonly largestCode = smallCode;
  readonly migrate = undefined;
  readonly #local: () => Endpoint;
  readonly #tls: () => TlsFacts;
  #events: ConnectionEvents | undefined;
  /** Streams that came while nobody was told of them: a server's may be there before a client knows that it is connected. */
  #untold: NativeStream[] = [];
  #end: { errorCode: number; reason: string } | undefined;
  readonly #native: NativeSession;
  readonly #ids: StreamIds;
  readonly #streams = new Map<number, CurrentSpaceStream>();
  readonly #create: (id: number) => NativeStream;
  #closing = false;
  #used = false;
  #heard = false;
  readonly #ended = Promise.withResolvers<void>();
  #over = false;
  #stats: ConnectionStats = {};

  constructor(options: CurrentSpaceConnectionOptions) {
    const { native } = options;
    this.#native = native;
    this.role = options.role;
    this.#local = options.local;
    this.#tls = options.tls;
    this.remote = options.remote;
    this.#ids = new StreamIds(options.role);
    this.#create = native._getOrCreateStream.bind(native);
    native._getOrCreateStream = (id) => this.#find(id);
    native.on("stream", (stream: NativeStream) => this.#onStream(stream));
    native.on("datagram", (datagram: Uint8Array) => this.#events?.onDatagram(datagram));
    native.on("close", (info: { errorCode: number; reason: string }) => this.#onClose(info));
    native.on("error", () => undefined); // its close tells the same
  }

  get local(): Endpoint {
    return this.#local();
  }

  get tls(): TlsFacts {
    return this.#tls();
  }

  get events(): ConnectionEvents | undefined {
    return this.#events;
  }

  set events(events: ConnectionEvents | undefined) {
    this.#events = events;
    const untold = this.#untold;
    this.#untold = [];
    for (const stream of untold) this.#onStream(stream);
    if (this.#end !== undefined) this.#onClose(this.#end);
  }

  /** The engine's object for a stream, its bytes going our way from the first one on. */
  #find(id: number): NativeStream {
    const stream = this.#create(id);
    const ours = this.#streams.get(id);
    if (ours !== undefined) {
      this.#hook(stream);
      ours.renew(stream);
    } else if (!early.has(stream)) this.#await(stream);
    return stream;
  }

  #hook(stream: NativeStream): void {
    const { id } = stream;
    stream._pushData = (chunk) => {
      this.#heard = true;
      this.#streams.get(id)?.push(chunk);
    };
  }

  /** The engine pushes the first bytes of a stream, and tells of the stream right after. */
  #await(stream: NativeStream): void {
    const chunks: (Uint8Array | null)[] = [];
    early.set(stream, chunks);
    // It may break within the turn in which it comes up, and nobody would listen yet.
    stream.on("error", () => undefined);
    stream._pushData = (chunk) => chunks.push(chunk);
    queueMicrotask(() => {
      if (this.#untold.includes(stream) || !early.delete(stream)) return;
      // One that was over here: what still comes for it has no reader.
      stream._pushData = () => undefined;
      stream.destroy();
    });
  }

  #onStream(native: NativeStream): void {
    if (this.#events === undefined) {
      this.#untold.push(native);
      return;
    }
    const chunks = early.get(native) ?? [];
    early.delete(native);
    this.#hook(native);
    const { unidirectional } = streamIdFacts(native.id);
    const stream = this.#adopt(native, unidirectional ? "receive" : "both");
    this.#events.onStream(stream);
    for (const chunk of chunks) stream.push(chunk);
  }

  #adopt(
    native: NativeStream,
    direction: "both" | "send" | "receive",
    unchecked = false,
  ): CurrentSpaceStream {
    const { id } = native;
    const stream = new CurrentSpaceStream(native, {
      direction,
      unchecked,
      reopen: () => this.#find(id),
      onGone: () => this.#onGone(id),
    });
    this.#used = true;
    this.#streams.set(id, stream);
    this.#hook(native);
    return stream;
  }

  #onGone(id: number): void {
    this.#streams.delete(id);
    this.#lookForRoom();
  }

  openStream(direction: "both" | "send"): CurrentSpaceStream | undefined {
    if (direction === "send") {
      const native = this.#create(this.#ids.take("send"));
      return this.#adopt(native, "send", true);
    }
    try {
      // A server's opens streams without asking the peer's limit.
      const unchecked = this.role === "server";
      return this.#adopt(this.#native.openStream() as NativeStream, "both", unchecked);
    } catch (error) {
      if (error instanceof Error && error.message.includes("StreamLimit")) {
        this.#lookForRoom();
        return undefined;
      }
      throw error;
    }
  }

  #looking = false;

  /** The engine does not tell when the peer allows more streams: who waits asks again. */
  #lookForRoom(): void {
    if (this.#looking) return;
    this.#looking = true;
    systemClock.after(
      lookMs,
      () => {
        this.#looking = false;
        if (!this.#over) this.#events?.onRoom();
      },
      { keepAlive: false },
    );
  }

  ping(): void {
    if (!this.#over && !this.#closing) this.#native.ping();
  }

  /** The engine does not tell whether the peer takes any: then it takes none of ours. */
  get maxDatagramBytes(): number {
    // The engine's types do not say so.
    const metrics = this.#native.getMetrics() as { readonly pmtu?: number } | null;
    return Math.max(0, (metrics?.pmtu ?? 0) - packetOverhead);
  }

  sendDatagram(datagram: Uint8Array): boolean {
    return this.#native.sendDatagram(datagram);
  }

  #onClose(end: { errorCode: number; reason: string }): void {
    if (this.#over) return;
    if (this.#events === undefined && !this.#closing) {
      this.#end = end;
      return;
    }
    const { errorCode, reason } = end;
    this.#over = true;
    for (const stream of this.#streams.values()) stream.release();
    this.#ended.resolve();
    if (this.#closing) return;
    const refused = this.role === "client" && !this.#heard && isCertificateAlert(errorCode);
    this.#events?.onEnd(
      refused
        ? { by: "peer", code: errorCode, error: transportError(errorCode) }
        : connectionEnd(errorCode, reason),
    );
  }

  async delivered(): Promise<void> {
    if (!this.#used) return;
    const until = systemClock.monotonic() + longestDeliveryMs;
    let last = "";
    let quiet = 0;
    while (
      !this.#over &&
      quiet < quietLooks + this.#quietLooksMore() &&
      systemClock.monotonic() < until
    ) {
      await pause(lookMs);
      const { packetsIn, packetsOut } = this.#native.getMetrics() ?? {};
      const now = `${packetsIn} ${packetsOut}`;
      const proven = [...this.#streams.values()].every((stream) => !stream.unproven);
      quiet = proven && now === last ? quiet + 1 : 0;
      last = now;
    }
  }

  /** What is lost is sent again after about two round trips. */
  #quietLooksMore(): number {
    return Math.ceil((3 * (this.stats().roundTripMs ?? 0)) / lookMs);
  }

  async close(code: number, reason: string): Promise<void> {
    if (this.#over || this.#closing) return;
    this.stats();
    this.#closing = true;
    await this.#native.close(code, reason);
    // A server's session tells by its event.
    if (this.role === "server") await this.#ended.promise;
    this.#over = true;
  }

  stats(): ConnectionStats {
    const metrics = this.#over || this.#closing ? null : this.#native.getMetrics();
    if (metrics !== null) {
      const { bytesIn, bytesOut, packetsIn, packetsOut, rttMs, cwnd } = metrics;
      this.#stats = {
        wireBytesSent: bytesOut,
        wireBytesReceived: bytesIn,
        packetsSent: packetsOut,
        packetsReceived: packetsIn,
        roundTripMs: rttMs,
        congestionWindowBytes: cwnd,
      };
    }
    return this.#stats;
  }
}

/** Bytes that came with a stream before the engine told of it. */
const early = new WeakMap<NativeStream, (Uint8Array | null)[]>();

const pause = (ms: number) => new Promise<void>((resolve) => systemClock.after(ms, resolve));

/**
 * The engine tells a code and a text, not who, nor which layer: its own ends have a text that no peer's has. A client
 * hears of its certificate only when it takes the handshake for complete (RFC 8446, section 4.4): a code of such an
 * alert, before anything else came, is taken for one.
 */
function connectionEnd(code: number, reason: string): ConnectionEnd {
  if (code === 0 && reason === "idle timeout") return { by: "network", error: idleError() };
  return { by: "peer", code, reason };
}
