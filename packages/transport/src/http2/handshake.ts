import { performServerHandshake, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { HttpLimits } from "../limits.ts";

/** Begins HTTP/2 on a connection, with what the limits allow a client. */
export function performHttp2Handshake(socket: Socket, limits: HttpLimits): ServerHttp2Session {
  // An HTTP/2 connection has no use for half of a TCP connection; node's h1 server asks for it.
  socket.allowHalfOpen = false;
  return performServerHandshake(socket, {
    // With the five fields of the protocol's own, and one more that is answered 431.
    maxHeaderListPairs: limits.maxHeaderCount + 6,
    settings: {
      maxConcurrentStreams: limits.maxStreamsPerSession,
      maxHeaderListSize: limits.maxHeaderBytes,
      enablePush: false,
      enableConnectProtocol: true, // RFC 8441, section 3
    },
  });
}
