import type { ServerResponse } from "node:http";

/** What node keeps for itself, and its types do not know. */
interface InnerResponse extends ServerResponse {
  _closed: boolean;
  _send(): boolean;
  _writeRaw(): boolean;
}

const nowhere = () => false;

/**
 * Takes its connection from a response of which nothing has been sent. Whoever holds it finds it as after
 * its client has left: destroyed, closed once, and taking whatever is said without a word.
 */
export function deafen(response: ServerResponse): void {
  const inner = response as InnerResponse;
  // Whoever holds it may have done so before.
  if (response.socket !== null) response.detachSocket(response.socket);
  inner._send = nowhere;
  inner._writeRaw = nowhere;
  response.destroyed = true;
  process.nextTick(() => {
    inner._closed = true;
    response.emit("close");
  });
}
