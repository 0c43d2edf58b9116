import type { Exchange, HeaderFields } from "@king-runtime/core";
import { turn } from "../turn.ts";
import { bytesOf } from "./body-chunk.ts";
import { fieldsOf, plainReply } from "./reply.ts";

/**
 * Answers with a `Response`; resolves when it is handed over whole, and is not even a promise where
 * that is at once.
 */
export function respondFetch(exchange: Exchange, response: Response): void | Promise<void> {
  const plain = plainReply(response);
  if (plain === undefined) return respondStreamed(exchange, response);
  exchange.respond(response.status, plain.fields, plain.body);
}

async function respondStreamed(exchange: Exchange, response: Response): Promise<void> {
  if (typeof response?.status !== "number") {
    throw new TypeError(`expected a Fetch handler to give a Response, got ${typeof response}`);
  }
  await sendBody(exchange, response.status, fieldsOf(response.headers), response.body);
}

async function sendBody(
  exchange: Exchange,
  status: number,
  fields: HeaderFields,
  body: ReadableStream<Uint8Array> | null,
): Promise<void> {
  if (exchange.method === "HEAD") {
    body?.cancel().catch(() => undefined);
    exchange.respond(status, fields); // without a length: that of the body is not known
    return exchange.end();
  }
  if (body === null) return exchange.respond(status, fields, "");
  const reader = body.getReader();
  // Not only by the next chunk: who waits for something to tell may wait for ever.
  void exchange.closed.then(({ clean, error }) => {
    if (!clean) reader.cancel(error).catch(() => undefined);
  });
  try {
    // A body of one chunk, the common case, goes out in one piece with its head. One that takes longer
    // than a turn of the event loop does not hold back what is there, the head at least.
    const soon = turn();
    let pending = reader.read();
    let next = await Promise.race([pending, soon]);
    if (next?.done) return exchange.respond(status, fields, "");
    if (next !== undefined) {
      const first = bytesOf(next.value);
      pending = reader.read();
      next = await Promise.race([pending, soon]);
      if (next?.done) return exchange.respond(status, fields, first);
      exchange.respond(status, fields);
      await exchange.write(first);
    } else exchange.respond(status, fields);
    for (let more = next ?? (await pending); !more.done; more = await reader.read()) {
      await exchange.write(bytesOf(more.value));
    }
    await exchange.end();
  } catch (error) {
    reader.cancel(error).catch(() => undefined); // the error that counts is thrown below
    throw error;
  }
}
