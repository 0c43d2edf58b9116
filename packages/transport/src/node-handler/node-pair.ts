import { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Exchange, KingError } from "@king-runtime/core";
import { httpErrors } from "../errors.ts";
import { gone } from "../http1/broken-request.ts";
import { respondProblem } from "../problem.ts";
import { refuseBody } from "./body-refusal.ts";
import { ExchangeSocket } from "./exchange-socket.ts";

/** What node's parser calls, and its types do not know. */
interface ParsedMessage extends IncomingMessage {
  _addHeaderLines(fields: readonly string[], length: number): void;
}

/**
 * A genuine request and response of `node:http` over an exchange that has none. All that is particular
 * to them are properties of their own, since frameworks replace their prototypes.
 */
export function makeNodePair(
  exchange: Exchange,
  onError: (error: unknown) => void,
): { request: IncomingMessage; response: ServerResponse } {
  const socket = new ExchangeSocket(exchange, onError);
  const request = makeRequest(exchange, socket, () => response.writableEnded);
  const response = makeResponse(exchange, socket, request);
  return { request, response };
}

function makeRequest(
  exchange: Exchange,
  socket: ExchangeSocket,
  isAnswered: () => boolean,
): IncomingMessage {
  const request = new IncomingMessage(socket as unknown as Socket) as ParsedMessage;
  request.method = exchange.method;
  request.url = exchange.target;
  request.httpVersionMajor = exchange.session.protocol === "h3" ? 3 : 2;
  request.httpVersionMinor = 0;
  request.httpVersion = `${request.httpVersionMajor}.0`;
  const fields = fieldsFor(exchange);
  request._addHeaderLines(fields, fields.length);
  let source: AsyncIterator<Uint8Array, undefined> | undefined;
  const read = IncomingMessage.prototype._read;
  request._read = async (size) => {
    read.call(request, size); // notes that somebody reads
    try {
      source ??= exchange[Symbol.asyncIterator]();
      const { done, value } = await source.next();
      if (done === true) await endRequest(request, exchange);
      else request.push(value);
    } catch (error) {
      onReadError(request, exchange, isAnswered, error);
    }
  };
  exchange.closed.then(({ clean, error }) => {
    if (request.destroyed) return;
    if (!clean) request.destroy(gone(error));
    else if (source === undefined) {
      // Nobody has read it, and nobody will.
      request.complete = true;
      request.resume().push(null);
    }
  });
  return request;
}

/** An exchange that knows whether its request has arrived whole. */
interface ReceivingExchange extends Exchange {
  readonly complete?: boolean;
}

/** The fields as they would be on HTTP/1.1, where a body is announced (RFC 9112, section 6.3). */
function fieldsFor(exchange: ReceivingExchange): string[] {
  const { headers, authority, complete = false } = exchange;
  const fields = [...headers].flat();
  if (!headers.has("host") && authority !== "") fields.unshift("host", authority);
  if (!complete && !headers.has("content-length")) fields.push("transfer-encoding", "chunked");
  return fields;
}

async function endRequest(request: ParsedMessage, exchange: Exchange): Promise<void> {
  const trailers = [...(await exchange.trailers)].flat();
  request.complete = true;
  request._addHeaderLines(trailers, trailers.length);
  request.push(null);
}

function onReadError(
  request: IncomingMessage,
  exchange: Exchange,
  isAnswered: () => boolean,
  error: unknown,
): void {
  if (!httpErrors.is(error, "KING_HTTP_BODY_LIMIT")) {
    request.destroy(KingError.is(error, "KING_STREAM_RESET") ? gone(error) : (error as Error));
    return;
  }
  refuseBody(request, error, () => {
    if (isAnswered() || exchange.state === "closed") return;
    if (exchange.responded) exchange.abort(error);
    else respondProblem(exchange, { status: 413, detail: error.message });
  });
}

function makeResponse(
  exchange: Exchange,
  socket: ExchangeSocket,
  request: IncomingMessage,
): ServerResponse {
  const response = new ServerResponse(request);
  // The body goes out as it is, with its length where it is known: the exchange frames it.
  response.useChunkedEncodingByDefault = true;
  response.removeHeader("transfer-encoding");
  Object.defineProperties(response, {
    // Looked at once before the head is made, for whether trailers may follow.
    chunkedEncoding: { get: () => !response.headersSent, set: () => undefined },
    writableNeedDrain: { get: () => socket.writableNeedDrain && !response.writableEnded },
  });
  const addTrailers = response.addTrailers;
  response.addTrailers = (trailers) => {
    addTrailers.call(response, trailers); // checks them
    exchange.setTrailers(trailerFields(trailers));
  };
  response.assignSocket(socket as unknown as Socket);
  socket.on("drain", () => {
    if (!response.writableEnded) response.emit("drain");
  });
  response.once("prefinish", () => socket.end());
  return response;
}

type Trailers = Parameters<ServerResponse["addTrailers"]>[0];

function trailerFields(trailers: Trailers): Record<string, string | string[]> {
  const entries = Array.isArray(trailers) ? trailers : Object.entries(trailers);
  return Object.fromEntries(entries as [string, string | string[]][]);
}
