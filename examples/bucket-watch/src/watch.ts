import type { Exchange } from "@king-runtime/core";
import type { Realtime } from "@king-runtime/realtime";
import { channelOf, type Subscribed } from "./events.ts";
import { checkBucket } from "./object-name.ts";
import { parseQuery } from "./query.ts";

/** `GET /watch?bucket=`: a WebSocket that is told of every object of the bucket. */
export function watch(exchange: Exchange, realtime: Realtime): void {
  const bucket = checkBucket(parseQuery(exchange.query).get("bucket") ?? "inbox");
  const greeting: Subscribed = { event: "subscribed", bucket };
  realtime.handle(exchange, {
    channels: [channelOf(bucket)],
    onOpen: (connection) => connection.send(JSON.stringify(greeting)),
  });
}
