import type { IncomingMessage, ServerResponse } from "node:http";
import type { Exchange, ExchangeHandler } from "@king-runtime/core";
import { describeValue, optionError } from "@king-runtime/core";
import type { NodePair } from "./http1/exchange.ts";
import { makeNodePair } from "./node-handler/node-pair.ts";
import { watchRequest } from "./node-handler/watch-request.ts";

/** A request listener as `node:http` takes it; an Express app is one. */
export type NodeRequestListener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** An exchange that lies on node's own request and response, as those of HTTP/1.1 do. */
interface NodeBackedExchange extends Exchange {
  readonly node: NodePair;
  giveUp(error: Error, status: number): void;
}

/**
 * Mounts a listener written for `node:http`, such as an Express app, or `app.routing` of a Fastify app
 * that is `ready()`.
 *
 * On HTTP/1.1 it gets node's own `IncomingMessage` and `ServerResponse`. On HTTP/2 it gets genuine ones
 * too, made for the exchange: `request.socket` tells addresses and whether the connection is encrypted,
 * and destroying it resets the stream; reason phrases are dropped, and `setTimeout` does nothing.
 *
 * The listener's limits and deadlines hold, but that on HTTP/1.1 a body has no deadline of its own for
 * a single byte, `bodyIdleTimeoutMs`, only one for the whole, `requestTimeoutMs`. A body that grows
 * beyond `maxBodyBytes` ends with an error on the request, with `status` 413, and is answered so when
 * nobody else answers at once. An interim 100 is sent when the body is first read.
 *
 * What the listener throws, or rejects with, is answered as for any handler.
 *
 * @throws {KingError} KING_OPTION_INVALID when `listener` is no function.
 */
export function fromNode(listener: NodeRequestListener): ExchangeHandler {
  if (typeof listener !== "function") {
    throw optionError("listener", `expected a function, got ${describeValue(listener)}`);
  }
  return (exchange) =>
    isNodeBacked(exchange) ? handOver(exchange, listener) : imitate(exchange, listener);
}

const isNodeBacked = (exchange: Exchange): exchange is NodeBackedExchange => "node" in exchange;

function handOver(
  exchange: NodeBackedExchange,
  listener: NodeRequestListener,
): void | Promise<void> {
  const pair = exchange.node;
  const { request, response } = pair;
  watchRequest(pair, (error) => exchange.giveUp(error, 413));
  const outcome = listener(request, response);
  if (!isThenable(outcome)) return undefined;
  return new Promise((resolve, reject) => {
    settleAfter(outcome, response, resolve, reject);
  });
}

function imitate(exchange: Exchange, listener: NodeRequestListener): Promise<void> {
  return new Promise((resolve, reject) => {
    const { request, response } = makeNodePair(exchange, reject);
    const outcome = listener(request, response);
    if (isThenable(outcome)) settleAfter(outcome, response, resolve, reject);
    else response.once("close", resolve);
  });
}

/** An async listener may be done long before its response is, and may fail long after. */
function settleAfter(
  outcome: PromiseLike<unknown>,
  response: ServerResponse,
  resolve: () => void,
  reject: (error: unknown) => void,
): void {
  outcome.then(() => {
    if (response.closed) resolve();
    else response.once("close", resolve);
  }, reject);
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
