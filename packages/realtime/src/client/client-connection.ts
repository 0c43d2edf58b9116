import type { HeaderView, Timer } from "@king-runtime/core";
import { realtimeErrors } from "../errors.ts";
import { encodeMaskedFrame } from "../frame.ts";
import type { Message } from "../message.ts";
import {
  type ConnectionClosed,
  checkFrame,
  endedError,
  type OpenedSocket,
  type SharedParts,
  SocketConnection,
  type WebSocketConnection,
} from "../web-socket-connection.ts";
import type { ClientMessageHandler } from "./connect-options.ts";
import { MessageQueue } from "./message-queue.ts";

/**
 * The client's end of a WebSocket. Without `onMessage` its messages are read by iteration, by one loop
 * at a time; what is not read makes the server wait. The loop ends when the connection has been closed,
 * after the last message that came before, and rejects with KING_REALTIME_CONNECTION_ENDED when it broke.
 */
export interface ClientConnection extends WebSocketConnection, AsyncIterable<Message, undefined> {
  /** The subprotocol that the server took; `undefined` for none. */
  readonly subprotocol: string | undefined;
  /** What the server answered the handshake with. */
  readonly headers: HeaderView;
  /**
   * Sends one message. Await {@link drained} between many.
   *
   * @returns whether the message was taken: not when the connection is closing or closed.
   * @throws {KingError} KING_REALTIME_SEND_BUFFER_FULL when `maxSendBufferBytes` wait already;
   * KING_REALTIME_MESSAGE_TOO_LARGE when it is larger than that by itself.
   */
  send(message: Message): boolean;
}

/** What a {@link ClientConnection} is made of beside its socket. */
export interface ClientConnectionParts extends SharedParts {
  readonly headers: HeaderView;
  readonly subprotocol: string | undefined;
  readonly onMessage: ClientMessageHandler | undefined;
}

export class OpenClientConnection extends SocketConnection implements ClientConnection {
  readonly headers: HeaderView;
  readonly subprotocol: string | undefined;
  readonly #limitBytes: number;
  readonly #onMessage: ClientMessageHandler | undefined;
  readonly #queue = new MessageQueue();
  readonly #heartbeat: Timer | undefined;

  constructor(opened: OpenedSocket, parts: ClientConnectionParts) {
    super(opened, parts);
    this.headers = parts.headers;
    this.subprotocol = parts.subprotocol;
    this.#onMessage = parts.onMessage;
    const { heartbeatIntervalMs, maxSendBufferBytes } = parts.settings;
    this.#limitBytes = maxSendBufferBytes;
    if (heartbeatIntervalMs !== Number.POSITIVE_INFINITY) {
      this.#heartbeat = parts.clock.every(heartbeatIntervalMs, () => this.beat(), {
        keepAlive: false,
      });
    }
  }

  send(message: Message): boolean {
    const frame = encodeMaskedFrame(message);
    checkFrame(frame, this.#limitBytes);
    return this.write(frame);
  }

  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    return this.#queue;
  }

  protected override handle(message: Message): void | Promise<void> {
    if (this.#onMessage !== undefined) return this.#onMessage(message, this);
    return this.#queue.push(message);
  }

  protected override onReceived(): void {}

  protected override onFailed(error: unknown): void {
    this.aborted = error;
  }

  protected override onFull(): false {
    throw realtimeErrors.create(
      "KING_REALTIME_SEND_BUFFER_FULL",
      `expected at most ${this.#limitBytes} bytes to wait, got ${this.bufferedBytes} already`,
      { limitBytes: this.#limitBytes },
    );
  }

  protected override onLeft(): void {}

  protected override onOver(closed: ConnectionClosed): void {
    this.#heartbeat?.cancel();
    const error = closed.clean ? undefined : endedError(closed, this.broken);
    this.inbox.finish(() => this.#queue.end(error));
  }
}
