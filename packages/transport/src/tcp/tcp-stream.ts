import type { Socket } from "node:net";
import type { StreamClosed } from "@king-runtime/core";
import { NodeStream } from "../node-stream.ts";

/** The one stream of a TCP session. */
export class TcpStream extends NodeStream {
  readonly #wire: Socket;
  readonly #onEnd: (info: StreamClosed) => void;

  /**
   * @param socket what bytes are read from and written to: the connection itself, or TLS over it.
   * @param wire the TCP connection.
   */
  constructor(
    socket: Socket,
    wire: Socket,
    options: { maxWriteBufferBytes: number },
    onEnd: (info: StreamClosed) => void,
  ) {
    super(socket, options);
    this.#wire = wire;
    this.#onEnd = onEnd;
  }

  /**
   * Through TLS, too, it takes a TCP reset: many take a missing close_notify for an end. TLS goes with the
   * connection below: destroyed before that, it crashes over what it still had to write.
   */
  protected override cut(): void {
    const { duplex } = this;
    const isShuttingDown =
      duplex.writableEnded && duplex.writableLength === 0 && !duplex.writableFinished;
    if (!isShuttingDown) {
      this.#wire.resetAndDestroy();
      return;
    }
    // While libuv shuts our direction down it refuses to reset, and node then never closes the socket. It
    // takes a turn, unless a peer that does not read leaves no room for the end of TLS.
    setImmediate(() => {
      setImmediate(() => {
        if (duplex.writableFinished) this.#wire.resetAndDestroy();
        else duplex.destroy();
      });
    });
  }

  protected override finish(info: StreamClosed): void {
    if (this.ended !== undefined) return;
    super.finish(info);
    this.#onEnd(info);
  }
}
