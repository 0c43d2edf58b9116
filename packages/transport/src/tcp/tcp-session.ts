import type { Socket } from "node:net";
import {
  abortedHere,
  BaseSession,
  type Clock,
  KingError,
  type Session,
  type SessionStats,
  type Stream,
  type StreamClosed,
} from "@king-runtime/core";
import { netErrors } from "../net-errors.ts";
import { socketFacts } from "../socket-facts.ts";
import { TcpStream } from "./tcp-stream.ts";

/** A TCP connection, with or without TLS, and the bytes on it. */
export interface TcpSession extends Session {
  readonly protocol: "tcp";
  /**
   * The bytes both ways. It ends with the session, and the session with it. It counts as opened once it
   * was asked for; bytes for a session that is closed before are discarded.
   */
  readonly stream: Stream;
  /**
   * Fires when the session is to come to an end: `close` was called, its listener closes, or it is over.
   * TCP has no words for that, so whoever serves the session says so in those of his protocol, and ends.
   */
  readonly draining: AbortSignal;
}

/** What a {@link NodeTcpSession} is made of; validated before. */
export interface TcpSessionOptions {
  readonly maxWriteBufferBytes: number;
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
}

/** A session over a connected socket of node's. */
export class NodeTcpSession extends BaseSession implements TcpSession {
  override readonly protocol = "tcp";
  override readonly role: "client" | "server";
  readonly #options: TcpSessionOptions;
  readonly #wire: Socket;
  readonly #socket: Socket;
  readonly #stream: TcpStream;
  #taken = false;
  #draining: AbortController | undefined;
  #drains = false;
  #aborted: unknown;
  #isIdle = false;
  #idleMs = 0;
  #moved = 0;
  /** Told of the end, at no cost of a promise. */
  onEnd: ((session: this) => void) | undefined;

  /**
   * @param socket the connection, which may be half-open, or TLS over it.
   * @param wire the TCP connection.
   */
  constructor(role: "client" | "server", socket: Socket, wire: Socket, options: TcpSessionOptions) {
    super();
    this.role = role;
    this.#options = options;
    this.#wire = wire;
    this.#socket = socket;
    Object.assign(this, socketFacts(socket));
    this.#stream = new TcpStream(socket, wire, options, (info) => this.#onStreamEnd(info));
  }

  protected override get clock() {
    return this.#options.clock;
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.closing ? "draining" : "open";
  }

  get stream(): Stream {
    this.#taken = true;
    return this.#stream;
  }

  get draining(): AbortSignal {
    this.#draining ??= new AbortController();
    if (this.#drains || this.ended !== undefined) this.#draining.abort();
    return this.#draining.signal;
  }

  /** Ends nothing yet, but tells whoever serves the session that the end comes. */
  windDown(): void {
    this.#drains = true;
    this.#draining?.abort();
  }

  get streamsActive(): number {
    return this.#taken && this.ended === undefined ? 1 : 0;
  }

  stats(): SessionStats {
    return {
      // Of the connection below TLS.
      wireBytesSent: this.#wire.bytesWritten,
      wireBytesReceived: this.#wire.bytesRead,
      streamsOpened: this.#taken ? 1 : 0,
      streamsActive: this.streamsActive,
    };
  }

  protected override beginClose(): void {
    this.windDown();
    // The deadline is the session's: the stream has none of its own.
    void this.#stream.close({ deadlineMs: Number.POSITIVE_INFINITY });
  }

  abort(reason: unknown = abortedHere("session")): void {
    if (this.ended !== undefined) return;
    this.#aborted ??= reason;
    this.#stream.abort(reason);
  }

  /** Whether `failure` of who serves the session is but what comes of its end. */
  explains(failure: unknown): boolean {
    if (this.#aborted !== undefined && failure === this.#aborted) return true;
    return this.#socket.destroyed && KingError.is(failure, "KING_STREAM_RESET");
  }

  /** Another `tickMs` went by. */
  sweep(tickMs: number): void {
    const socket = this.#socket;
    // What waits for the peer has not moved.
    const moved = socket.bytesRead + socket.bytesWritten - socket.writableLength;
    this.#idleMs = moved === this.#moved ? this.#idleMs + tickMs : 0;
    this.#moved = moved;
    const { idleTimeoutMs: timeoutMs } = this.#options;
    if (this.#idleMs < timeoutMs || this.ended !== undefined) return;
    this.#isIdle = true;
    this.abort(
      netErrors.create(
        "KING_NET_IDLE",
        `the session: expected a byte within idleTimeoutMs (${timeoutMs})`,
        { timeoutMs },
      ),
    );
  }

  #onStreamEnd({ by, clean, error }: StreamClosed): void {
    const failure = this.#aborted ?? error;
    this.finish({
      by: this.#isIdle ? "network" : this.closing ? "local" : by,
      clean,
      streamsAborted: this.#taken && !clean ? 1 : 0,
      ...(failure instanceof Error ? { error: failure } : {}),
    });
    this.windDown();
    this.onEnd?.(this);
  }
}
