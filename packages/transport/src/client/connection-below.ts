import type { Socket } from "node:net";
import type { SessionStats } from "@king-runtime/core";
import { type SocketFacts, socketFacts } from "../socket-facts.ts";

/** What every session of a client lies on. */
export interface ConnectionBelow {
  readonly facts: SocketFacts;
  /** Whether it is over, also where nobody has been told yet. */
  readonly isOver: boolean;
  /** What broke it, from that moment on. */
  readonly failure: Error | undefined;
  stats(): Partial<SessionStats>;
  /** Calls `ended` once; whoever carries exchanges on it is told after that. */
  onEnd(ended: () => void): void;
}

/** A TCP connection, with or without TLS. */
export class SocketBelow implements ConnectionBelow {
  readonly socket: Socket;
  readonly facts: SocketFacts;
  failure: Error | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.facts = socketFacts(socket);
    socket.on("error", (error: Error & { code?: string }) => {
      // The library above ends a connection with an error of its own where none is one.
      if (error.code !== "UND_ERR_INFO" && error.code !== "UND_ERR_SOCKET") this.failure = error;
      // Where TLS breaks after its handshake node tells of that, and leaves the connection open.
      setImmediate(() => socket.destroy());
    });
  }

  get isOver(): boolean {
    return this.socket.destroyed;
  }

  stats(): Partial<SessionStats> {
    // Above TLS they are not what the wire carries.
    if (this.facts.tls !== undefined) return {};
    const { bytesWritten, bytesRead } = this.socket;
    return { wireBytesSent: bytesWritten, wireBytesReceived: bytesRead };
  }

  onEnd(ended: () => void): void {
    this.socket.once("close", ended);
  }
}
