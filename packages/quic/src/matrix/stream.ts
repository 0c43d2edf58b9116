import type { EngineStream, StreamEvents } from "../engine-connection.ts";
import type { Native, NativeConnection } from "./native.ts";
import { nativeError } from "./native-error.ts";

/** Where quiche writes what it received: for the moment of a call. */
const space = new Uint8Array(65_536);
const nothing = new Uint8Array(0);

/** A stream of quiche: asks it for bytes and gives it bytes whenever the connection has moved. */
export class MatrixStream implements EngineStream {
  readonly id: number;
  readonly holdsChunks = false;
  events: StreamEvents | undefined;
  readonly #connection: NativeConnection;
  readonly #shutdown: Native["Shutdown"];
  /** Something is to be sent. */
  readonly #touch: () => void;
  /** Sends at once what can be sent. */
  readonly #flush: () => void;
  #sending: { rest: Uint8Array; last: boolean; taken: () => void } | undefined;
  /** The sending direction has got its end or was broken off. */
  #sent = false;
  #received = false;
  #broken = false;
  /** The end was given to quiche without a byte, and may not be in a packet yet. */
  #endAlone = false;

  constructor(
    id: number,
    connection: NativeConnection,
    shutdown: Native["Shutdown"],
    { touch, flush }: { touch: () => void; flush: () => void },
  ) {
    this.id = id;
    this.#connection = connection;
    this.#shutdown = shutdown;
    this.#touch = touch;
    this.#flush = flush;
  }

  /**
   * Whether quiche has forgotten it: everything was received, and what was sent is acknowledged. Only
   * then, for until then it still tells of it.
   */
  get gone(): boolean {
    try {
      this.#connection.streamCapacity(this.id);
      return false;
    } catch (error) {
      return nativeError(error).name === "InvalidStreamState";
    }
  }

  /** Whether it ended with {@link reset}: what it sent need not arrive. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Whether nothing more is to be sent, other than by quiche itself. */
  get sent(): boolean {
    return this.#sent;
  }

  send(chunk: Uint8Array, last: boolean, taken: () => void): void {
    this.#sending = { rest: chunk, last, taken };
    this.onWritable();
    this.#touch();
  }

  /** Goes on with what is being sent, and learns whether the peer wants no more. */
  onWritable(): void {
    try {
      const sending = this.#sending;
      if (sending === undefined) {
        if (!this.#sent) this.#connection.streamCapacity(this.id);
        return;
      }
      const { rest, last, taken } = sending;
      const count = this.#connection.streamSend(this.id, rest, last);
      if (count === null) return;
      sending.rest = rest.subarray(count);
      if (sending.rest.length > 0) return;
      this.#sending = undefined;
      this.#sent = last;
      this.#endAlone = last && rest.length === 0;
      if (this.#endAlone) this.#flush();
      taken();
    } catch (error) {
      const { name, value } = nativeError(error);
      this.#sending = undefined;
      this.#sent = true;
      // quiche answers with a reset, which it forgets when the peer's own reset is read before it is sent.
      this.#flush();
      if (name === "StreamStopped") this.events?.onStopped(value);
      else this.events?.onFailure(error as Error);
    }
  }

  /**
   * quiche 0.18 takes a stream for finished when all its bytes are acknowledged, be its end in a packet
   * or not. It forgets the stream, with the end, as soon as the peer's end is read: not before ours is
   * out, which it is when a packet more could be sent.
   */
  #endIsOut(): boolean {
    if (!this.#endAlone) return true;
    try {
      this.#flush();
      if (this.#connection.streamCapacity(this.id) > 0) this.#endAlone = false;
    } catch (error) {
      nativeError(error); // the peer does not want it, or quiche has sent it and forgotten
      this.#endAlone = false;
    }
    return !this.#endAlone;
  }

  /** Takes what has come, as far as it is wanted; a look of no bytes finds a reset also when nothing is. */
  onReadable(): void {
    this.#receive(() => this.events?.wantsBytes === true);
  }

  /** The connection is over: takes all that has come, which the window bounds. */
  onConnectionEnd(): void {
    this.#endAlone = false;
    this.#receive(() => true);
  }

  #receive(wants: () => boolean): void {
    try {
      while (!this.#received && this.#endIsOut()) {
        const wanted = wants();
        const result = this.#connection.streamRecv(this.id, wanted ? space : nothing);
        if (result === null) return;
        const [count, ended] = result;
        if (count > 0) this.events?.onBytes(space.slice(0, count));
        if (ended) {
          this.#received = true;
          this.events?.onEnd();
        }
        if (!wanted) return;
      }
    } catch (error) {
      const { name, value } = nativeError(error);
      this.#received = true;
      if (name !== "StreamReset") return;
      this.events?.onReset(value);
      if (this.#sent || !this.gone) return;
      // With the reset, quiche has forgotten that the peer also wants no more.
      this.#sending = undefined;
      this.#sent = true;
      this.events?.onStopped(value);
    }
  }

  resume(): void {
    this.onReadable();
    this.#touch();
  }

  reset(code: number): void {
    this.#broken = true;
    this.#sending = undefined;
    this.#sent = true;
    this.#shut(this.#shutdown.Write, code);
    this.#shut(this.#shutdown.Read, code);
  }

  stopReading(code: number): void {
    this.#shut(this.#shutdown.Read, code);
  }

  #shut(direction: number, code: number): void {
    try {
      this.#connection.streamShutdown(this.id, direction, code);
    } catch (error) {
      nativeError(error); // it is over in this direction, or has only one
    }
    this.#touch();
  }
}
