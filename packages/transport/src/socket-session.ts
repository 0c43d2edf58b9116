import type { Socket } from "node:net";
import type { SessionStats } from "@king-runtime/core";
import { HttpSession } from "./http-session.ts";
import type { HttpLimits } from "./limits.ts";
import type { ProxiedEndpoints } from "./proxy-protocol/header.ts";
import { socketFacts } from "./socket-facts.ts";

/** What HTTP/1.1 and HTTP/2 connections share on the server's side: they lie on a socket. */
export abstract class SocketSession<Exchange> extends HttpSession<Exchange> {
  protected readonly socket: Socket;

  constructor(socket: Socket, limits: HttpLimits, proxied?: ProxiedEndpoints) {
    super(socketFacts(socket, proxied), limits);
    this.socket = socket;
  }

  protected connectionStats(): Partial<SessionStats> {
    // Above TLS they are not what the wire carries.
    if (this.tls !== undefined) return {};
    const { bytesWritten, bytesRead } = this.socket;
    return { wireBytesSent: bytesWritten, wireBytesReceived: bytesRead };
  }
}
