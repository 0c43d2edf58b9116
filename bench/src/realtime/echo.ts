import type { OperationWorkload } from "../harness/plane.ts";
import { type Carrier, quicOf } from "./carrier.ts";

/** A server that sends every message back. */
interface EchoServer {
  readonly port: number;
  close(): Promise<void>;
}

interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Messages of 125 B, of which 100 are under way, between this process and a client in another one. */
function echoing(
  carrier: Carrier,
  start: (certificate: Certificate) => Promise<EchoServer>,
): OperationWorkload {
  return {
    kind: "operation",
    operations: 20_000,
    warmUpOperations: 40_000,
    async open() {
      const { fork } = await import("node:child_process");
      const { makeCertificates } = await import("@king-runtime/testkit");
      const { ca, leaf } = await makeCertificates();
      const server = await start(leaf);
      const script = new URL("echo-process.ts", import.meta.url);
      const client = fork(script, [String(server.port), carrier, ca], {
        execArgv: ["--conditions=king-source"],
      });
      const answer = () =>
        new Promise<void>((resolve, reject) => {
          const onExit = () => reject(new Error("the echo client ended"));
          client.once("exit", onExit);
          client.once("message", () => {
            client.off("exit", onExit);
            resolve();
          });
        });
      await answer();
      return {
        async run(count) {
          client.send({ count });
          await answer();
        },
        async close() {
          client.disconnect();
          await server.close();
        },
      };
    },
  };
}

/** Our endpoint, over any carrier. */
export const ours = (carrier: Carrier): OperationWorkload =>
  echoing(carrier, async (tls) => {
    const { createRealtime } = await import("@king-runtime/realtime");
    const { listenHttp } = await import("@king-runtime/transport");
    const realtime = createRealtime();
    const listener = await listenHttp({
      tls,
      ...(await quicOf(carrier)),
      handler: (exchange) =>
        void realtime.handle(exchange, {
          onMessage: (connection, message) => void connection.send(message),
        }),
    });
    return {
      port: listener.local.port,
      async close() {
        realtime.abort();
        await listener.close({ deadlineMs: 1_000 });
      },
    };
  });

/** `ws` over node's own HTTPS. */
export const ws: OperationWorkload = echoing("h1", async (tls) => {
  const { createServer } = await import("node:https");
  const { WebSocketServer } = await import("ws");
  const server = createServer(tls);
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) =>
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
});
