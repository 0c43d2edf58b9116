import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** What node says of a message whose sender goes away. */
export const gone = (cause: unknown) =>
  Object.assign(new Error("aborted", { cause }), { code: "ECONNRESET" });

const discard = () => true;

/**
 * Ends a request that will never be whole, as node does when the connection closes within it: with
 * `aborted`, with `error` for whoever listens, and with `close`. The connection lives on, for an answer.
 */
export function breakOff(request: IncomingMessage, error: Error): void {
  if (request.destroyed) return;
  request._destroy = (reason, callback) => {
    request.aborted = true;
    request.emit("aborted");
    // Without a listener the error would bring the process down.
    process.nextTick(() => callback(request.listenerCount("error") > 0 ? reason : null));
  };
  request.destroy(error);
}

/** Reads and drops what still comes of a request that has ended, so that its connection's end is seen. */
export function readOn(request: IncomingMessage, socket: Socket): void {
  request.push = discard;
  socket.resume();
}
