import {
  abortedHere,
  BaseSession,
  type Clock,
  describeValue,
  type Endpoint,
  optionError,
  type Session,
  type SessionStats,
  streamErrors,
} from "@king-runtime/core";
import { netErrors } from "../net-errors.ts";
import { type ByteBudget, DatagramQueue } from "./datagram-queue.ts";
import { DatagramSender, type Transmit } from "./datagram-sender.ts";

/** Numbers of a UDP session; its wire bytes are those within datagrams. */
export interface UdpSessionStats extends SessionStats {
  readonly datagramsSent: number;
  readonly datagramsReceived: number;
  /** Received, and dropped: too large, too many for their reader, or too late for a session that closes. */
  readonly datagramsDropped: number;
  /** That the system refused to send. */
  readonly datagramsFailed: number;
}

/**
 * Datagrams from and to one peer. There are no streams: a datagram comes whole, late, twice or not at all,
 * and the peer is not told of an end. The session ends when nothing came or went for `idleTimeoutMs`,
 * `by: "network"` and clean. `close` takes no more datagrams, lets a loop over those that have come finish, and
 * has what was sent go to the system.
 */
export interface UdpSession extends Session, AsyncIterable<Uint8Array> {
  readonly protocol: "udp";
  /**
   * Sends `datagram`, which is not to be changed before it is sent.
   *
   * @returns `undefined`: go on. A promise: the system is slow; it settles when there is room, and rejects when
   * the session ends first. That it was sent, neither says.
   * @throws {KingError} KING_NET_FRAME_LIMIT beyond `maxDatagramBytes`; KING_STREAM_BUFFER_FULL when
   * `maxWriteBufferBytes` wait; KING_SESSION_CLOSED; KING_OPTION_INVALID.
   */
  send(datagram: Uint8Array): undefined | Promise<void>;
  /**
   * The datagrams received; ends with the session. One loop at a time (KING_STREAM_BUSY); what comes
   * between two waits for the second. After an abort it throws its reason.
   */
  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, undefined>;
  stats(): UdpSessionStats;
}

/** What a {@link NodeUdpSession} is made of; validated before. */
export interface UdpSessionOptions {
  readonly idleTimeoutMs: number;
  readonly maxDatagramBytes: number;
  readonly maxQueuedDatagrams: number;
  readonly maxWriteBufferBytes: number;
  readonly clock: Clock;
}

/** A session over a bound socket of node's. */
export class NodeUdpSession extends BaseSession implements UdpSession {
  override readonly protocol = "udp";
  override readonly role: "client" | "server";
  override readonly local: Endpoint;
  override readonly remote: Endpoint;
  readonly #options: UdpSessionOptions;
  readonly #received: DatagramQueue;
  readonly #sender: DatagramSender;
  #count = 0;
  #bytesReceived = 0;
  #refused = 0;
  #wake: (() => void) | undefined;
  #reading = false;
  #failure: { readonly reason: unknown } | undefined;
  #idleMs = 0;
  #hasMoved = true;
  /** Told of the end, at no cost of a promise. */
  onEnd: ((session: this) => void) | undefined;

  constructor(
    ends: {
      readonly role: "client" | "server";
      readonly local: Endpoint;
      readonly remote: Endpoint;
    },
    transmit: Transmit,
    options: UdpSessionOptions,
    budget: ByteBudget,
  ) {
    super();
    this.role = ends.role;
    this.local = ends.local;
    this.remote = ends.remote;
    this.#options = options;
    this.#received = new DatagramQueue(options.maxQueuedDatagrams, budget);
    this.#sender = new DatagramSender(transmit, options.maxWriteBufferBytes);
  }

  protected override get clock() {
    return this.#options.clock;
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.closing ? "draining" : "open";
  }

  /** Told of what the system refuses to send. */
  set onSendError(callback: (error: Error) => void) {
    this.#sender.onError = callback;
  }

  send(datagram: Uint8Array): undefined | Promise<void> {
    if (this.ended !== undefined) {
      throw streamErrors.create("KING_SESSION_CLOSED", "expected an open session", {});
    }
    checkDatagram(datagram, this.#options.maxDatagramBytes);
    this.#hasMoved = true;
    return this.#sender.send(datagram);
  }

  /** A datagram has come. */
  receive(datagram: Uint8Array): void {
    if (this.ended !== undefined) return;
    this.#hasMoved = true;
    this.#count++;
    this.#bytesReceived += datagram.length;
    if (this.closing || datagram.length > this.#options.maxDatagramBytes) this.#refused++;
    else {
      this.#received.push(datagram, this.#wake !== undefined);
      this.#wake?.();
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, undefined> {
    if (this.#reading) {
      throw streamErrors.create("KING_STREAM_BUSY", "expected one reader, got a second", {});
    }
    this.#reading = true;
    let isBegun = false;
    const reader = this.#read(() => {
      isBegun = true;
    });
    const { return: leave, throw: fail } = reader;
    // A generator that is left before its first step runs none of its code.
    const left = () => {
      if (!isBegun) this.#onReaderLeft();
      isBegun = true;
    };
    reader.return = (value) => {
      left();
      return leave.call(reader, value);
    };
    reader.throw = (error) => {
      left();
      return fail.call(reader, error);
    };
    return reader;
  }

  async *#read(onBegin: () => void): AsyncGenerator<Uint8Array, undefined> {
    onBegin();
    try {
      for (;;) {
        if (this.#failure !== undefined) throw this.#failure.reason;
        const datagram = this.#received.shift();
        if (datagram !== undefined) yield datagram;
        else if (this.ended !== undefined || this.closing) return undefined;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      this.#onReaderLeft();
    }
  }

  #onReaderLeft(): void {
    this.#reading = false;
    // Nobody else comes for what is left of a session that is over.
    if (this.ended !== undefined) this.#received.clear();
    else if (this.closing) this.#endWhenIdle();
  }

  stats(): UdpSessionStats {
    const { sent, sentBytes, failed } = this.#sender;
    return {
      wireBytesSent: sentBytes,
      wireBytesReceived: this.#bytesReceived,
      streamsOpened: 0,
      streamsActive: 0,
      datagramsSent: sent,
      datagramsReceived: this.#count,
      datagramsDropped: this.#refused + this.#received.dropped,
      datagramsFailed: failed,
    };
  }

  /** Another `tickMs` went by. */
  sweep(tickMs: number): void {
    this.#idleMs = this.#hasMoved ? 0 : this.#idleMs + tickMs;
    this.#hasMoved = false;
    if (this.#idleMs >= this.#options.idleTimeoutMs) this.#end("network", undefined);
  }

  protected override beginClose(): void {
    if (!this.#reading) this.#endWhenIdle();
    this.#wake?.();
  }

  /** What was sent goes to the system first. */
  #endWhenIdle(): void {
    this.#sender.whenIdle(() => this.#end("local", undefined));
  }

  abort(reason: unknown = abortedHere("session")): void {
    this.#end("local", { reason });
  }

  /** Whether the session was ended with `error`. */
  isReason(error: unknown): boolean {
    return this.#failure !== undefined && this.#failure.reason === error;
  }

  /** The socket under the session failed. */
  fail(error: Error): void {
    this.#end("network", { reason: error });
  }

  #end(by: "local" | "network", failure: { readonly reason: unknown } | undefined): void {
    if (this.ended !== undefined) return;
    this.#failure = failure;
    const clean = failure === undefined && this.#sender.queued === 0;
    this.finish({
      by,
      clean,
      streamsAborted: 0,
      ...(failure?.reason instanceof Error ? { error: failure.reason } : {}),
    });
    const over = () => streamErrors.create("KING_SESSION_CLOSED", "the session has ended", {});
    this.#sender.end(failure === undefined ? over() : failure.reason);
    // Without a reader, or after a failure, nobody will read what is left.
    if (!this.#reading || failure !== undefined) this.#received.clear();
    this.#wake?.();
    this.onEnd?.(this);
  }
}

function checkDatagram(datagram: unknown, limitBytes: number): void {
  if (!(datagram instanceof Uint8Array)) {
    throw optionError("datagram", `expected a Uint8Array, got ${describeValue(datagram)}`);
  }
  const bytes = datagram.length;
  if (bytes <= limitBytes) return;
  throw netErrors.create(
    "KING_NET_FRAME_LIMIT",
    `datagram: expected at most maxDatagramBytes (${limitBytes}), got ${bytes}`,
    { limitBytes, bytes },
  );
}
