import {
  abortedHere,
  BaseStream,
  KingError,
  type Stream,
  type StreamCapability,
  streamErrors,
  systemClock,
  type Timer,
  type WriteOptions,
} from "@king-runtime/core";
import { sessionCodes } from "../http3/codes.ts";
import type { ClaimedStream } from "../http3/web-transport.ts";
import { checkCode, fromHttp3Code } from "./codes.ts";

/** What the reader of a stream has, after the peer ended the session, to read what the peer had sent. */
const lingerMs = 1_000;

const nothing = new Uint8Array(0);

/** What a stream shares with its session. */
export interface StreamOwner {
  readonly capabilities: ReadonlySet<StreamCapability>;
  /** What goes over the wire for an application's code. */
  toWire(code: number): number;
  /** Both directions are over. */
  onStreamEnd(stream: WebTransportStream): void;
}

/** A stream of a session of WebTransport: one of QUIC, without its head, with codes of its own. */
export class WebTransportStream extends BaseStream {
  readonly openedBy: "local" | "peer";
  readonly #quic: Stream;
  readonly #owner: StreamOwner;
  #beginning: Uint8Array;
  #input: AsyncIterator<Uint8Array, undefined> | undefined;
  #inputOver: boolean;
  #isEnding = false;
  #bytesRead = 0;
  #bytesWritten = 0;
  /** The code that it was broken off with here. */
  #code: number | undefined;
  /** Why it was ended otherwise than by its own calls, and by whom. */
  #lost: { readonly by: "local" | "peer" | "network"; readonly reason: unknown } | undefined;
  #linger: Timer | undefined;

  /** @param claimed where the peer has opened it. */
  constructor(quic: Stream, owner: StreamOwner, claimed?: ClaimedStream) {
    super();
    this.#quic = quic;
    this.#owner = owner;
    this.openedBy = claimed === undefined ? "local" : "peer";
    this.#beginning = claimed?.beginning ?? nothing;
    this.#input = claimed?.input;
    this.#inputOver = quic.direction === "send";
    quic.closed.then(({ by, clean, code, error }) => {
      this.#linger?.cancel();
      const ownCode = this.#code ?? (code === undefined ? undefined : fromHttp3Code(code));
      const failure = this.#lost === undefined ? error && this.#translated(error) : this.#failure;
      this.finish({
        by: this.#lost?.by ?? by,
        clean,
        bytesRead: this.#bytesRead,
        bytesWritten: this.#bytesWritten,
        ...(ownCode === undefined ? {} : { code: ownCode }),
        ...(failure instanceof Error ? { error: failure } : {}),
      });
      owner.onStreamEnd(this);
    });
  }

  /** Whether it was cut short by something else than a call here. */
  get isCutBelow(): boolean {
    return this.ended?.clean === false && this.#lost === undefined && this.#code === undefined;
  }

  override get direction(): Stream["direction"] {
    return this.#quic.direction;
  }

  /** Its number on the wire (RFC 9000, section 2.1), where its connection tells. */
  get streamId(): number | undefined {
    return (this.#quic as { readonly streamId?: number }).streamId;
  }

  get capabilities(): ReadonlySet<StreamCapability> {
    return this.#owner.capabilities;
  }

  get state(): "open" | "draining" | "closed" {
    if (this.ended !== undefined) return "closed";
    return this.#isEnding || this.closing ? "draining" : "open";
  }

  write(chunk: Uint8Array, options?: WriteOptions): undefined | Promise<void> {
    const { length } = chunk;
    let room: undefined | Promise<void>;
    try {
      room = this.#quic.write(chunk, options);
    } catch (error) {
      throw this.#translated(error);
    }
    this.#bytesWritten += length;
    return room && this.#translating(room);
  }

  end(chunk?: Uint8Array): Promise<void> {
    if (!this.#isEnding && this.#quic.state !== "closed" && this.direction !== "receive") {
      this.#bytesWritten += chunk?.length ?? 0;
    }
    const ended = this.#quic.end(chunk);
    this.#isEnding = true;
    return this.#translating(ended);
  }

  #translating(promise: Promise<void>): Promise<void> {
    const translated = promise.catch((error) => {
      throw this.#translated(error);
    });
    translated.catch(() => undefined); // who does not wait learns of a failure by `closed`
    return translated;
  }

  reset(code = 0): void {
    checkCode(code);
    if (this.ended !== undefined) return;
    this.#code ??= code;
    this.#quic.reset(this.#owner.toWire(code));
  }

  abort(reason?: unknown): void {
    if (this.ended !== undefined) return;
    this.#lost ??= { by: "local", reason: reason ?? abortedHere("stream") };
    this.#quic.reset(this.#owner.toWire(0));
  }

  /** The session is over, and the stream with it. */
  lose(by: "local" | "peer" | "network", reason: unknown): void {
    if (this.ended !== undefined) return;
    this.#lost ??= { by, reason };
    this.#quic.reset(sessionCodes.sessionGone);
  }

  /**
   * The peer has ended the session, which overtakes what it had sent before: where all is sent from here, a reader still
   * gets it.
   *
   * @returns whether that is so.
   */
  linger(reason: unknown): boolean {
    if (!this.#isEnding && this.direction !== "receive") return false;
    this.#linger = systemClock.after(lingerMs, () => this.lose("peer", reason), {
      keepAlive: false,
    });
    return true;
  }

  stopReading(code = 0): void {
    checkCode(code);
    if (this.#inputOver) return;
    this.#inputOver = true;
    this.#beginning = nothing;
    this.#quic.stopReading(this.#owner.toWire(code));
  }

  protected async *read(): AsyncGenerator<Uint8Array, undefined> {
    try {
      const beginning = this.#beginning;
      this.#beginning = nothing;
      if (beginning.length > 0 && this.ended === undefined && this.#lost === undefined) {
        this.#bytesRead += beginning.length;
        yield beginning;
      }
      this.#input ??= this.#quic[Symbol.asyncIterator]();
      for (;;) {
        const { value } = await this.#input.next();
        if (value === undefined) break;
        this.#bytesRead += value.length;
        yield value;
      }
      this.#inputOver = true;
    } catch (error) {
      throw this.#translated(error);
    } finally {
      this.stopReading();
    }
  }

  get #failure(): unknown {
    const { reason } = this.#lost ?? {};
    return reason instanceof Error ? reason : abortedHere("stream");
  }

  /** An error of QUIC's as one of this stream. */
  #translated(error: unknown): unknown {
    if (this.#lost !== undefined && !KingError.is(error, "KING_STREAM_ENDED")) return this.#failure;
    if (!streamErrors.is(error, "KING_STREAM_RESET")) return error;
    const { by, code } = error.details;
    if (code === undefined) return error;
    const own = fromHttp3Code(code);
    const told = own === undefined ? "" : ` with code ${own}`;
    const details = { by, ...(own === undefined ? {} : { code: own }) };
    const message = `the peer broke the stream off${told}`;
    return streamErrors.create("KING_STREAM_RESET", message, details, { cause: error });
  }
}
