import type { Socket } from "node:net";
import type { Http1Session } from "./session.ts";

/** Answers what the parser refused, when it still can be. */
export function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Socket,
  session: Http1Session | undefined,
): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  // Otherwise the client would take it for the answer to the request that is still being served.
  if (session?.onParseError(error)) return;
  const status =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  session?.linger();
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
