import type { Endpoint, SessionStats, StreamCapability, TlsFacts } from "@king-runtime/core";

/** What an engine tells the owner of a stream. */
export interface StreamEvents {
  /** Whether more received bytes are welcome; engines that can leave the rest with the peer. */
  readonly wantsBytes: boolean;
  onBytes(chunk: Uint8Array): void;
  /** The peer ended its direction; no byte is missing. */
  onEnd(): void;
  /** The peer broke its direction off. */
  onReset(code: number): void;
  /** The peer takes no more bytes. */
  onStopped(code: number): void;
  /** The engine cannot go on with the stream. */
  onFailure(error: Error): void;
}

/** One stream of an engine, as `QuicStream` drives it. */
export interface EngineStream {
  readonly id: number;
  /** Whether the engine may look at a chunk's memory after it was `taken`. */
  readonly holdsChunks: boolean;
  /** Where its events go; set before anything else is called. */
  events: StreamEvents | undefined;
  /**
   * Sends a chunk, which may be empty when it is the last. `taken` is called once the engine wants
   * the next one, not when the peer has it; there is one chunk at a time.
   */
  send(chunk: Uint8Array, last: boolean, taken: () => void): void;
  /** Breaks both directions off. */
  reset(code: number): void;
  /** Takes no more input: tells the peer where the engine can, and discards otherwise. */
  stopReading(code: number): void;
  /** {@link StreamEvents.wantsBytes} has become true. */
  resume(): void;
}

/** How an engine's connection ended, other than by our own `close`. */
export interface ConnectionEnd {
  readonly by: "peer" | "network";
  readonly code?: number;
  readonly reason?: string;
  readonly error?: Error;
}

/** What an engine tells the owner of a connection. */
export interface ConnectionEvents {
  /** A stream that the peer opened; its `events` are to be set before this returns. */
  onStream(stream: EngineStream): void;
  /** Streams may be open to the peer's limit no longer. */
  onRoom(): void;
  onDatagram(datagram: Uint8Array): void;
  onEnd(end: ConnectionEnd): void;
}

/** Numbers of a connection; what an engine does not know is absent. */
export type ConnectionStats = Omit<
  SessionStats,
  "streamsOpened" | "streamsActive" | "datagramsSent" | "datagramsReceived" | "datagramsDropped"
>;

/** What an engine tells of a handshake that goes on while streams are used. */
export interface EarlyHandshake {
  readonly state: "pending" | "accepted" | "rejected";
  readonly handshake: Promise<void>;
}

/** A connection of an engine, its handshake complete unless `early` says otherwise, as `QuicSession` drives it. */
export interface EngineConnection {
  readonly role: "client" | "server";
  /** Changes when the connection migrates. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly tls: TlsFacts;
  /** Present where its handshake was not complete when it was told of. */
  readonly early?: EarlyHandshake | undefined;
  /** Of its streams and itself. */
  readonly capabilities: ReadonlySet<StreamCapability>;
  /** Largest code that a stream can be broken off with. */
  readonly largestCode: number;
  events: ConnectionEvents | undefined;
  /** What a datagram may have at present; 0 when the peer takes none. */
  readonly maxDatagramBytes: number;
  /** Hands a datagram to the engine, which does not look at its memory later; `false` when it takes none now. */
  sendDatagram(datagram: Uint8Array): boolean;
  /** `undefined` when the peer allows no more streams of this direction now. */
  openStream(direction: "both" | "send"): EngineStream | undefined;
  /**
   * Resolves when what streams have sent has reached the peer, as far as the engine can tell: the
   * end of a connection overtakes what is under way (RFC 9000, section 10.2). Also when it ends first.
   */
  delivered(): Promise<void>;
  /** Goes on from another port; `undefined` where the engine, or this side, cannot. */
  readonly migrate: (() => Promise<void>) | undefined;
  /** Sends a packet that the peer acknowledges (RFC 9000, section 10.1.2). */
  ping(): void;
  /** Ends the connection at once (RFC 9000, section 10.2); resolves when the engine has let go of it. */
  close(code: number, reason: string): Promise<void>;
  stats(): ConnectionStats;
}
