import type { Endpoint } from "@king-runtime/core";
import type { Channels } from "./channels.ts";
import type { RealtimeDiagnostics } from "./diagnostics.ts";
import { encodeFrame } from "./frame.ts";
import type { Message } from "./message.ts";
import type { RealtimeTelemetry } from "./telemetry.ts";
import {
  type ConnectionClosed,
  checkFrame,
  type OpenedSocket,
  type SharedParts,
  SocketConnection,
  type WebSocketConnection,
} from "./web-socket-connection.ts";

/** One WebSocket of a {@link Realtime}. Messages to it arrive in the order they were sent or published. */
export interface Connection extends WebSocketConnection {
  readonly remote?: Endpoint;
  /** Channels it is in. */
  readonly channels: Iterable<string> & { readonly size: number };
  /**
   * Sends one message to this connection alone. A peer that reads so slowly that `maxSendBufferBytes`
   * is exceeded is closed with 1013 instead; what was taken before still reaches it in order.
   *
   * @returns whether the message was taken: not when the connection is closing or closed.
   * @throws {KingError} KING_REALTIME_MESSAGE_TOO_LARGE
   */
  send(message: Message): boolean;
  /**
   * Receives what is published to `channel` from now on; `false` when it did before, or is closing.
   *
   * @throws {KingError} KING_REALTIME_CHANNEL_INVALID, KING_REALTIME_CHANNEL_LIMIT
   */
  join(channel: string): boolean;
  /** Whether it was in the channel. */
  leave(channel: string): boolean;
}

/** Takes one message of a connection; the next one waits for the promise it returns. */
export type MessageHandler = (connection: Connection, message: Message) => void | Promise<void>;

/** Greets a connection; a promise that it returns is waited for. */
export type OpenHandler =
  | ((connection: Connection) => void)
  | ((connection: Connection) => Promise<void>);

/** What a connection shares with its realtime. */
export interface ConnectionContext extends SharedParts {
  readonly channels: Channels<Connection>;
  readonly telemetry: RealtimeTelemetry;
  readonly diagnostics: RealtimeDiagnostics;
}

/** The server's end of a WebSocket; frames are encoded once for all who receive them. */
export class OpenConnection extends SocketConnection implements Connection {
  readonly remote?: Endpoint;
  readonly #context: ConnectionContext;
  readonly #onMessage: MessageHandler | undefined;

  constructor(
    opened: OpenedSocket,
    context: ConnectionContext,
    { remote, onMessage }: { remote?: Endpoint; onMessage: MessageHandler | undefined },
  ) {
    super(opened, context);
    this.#context = context;
    this.#onMessage = onMessage;
    if (remote !== undefined) this.remote = remote;
  }

  get channels(): Iterable<string> & { readonly size: number } {
    return this.#context.channels.channelsOf(this);
  }

  send(message: Message): boolean {
    const frame = encodeFrame(message);
    checkFrame(frame, this.#context.settings.maxSendBufferBytes);
    const taken = this.write(frame);
    if (taken) this.#context.telemetry.sent(1);
    return taken;
  }

  join(channel: string): boolean {
    this.#context.channels.checkName(channel);
    return this.isOpen && this.#context.channels.join(this, channel);
  }

  leave(channel: string): boolean {
    return this.#context.channels.leave(this, channel);
  }

  /** Runs what the application does when a connection opens, and then joins `channels`. */
  greet(onOpen: OpenHandler | undefined, channels: Iterable<string>): void {
    this.inbox.begin(
      () => onOpen?.(this),
      () => {
        for (const channel of channels) this.join(channel);
      },
    );
  }

  protected override handle(message: Message): void | Promise<void> {
    if (this.#onMessage !== undefined) return this.#onMessage(this, message);
    void this.close({ code: 1003, reason: "this endpoint takes no messages" });
  }

  protected override onReceived(): void {
    this.#context.telemetry.received();
  }

  protected override onFailed(error: unknown): void {
    this.#context.diagnostics.error({ connection: this, error });
  }

  protected override onFull(): false {
    this.#context.diagnostics.slow({ connection: this, bufferedBytes: this.bufferedBytes });
    void this.close({ code: 1013, reason: "slow consumer" });
    return false;
  }

  protected override onLeft(): void {
    this.#context.channels.leaveAll(this);
  }

  protected override onOver(closed: ConnectionClosed): void {
    this.inbox.end();
    this.#context.telemetry.closed(closed.code);
  }

  protected override onFinished(closed: ConnectionClosed): void {
    this.#context.diagnostics.close({ connection: this, closed });
  }
}
