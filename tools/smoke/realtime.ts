// Uses the installed @king-runtime/realtime with the transport it brings: greet, publish, close.
import { deepEqual, equal } from "node:assert/strict";
import { createRealtime } from "@king-runtime/realtime";
import { listenHttp } from "@king-runtime/transport";

await using realtime = createRealtime();
await using listener = await listenHttp({
  handler(exchange) {
    realtime.handle(exchange, {
      channels: ["kitchen"],
      onOpen: (connection) => void connection.send("welcome"),
    });
  },
});
const { port } = listener.local;

const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
const received: unknown[] = [];
const { promise: both, resolve } = Promise.withResolvers<void>();
socket.addEventListener("message", ({ data }) => {
  received.push(data);
  if (received.length === 1) equal(realtime.publish("kitchen", "tea is ready"), 1);
  else resolve();
});
await both;
deepEqual(received, ["welcome", "tea is ready"]);

const closed = new Promise((done) => socket.addEventListener("close", done, { once: true }));
socket.close(1000);
await closed;

const plain = await fetch(`http://127.0.0.1:${port}/`);
equal(plain.status, 426);
await plain.body?.cancel();
