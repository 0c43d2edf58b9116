import type { Duplex } from "node:stream";
import {
  abortedHere,
  type Clock,
  type Closable,
  type Closed,
  type CloseOptions,
  type Endpoint,
  type LifeState,
  Lifetime,
} from "@king-runtime/core";
import type WebSocket from "ws";
import type { Channels } from "./channels.ts";
import { checkClose, closeCodeOfFault } from "./close-code.ts";
import type { RealtimeSettings } from "./config.ts";
import type { RealtimeDiagnostics } from "./diagnostics.ts";
import { realtimeErrors } from "./errors.ts";
import { encodeFrame } from "./frame.ts";
import { Inbox } from "./inbox.ts";
import type { Message } from "./message.ts";
import { SendBuffer } from "./send-buffer.ts";
import type { RealtimeTelemetry } from "./telemetry.ts";

/** How a connection ended. */
export interface ConnectionClosed extends Closed {
  /** The close code (RFC 6455, section 7.4); 1005: closed without one, 1006: broken without a close. */
  readonly code: number;
}

/** One WebSocket. Messages to it arrive in the order they were sent or published. */
export interface Connection extends Closable<ConnectionClosed> {
  readonly remote?: Endpoint;
  /** Channels it is in. */
  readonly channels: Iterable<string> & { readonly size: number };
  /** Bytes that wait for this peer, bookkeeping of waiting messages included. */
  readonly bufferedBytes: number;
  /**
   * Sends one message to this connection alone. A peer that reads so slowly that `maxSendBufferBytes`
   * is exceeded is closed with 1013 instead; what was taken before still reaches it in order.
   *
   * @returns whether the message was taken: not when the connection is closing or closed.
   * @throws {KingError} KING_REALTIME_MESSAGE_TOO_LARGE
   */
  send(message: Message): boolean;
  /** Resolves when nothing waits for this peer, or when the connection has ended. */
  drained(): Promise<void>;
  /**
   * Receives what is published to `channel` from now on; `false` when it did before, or is closing.
   *
   * @throws {KingError} KING_REALTIME_CHANNEL_INVALID, KING_REALTIME_CHANNEL_LIMIT
   */
  join(channel: string): boolean;
  /** Whether it was in the channel. */
  leave(channel: string): boolean;
  /**
   * Closes with `code` (1000 by default) and `reason`, after what was sent before.
   *
   * @throws {KingError} KING_REALTIME_CLOSE_INVALID
   */
  close(options?: CloseOptions): Promise<void>;
}

/** Takes one message of a connection; the next one waits for the promise it returns. */
export type MessageHandler = (connection: Connection, message: Message) => void | Promise<void>;

/** Greets a connection; a promise that it returns is waited for. */
export type OpenHandler =
  | ((connection: Connection) => void)
  | ((connection: Connection) => Promise<void>);

/** What a connection shares with its realtime. */
export interface ConnectionContext {
  readonly settings: RealtimeSettings;
  readonly clock: Clock;
  readonly channels: Channels<Connection>;
  readonly telemetry: RealtimeTelemetry;
  readonly diagnostics: RealtimeDiagnostics;
}

/** A `ws` socket and the duplex below it, on which whole frames are written past `ws`. */
export interface OpenedSocket {
  readonly socket: WebSocket;
  readonly duplex: Duplex;
  readonly remote?: Endpoint;
}

const abnormal = 1006;

/**
 * Frames go to the duplex directly, encoded once for all who receive them. That is in order with the
 * ping, pong and close frames of `ws`: it writes those at once too, having nothing of its own to
 * compress or to queue, and nothing is written here once the closing handshake has begun.
 */
export class OpenConnection extends Lifetime<ConnectionClosed> implements Connection {
  protected override readonly kind = "connection";
  readonly remote?: Endpoint;
  readonly #context: ConnectionContext;
  readonly #socket: WebSocket;
  readonly #duplex: Duplex;
  readonly #sendBuffer: SendBuffer;
  readonly #inbox: Inbox;
  #sentCode: number | undefined;
  #sentReason = "";
  #closedHere = false;
  #aborted: unknown;
  /** Heartbeats since the peer was last heard. */
  #silentBeats = 0;
  /** Answers to pings that wait for the peer to read. */
  #pendingPongs = 0;

  constructor(
    opened: OpenedSocket,
    context: ConnectionContext,
    onMessage: MessageHandler | undefined,
  ) {
    super();
    const { socket, duplex } = opened;
    this.#context = context;
    this.#socket = socket;
    this.#duplex = duplex;
    if (opened.remote !== undefined) this.remote = opened.remote;
    this.#sendBuffer = new SendBuffer(duplex, context.settings.maxSendBufferBytes);
    this.#inbox = new Inbox(
      socket,
      (message) => (onMessage === undefined ? this.#refuseMessage() : onMessage(this, message)),
      (error) => this.#fail(error),
    );
    duplex.on("data", () => {
      this.#silentBeats = 0;
    });
    socket.on("message", (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.on("ping", (payload) => this.#answerPing(payload));
    socket.on("error", (error) => this.#onFault(error));
    socket.on("close", (code, reason) => this.#onClose(code, reason));
  }

  protected override get clock(): Clock {
    return this.#context.clock;
  }

  get state(): LifeState {
    if (this.ended !== undefined) return "closed";
    return this.#isOpen ? "open" : "draining";
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN && this.#sentCode === undefined;
  }

  get channels(): Iterable<string> & { readonly size: number } {
    return this.#context.channels.channelsOf(this);
  }

  get bufferedBytes(): number {
    return Math.round(this.#sendBuffer.heldBytes);
  }

  send(message: Message): boolean {
    const frame = encodeFrame(message);
    checkFrame(frame, this.#context.settings.maxSendBufferBytes);
    const taken = this.write(frame);
    if (taken) this.#context.telemetry.sent(1);
    return taken;
  }

  /** Sends one whole frame; never throws. Whether it was taken. */
  write(frame: Buffer): boolean {
    if (!this.#isOpen) return false;
    if (!this.#sendBuffer.admit(frame.length)) {
      this.#cutSlow();
      return false;
    }
    this.#duplex.write(frame);
    return true;
  }

  async drained(): Promise<void> {
    if (this.ended !== undefined || this.#duplex.writableLength === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    // Called in order, so that everything written before has been handed to the system by then.
    this.#duplex.write("", () => resolve());
    await Promise.race([promise, this.closed]);
  }

  join(channel: string): boolean {
    this.#context.channels.checkName(channel);
    return this.#isOpen && this.#context.channels.join(this, channel);
  }

  leave(channel: string): boolean {
    return this.#context.channels.leave(this, channel);
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    checkClose(options.code, options.reason);
    await super.close(options);
  }

  protected override beginClose({ code = 1000, reason = "" }: CloseOptions): void {
    if (this.#isOpen) this.#closedHere = true;
    this.#sentCode ??= code;
    this.#sentReason ||= reason;
    this.#context.channels.leaveAll(this);
    this.#socket.close(code, reason);
    this.#inbox.release();
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined) return;
    this.#aborted ??= reason ?? abortedHere("connection");
    this.#closedHere = true;
    this.#context.channels.leaveAll(this);
    this.#socket.terminate();
  }

  /** One beat of the heart: pings a peer that was silent, and cuts one that stayed silent. */
  beat(): void {
    // While the application works on a message nothing is read, so silence says nothing.
    if (this.#socket.isPaused) return;
    this.#silentBeats++;
    if (this.#silentBeats === 2 && this.#socket.readyState === this.#socket.OPEN) {
      this.#socket.ping();
    } else if (this.#silentBeats > 2) {
      this.#context.channels.leaveAll(this);
      this.#socket.terminate();
    }
  }

  /** Runs what the application does when a connection opens, and then joins `channels`. */
  greet(onOpen: OpenHandler | undefined, channels: Iterable<string>): void {
    this.#inbox.begin(
      () => onOpen?.(this),
      () => {
        for (const channel of channels) this.join(channel);
      },
    );
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#sentCode !== undefined) return;
    this.#context.telemetry.received();
    this.#inbox.push(isBinary ? data : data.toString("utf8"));
  }

  #refuseMessage(): void {
    void this.close({ code: 1003, reason: "this endpoint takes no messages" });
  }

  /** A ping costs its sender nothing, so answers are held for as long as there are few of them. */
  #answerPing(payload: Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const { maxPendingPongs } = this.#context.settings;
    if (this.#pendingPongs >= maxPendingPongs) {
      this.abort(
        new Error(
          `expected a peer that reads answers to its pings, got more than maxPendingPongs (${maxPendingPongs})`,
        ),
      );
      return;
    }
    this.#pendingPongs++;
    this.#socket.pong(payload, false, () => {
      this.#pendingPongs--;
    });
  }

  #cutSlow(): void {
    this.#context.diagnostics.slow({ connection: this, bufferedBytes: this.bufferedBytes });
    void this.close({ code: 1013, reason: "slow consumer" });
  }

  /** The application's own failure: the peer learns that there was one, and no more. */
  #fail(error: unknown): void {
    this.#context.diagnostics.error({ connection: this, error });
    void this.close({ code: 1011, reason: "internal error" });
  }

  /** `ws` found a fault in what came, and closes with the code that says so. */
  #onFault(error: Error & { code?: string }): void {
    this.#sentCode ??= closeCodeOfFault(error.code);
    this.#aborted ??= error;
    this.#context.channels.leaveAll(this);
  }

  #onClose(code: number, reason: Buffer): void {
    const { channels, diagnostics, telemetry } = this.#context;
    channels.leaveAll(this);
    this.#inbox.end();
    const finished = code !== abnormal;
    const error = this.#aborted instanceof Error ? this.#aborted : undefined;
    const closed: ConnectionClosed = {
      by: this.#closedHere || error !== undefined ? "local" : finished ? "peer" : "network",
      clean: finished && error === undefined,
      // What we closed with says more than what the peer made of it.
      code: this.#sentCode ?? code,
      reason: this.#sentCode === undefined ? reason.toString("utf8") : this.#sentReason,
      ...(error !== undefined && { error }),
    };
    telemetry.closed(closed.code);
    this.finish(closed);
    diagnostics.close({ connection: this, closed });
  }
}

/** @throws {KingError} KING_REALTIME_MESSAGE_TOO_LARGE when no connection could ever take it. */
export function checkFrame(frame: Buffer, limitBytes: number): void {
  if (frame.length <= limitBytes) return;
  throw realtimeErrors.create(
    "KING_REALTIME_MESSAGE_TOO_LARGE",
    `expected a message of less than maxSendBufferBytes (${limitBytes}), got a frame of ${frame.length} bytes`,
    { limitBytes, messageBytes: frame.length },
  );
}
