import type { Duplex } from "node:stream";
import {
  abortedHere,
  type Clock,
  type Closable,
  type Closed,
  type CloseOptions,
  type LifeState,
  Lifetime,
} from "@king-runtime/core";
import type WebSocket from "ws";
import { checkClose, closeCodeOfFault } from "./close-code.ts";
import { CoalescedWriter, type Turn } from "./coalesced-writer.ts";
import type { RealtimeSettings } from "./config.ts";
import { realtimeErrors } from "./errors.ts";
import { Inbox } from "./inbox.ts";
import type { Message } from "./message.ts";
import { Pings } from "./pings.ts";
import { SendBuffer } from "./send-buffer.ts";

/** How a connection ended. */
export interface ConnectionClosed extends Closed {
  /** The close code (RFC 6455, section 7.4); 1005: closed without one, 1006: broken without a close. */
  readonly code: number;
}

/** One WebSocket, seen from either side. */
export interface WebSocketConnection extends Closable<ConnectionClosed> {
  /** Bytes that wait for this peer, bookkeeping of waiting messages included. */
  readonly bufferedBytes: number;
  /** Resolves when nothing waits for this peer, or when the connection has ended. */
  drained(): Promise<void>;
  /**
   * Pings the peer (RFC 6455, section 5.5.2). Calls made while an answer is awaited share it.
   *
   * @returns how long the answer took, in milliseconds.
   * @throws {KingError} KING_REALTIME_CONNECTION_ENDED when the connection ends, or is closing, before it.
   */
  ping(): Promise<number>;
  /**
   * Closes with `code` (1000 by default) and `reason`, after what was sent before.
   *
   * @throws {KingError} KING_REALTIME_CLOSE_INVALID
   */
  close(options?: CloseOptions): Promise<void>;
}

/** What governs a connection of either role. */
export type ConnectionSettings = Pick<
  RealtimeSettings,
  "maxPendingPongs" | "maxSendBufferBytes" | "heartbeatIntervalMs"
>;

/** A `ws` socket and the duplex below it, on which whole frames are written past `ws`. */
export interface OpenedSocket {
  readonly socket: WebSocket;
  readonly duplex: Duplex;
}

/** What connections of one owner share. */
export interface SharedParts {
  readonly settings: ConnectionSettings;
  readonly clock: Clock;
  readonly turn: Turn;
}

const abnormal = 1006;

/**
 * Frames go to the duplex directly. That is in order with the ping, pong and close frames of `ws`: it
 * writes those at once too, having nothing of its own to compress or to queue, and nothing is written
 * here once the closing handshake has begun.
 */
export abstract class SocketConnection
  extends Lifetime<ConnectionClosed>
  implements WebSocketConnection
{
  protected override readonly kind = "connection";
  readonly #parts: SharedParts;
  readonly #socket: WebSocket;
  readonly #duplex: Duplex;
  readonly #sendBuffer: SendBuffer;
  readonly #writer: CoalescedWriter;
  readonly #pings: Pings;
  protected readonly inbox: Inbox;
  #sentCode: number | undefined;
  #sentReason = "";
  #closedHere = false;
  #aborted: unknown;
  #broken: Error | undefined;
  /** Heartbeats since the peer was last heard. */
  #silentBeats = 0;
  /** Answers to pings that wait for the peer to read. */
  #pendingPongs = 0;

  constructor({ socket, duplex }: OpenedSocket, parts: SharedParts) {
    super();
    this.#parts = parts;
    this.#socket = socket;
    this.#duplex = duplex;
    this.#sendBuffer = new SendBuffer(duplex, parts.settings.maxSendBufferBytes);
    this.#writer = new CoalescedWriter(duplex, parts.turn);
    this.#pings = new Pings(parts.clock, (payload) => socket.ping(payload));
    this.inbox = new Inbox(
      socket,
      (message) => this.handle(message),
      (error) => this.#fail(error),
    );
    duplex.on("data", () => {
      this.#silentBeats = 0;
    });
    duplex.once("error", (error) => {
      this.#broken = error;
    });
    socket.on("message", (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.on("ping", (payload) => this.#answerPing(payload));
    socket.on("pong", (payload) => this.#pings.onPong(payload));
    socket.on("error", (error) => this.#onFault(error));
    socket.on("close", (code, reason) => this.#onClose(code, reason));
  }

  /** Takes a message; the next one waits for the promise it returns. */
  protected abstract handle(message: Message): void | Promise<void>;
  /** A message came, before it is handed over. */
  protected abstract onReceived(): void;
  /** What handles messages failed; the connection is about to close with 1011. */
  protected abstract onFailed(error: unknown): void;
  /** There is no room for a message of this many bytes. Whether it was taken is `false`. */
  protected abstract onFull(): false;
  /** The connection takes no part in anything any more, though it may not have ended yet. */
  protected abstract onLeft(): void;
  /** It is over: nothing more is read. Called once, before `closed` resolves. */
  protected abstract onOver(closed: ConnectionClosed): void;
  /** Called once, after `closed` has been settled. */
  protected onFinished(_closed: ConnectionClosed): void {}

  protected override get clock(): Clock {
    return this.#parts.clock;
  }

  get state(): LifeState {
    if (this.ended !== undefined) return "closed";
    return this.isOpen ? "open" : "draining";
  }

  protected get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN && this.#sentCode === undefined;
  }

  get bufferedBytes(): number {
    return Math.round(this.#sendBuffer.heldBytes);
  }

  /** Why the connection broke, where that is known. */
  protected get broken(): Error | undefined {
    return this.#broken;
  }

  /** Why `abort` was called, or which fault of the peer ended the connection. */
  protected set aborted(reason: unknown) {
    this.#aborted ??= reason;
  }

  /** Sends one whole frame. Whether it was taken. */
  write(frame: Buffer): boolean {
    if (!this.isOpen) return false;
    if (!this.#sendBuffer.admit(frame.length)) {
      // What waits for the end of this turn alone says nothing of the peer.
      this.#writer.flush();
      if (!this.#sendBuffer.admit(frame.length)) return this.onFull();
    }
    this.#writer.write(frame);
    return true;
  }

  async drained(): Promise<void> {
    if (this.ended !== undefined) return;
    this.#writer.flush();
    if (this.#duplex.writableLength === 0) return;
    if (this.#duplex.writableEnded) {
      await this.closed;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    // Called in order, so that everything written before has been handed to the system by then.
    this.#duplex.write("", () => resolve());
    await Promise.race([promise, this.closed]);
  }

  async ping(): Promise<number> {
    if (!this.isOpen) throw endedError(this.ended, this.#broken);
    return await this.#pings.send();
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    checkClose(options.code, options.reason);
    await super.close(options);
  }

  protected override beginClose({ code = 1000, reason = "" }: CloseOptions): void {
    if (this.isOpen) this.#closedHere = true;
    this.#sentCode ??= code;
    this.#sentReason ||= reason;
    this.onLeft();
    this.#socket.close(code, reason);
    this.inbox.release();
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined) return;
    this.#aborted ??= reason ?? abortedHere("connection");
    this.#closedHere = true;
    this.onLeft();
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
      this.onLeft();
      this.#socket.terminate();
    }
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#sentCode !== undefined) return;
    this.onReceived();
    this.inbox.push(isBinary ? data : data.toString("utf8"));
  }

  /** A ping costs its sender nothing, so answers are held for as long as there are few of them. */
  #answerPing(payload: Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const { maxPendingPongs } = this.#parts.settings;
    if (this.#pendingPongs >= maxPendingPongs) {
      this.abort(
        new Error(
          `expected a peer that reads answers to its pings, got more than maxPendingPongs (${maxPendingPongs})`,
        ),
      );
      return;
    }
    this.#pendingPongs++;
    // Masked or not as its role demands.
    this.#socket.pong(payload, undefined, () => {
      this.#pendingPongs--;
    });
  }

  /** The application's own failure: the peer learns that there was one, and no more. */
  #fail(error: unknown): void {
    this.onFailed(error);
    void this.close({ code: 1011, reason: "internal error" });
  }

  /** `ws` found a fault in what came, and closes with the code that says so. */
  #onFault(error: Error & { code?: string }): void {
    this.#sentCode ??= closeCodeOfFault(error.code);
    this.#aborted ??= error;
    this.onLeft();
  }

  #onClose(code: number, reason: Buffer): void {
    this.onLeft();
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
    this.#pings.end(endedError(closed, this.#broken));
    this.onOver(closed);
    this.finish(closed);
    this.onFinished(closed);
  }
}

/** The connection ended, or is about to, before what was waited for came. */
export function endedError(closed: ConnectionClosed | undefined, cause: Error | undefined) {
  const how = closed === undefined ? "is closing" : `ended with ${closed.code}`;
  return realtimeErrors.create(
    "KING_REALTIME_CONNECTION_ENDED",
    `expected an open connection, got one that ${how}`,
    closed === undefined ? {} : { closeCode: closed.code },
    { cause: closed?.error ?? cause },
  );
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
