import { makeCertificates } from "@king-runtime/testkit";
import { listenHttp } from "@king-runtime/transport";
import { expect, test } from "vitest";
import { createRealtime } from "../src/index.ts";
import { connectClient } from "./endpoint.ts";

test("the same over TLS, with HTTP/1.1 by ALPN beside HTTP/2", async () => {
  const certificates = await makeCertificates();
  await using realtime = createRealtime();
  const listener = await listenHttp({
    tls: certificates.leaf,
    handler: (exchange) =>
      void realtime.handle(exchange, {
        channels: ["news"],
        onOpen: (connection) => connection.send("welcome"),
        onMessage: (connection, message) => void connection.send(message),
      }),
  });
  const { messages, socket, closed } = await connectClient(
    `wss://localhost:${listener.local.port}/`,
    { ca: certificates.ca, origin: `https://localhost:${listener.local.port}` },
  );
  const large = "x".repeat(300_000);
  realtime.publish("news", large);
  socket.send(large);
  expect(await messages.take(3)).toEqual(["welcome", large, large]);
  // A page that came without TLS has no business here.
  await expect(
    connectClient(`wss://localhost:${listener.local.port}/`, {
      ca: certificates.ca,
      origin: `http://localhost:${listener.local.port}`,
    }),
  ).rejects.toThrow("403");
  await realtime.close();
  expect((await closed).code).toBe(1001);
  await listener.close();
});
