import { withDeadline } from "@king-runtime/testkit";
import { listenHttp } from "@king-runtime/transport";
import { expect, test } from "vitest";
import { type Connection, createRealtime } from "../src/index.ts";

const refuse = async (connection: Connection) => {
  await Promise.resolve();
  await connection.close({ code: 4001, reason: "no" });
};

test.each([
  ["onOpen", { onOpen: refuse }],
  ["onMessage", { onMessage: refuse }],
])("%s may wait for the close it asked for: the peer's answer is read", async (_, handlers) => {
  // Longer than the test waits: only the peer's answer can end the connection in time.
  await using realtime = createRealtime({ closeTimeoutMs: 60_000 });
  await using listener = await listenHttp({
    handler: (exchange) => void realtime.handle(exchange, handlers),
  });
  const socket = new WebSocket(`ws://127.0.0.1:${listener.local.port}/`);
  const closed = new Promise<CloseEvent>((resolve) => {
    socket.addEventListener("close", resolve);
  });
  socket.addEventListener("open", () => socket.send("hello"));
  const { code, reason } = await withDeadline(closed, "the close");
  expect([code, reason]).toEqual([4001, "no"]);
});
