import type { IncomingMessage } from "node:http";

/** Whether `error` is the one of a body over its limit, as frameworks for node read it. */
export interface RefusedBody extends Error {
  /** What Express and Fastify answer with. */
  status: number;
  statusCode: number;
}

/**
 * Ends `request` with `error`, for whoever reads it to answer with 413. Its connection lives on, so that
 * the answer reaches a client that still sends; `answer` is called where nobody has answered at once.
 */
export function refuseBody(request: IncomingMessage, error: Error, answer: () => void): void {
  const refused = Object.assign(error, { status: 413, statusCode: 413 }) satisfies RefusedBody;
  request._destroy = (reason, callback) => {
    request.aborted = true;
    // Without a listener the error would bring the process down.
    process.nextTick(() => callback(request.listenerCount("error") > 0 ? reason : null));
  };
  request.destroy(refused);
  setImmediate(answer);
}
