import type { Exchange, ExchangeHandler, FetchHandler, HeaderFields } from "@king-runtime/core";

/**
 * Mounts a Fetch handler on a listener. The request's body streams; its `signal` aborts when the
 * client goes away. A body that fails after the head was sent resets the exchange, so that the
 * client cannot take it for whole.
 */
export function fromFetch(handler: FetchHandler): ExchangeHandler {
  return async (exchange) => {
    await respondFetch(exchange, await handler(toRequest(exchange)));
  };
}

/** The exchange as a genuine `Request`. */
export function toRequest(exchange: Exchange): Request {
  const { method, target, scheme } = exchange;
  const authority = exchange.authority || "localhost";
  const url = target.startsWith("/") ? `${scheme}://${authority}${target}` : target;
  const bodyless = method === "GET" || method === "HEAD";
  return new Request(url, {
    method,
    headers: exchange.headers.toHeaders(),
    signal: exchange.signal,
    ...(bodyless ? {} : { body: exchange.readable, duplex: "half" }),
  } as RequestInit);
}

/** Answers with a `Response`; resolves when it is handed over whole. */
export async function respondFetch(exchange: Exchange, response: Response): Promise<void> {
  const fields: Record<string, string | string[]> = {};
  for (const [name, value] of response.headers) {
    if (name !== "set-cookie") fields[name] = value;
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) fields["set-cookie"] = cookies;
  await sendBody(exchange, response.status, fields, response.body);
}

async function sendBody(
  exchange: Exchange,
  status: number,
  fields: HeaderFields,
  body: ReadableStream<Uint8Array> | null,
): Promise<void> {
  if (body === null || exchange.method === "HEAD") {
    await body?.cancel();
    exchange.respond(status, fields, "");
    return;
  }
  const reader = body.getReader();
  try {
    const first = await reader.read();
    if (first.done) return exchange.respond(status, fields, "");
    // A body of one chunk, the common case, goes out in one piece with its head; one that takes
    // longer than a turn of the event loop to say so does not hold its first chunk back.
    const pending = reader.read();
    const next = await Promise.race([pending, turn()]);
    if (next?.done) return exchange.respond(status, fields, first.value);
    exchange.respond(status, fields);
    await exchange.write(first.value);
    for (let chunk = next ?? (await pending); !chunk.done; chunk = await reader.read()) {
      await exchange.write(chunk.value);
    }
    await exchange.end();
  } catch (error) {
    if (exchange.responded) exchange.abort(error);
    reader.cancel(error).catch(() => undefined); // the error that counts is thrown below
    throw error;
  }
}

const turn = () => new Promise<undefined>((resolve) => setImmediate(resolve, undefined));
