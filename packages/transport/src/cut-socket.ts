import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

/**
 * Ends a connection so that the peer cannot take it for an orderly end: with a TCP reset where node
 * can send one. Through TLS it cannot, and the missing close_notify says the same.
 */
export function cutSocket(socket: Duplex): void {
  const isTcp = socket instanceof Socket && !(socket instanceof TLSSocket);
  // While its own end goes out a reset fails, and node would leave the socket open for ever.
  if (isTcp && !socket.writableEnded) socket.resetAndDestroy();
  else socket.destroy();
}
