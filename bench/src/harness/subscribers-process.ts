// Subscribers in a process of their own: raw WebSockets that count what comes. Over IPC.
// `subscribers-process.ts <port> <count>`
import { connect } from "node:net";
import type { SubscribersAnswer, SubscribersRequest } from "./messages.ts";

const [port, count] = process.argv.slice(2).map(Number) as [number, number];
let receivedBytes = 0;
let wantedBytes = Number.POSITIVE_INFINITY;

function answer(message: SubscribersAnswer): void {
  process.send?.(message);
}

function check(): void {
  if (receivedBytes < wantedBytes) return;
  wantedBytes = Number.POSITIVE_INFINITY;
  answer({ type: "received", receivedBytes });
}

/** Resolves when the handshake was answered; what follows is counted. */
function subscribe(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.write(
      `GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n` +
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n",
    );
    let head: string | undefined = "";
    socket.on("error", reject);
    socket.on("data", (chunk: Buffer) => {
      if (head === undefined) {
        receivedBytes += chunk.length;
        return check();
      }
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!head.startsWith("HTTP/1.1 101")) return reject(new Error(head));
      receivedBytes += head.length - end - 4;
      head = undefined;
      resolve();
    });
  });
}

process.on("message", (request: SubscribersRequest) => {
  wantedBytes = request.untilBytes;
  check();
});
Promise.all(Array.from({ length: count }, subscribe)).then(
  () => answer({ type: "subscribed" }),
  (error) => answer({ type: "failed", message: String(error) }),
);
