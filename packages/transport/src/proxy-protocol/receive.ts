import type { Socket } from "node:net";
import { type ProxiedEndpoints, parseProxyHeader } from "./header.ts";

/**
 * Takes the PROXY protocol header off a connection, and leaves what follows on it. A connection that
 * begins with anything else is ended; how long it may take to begin is for the caller to say.
 */
export function receiveProxyHeader(
  socket: Socket,
  received: (endpoints: ProxiedEndpoints | undefined) => void,
  refused: () => void,
): void {
  let seen: Buffer | undefined;
  const settle = () => {
    socket.removeListener("readable", onReadable);
    socket.removeListener("error", refuse);
    socket.removeListener("end", refuse);
  };
  const refuse = () => {
    settle();
    refused();
    socket.on("error", () => undefined).destroy();
  };
  const onReadable = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = seen === undefined ? chunk : Buffer.concat([seen, chunk]);
    let header: ReturnType<typeof parseProxyHeader>;
    try {
      header = parseProxyHeader(seen);
    } catch {
      refuse();
      return;
    }
    if (header === undefined) return;
    settle();
    const rest = seen.subarray(header.bytes);
    if (rest.length > 0) socket.unshift(rest);
    received(header.endpoints);
  };
  socket.on("error", refuse);
  socket.on("end", refuse);
  socket.on("readable", onReadable);
}
