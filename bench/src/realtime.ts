import type { AddressInfo } from "node:net";
import { startChild } from "./harness/child.ts";
import type { SubscribersAnswer, SubscribersRequest } from "./harness/messages.ts";
import type { BenchPlane, BenchRow, OperationWorkload } from "./harness/plane.ts";
import type { Carrier } from "./realtime/carrier.ts";
import * as echo from "./realtime/echo.ts";

const subscriberCount = 200;
const message = "x".repeat(100);
const frameBytes = message.length + 2;

/** A server that hands one message to all of its subscribers. */
interface Publisher {
  readonly port: number;
  publish(): void;
  close(): Promise<void>;
}

/** One message to every subscriber in a turn of the loop, until all have arrived. */
function fanOut(start: () => Promise<Publisher>): OperationWorkload {
  return {
    kind: "operation",
    operations: 400,
    warmUpOperations: 800,
    async open() {
      const publisher = await start();
      const subscribers = await startChild<SubscribersRequest, SubscribersAnswer>(
        "subscribers-process.ts",
        [String(publisher.port), String(subscriberCount)],
      );
      let sentBytes = 0;
      return {
        async run(count) {
          for (let done = 0; done < count; done++) {
            publisher.publish();
            await new Promise((next) => setImmediate(next));
          }
          sentBytes += count * subscriberCount * frameBytes;
          const answer = await subscribers.ask({ untilBytes: sentBytes });
          if (answer.type !== "received" || answer.receivedBytes !== sentBytes)
            throw new Error(`expected ${sentBytes} bytes to arrive, got ${JSON.stringify(answer)}`);
        },
        async close() {
          await subscribers[Symbol.asyncDispose]();
          await publisher.close();
        },
      };
    },
  };
}

async function ours(): Promise<Publisher> {
  const { createRealtime } = await import("@king-runtime/realtime");
  const { listenHttp } = await import("@king-runtime/transport");
  const realtime = createRealtime();
  const listener = await listenHttp({
    handler: (exchange) => void realtime.handle(exchange, { channels: ["news"] }),
  });
  return {
    port: listener.local.port,
    publish: () => void realtime.publish("news", message),
    async close() {
      realtime.abort();
      await listener.close({ deadlineMs: 1_000 });
    },
  };
}

async function ws(): Promise<Publisher> {
  const { WebSocketServer } = await import("ws");
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    publish() {
      for (const client of server.clients) {
        if (client.readyState === client.OPEN) client.send(message);
      }
    },
    async close() {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The same endpoint and client over another protocol than HTTP/1.1. */
const echoRow = (carrier: Carrier, measure: "cpu" | "wall"): BenchRow => ({
  name: `echo of 125 B, 100 under way, over ${carrier}`,
  measure,
  operation: "message",
  peerName: "the same over HTTP/1.1",
  ours: echo.ours(carrier),
  peer: echo.ours("h1"),
});

export const plane: BenchPlane = {
  name: "realtime",
  rows: [
    {
      name: `publish 100 B to ${subscriberCount} connections`,
      operation: "publish",
      peerName: "ws, send to each",
      ours: fanOut(ours),
      peer: fanOut(ws),
    },
    {
      name: "echo of 125 B, 100 under way, over h1",
      operation: "message",
      peerName: "ws on node:https",
      ours: echo.ours("h1"),
      peer: echo.ws,
    },
    ...(["h2", "h3 by currentspace", "h3 by matrix"] as const).flatMap((carrier) => [
      echoRow(carrier, "cpu"),
      echoRow(carrier, "wall"),
    ]),
  ],
};
