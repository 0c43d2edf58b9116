import { IncomingMessage, type ServerResponse } from "node:http";
import { httpErrors } from "../errors.ts";
import type { NodePair } from "../http1/exchange.ts";
import { refuseBody } from "./body-refusal.ts";

/**
 * Makes node's own request keep to the listener's rules: its body has at most `maxBodyBytes`, and a
 * client that waits for it is told to send it when somebody reads. Properties of this one request do
 * that; frameworks replace its prototype.
 */
export function watchRequest(pair: NodePair, refuse: (error: Error) => void): void {
  const { request, response, maxBodyBytes } = pair;
  const { headers } = request;
  // Without either there is no body (RFC 9112, section 6.3).
  if (headers["transfer-encoding"] === undefined && headers["content-length"] === undefined) return;
  if (headers.expect !== undefined) continueWhenRead(request, response);
  if (Number.isFinite(maxBodyBytes)) limitBody(pair, refuse);
}

// Where nobody reads, node ends the connection with the response (RFC 9110, section 10.1.1).
function continueWhenRead(request: IncomingMessage, response: ServerResponse): void {
  const read = IncomingMessage.prototype._read;
  request._read = function (size) {
    request._read = read;
    if (!response.headersSent) response.writeContinue();
    read.call(this, size);
  };
}

function limitBody(pair: NodePair, refuse: (error: Error) => void): void {
  const { request, response, maxBodyBytes: limitBytes } = pair;
  const push = IncomingMessage.prototype.push;
  let received = request.readableLength;
  let refused = false;
  const refuseRest = () => {
    refused = true;
    pair.endConnection();
    const error = httpErrors.create(
      "KING_HTTP_BODY_LIMIT",
      `body: expected at most ${limitBytes} bytes, got ${received} or more`,
      { limitBytes, announcedBytes: received },
    );
    refuseBody(request, error, () => {
      if (!response.writableEnded) refuse(error);
    });
  };
  request.push = function (chunk: Uint8Array | null, encoding) {
    if (refused) return true; // discarded, until the exchange is over
    received += chunk?.length ?? 0;
    if (received <= limitBytes) return push.call(this, chunk, encoding);
    refuseRest();
    return true;
  };
  // Behind another request it may have come before its turn did.
  if (received > limitBytes) refuseRest();
}
