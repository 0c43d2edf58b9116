import type { Exchange, ExchangeHandler, FetchHandler, HeaderFields } from "@king-runtime/core";
import { httpErrors } from "./errors.ts";
import { respondProblem } from "./problem.ts";

/**
 * Mounts a Fetch handler on a listener. The request's body streams; its `signal` aborts when the
 * client goes away. A body that fails after the head was sent resets the exchange, so that the
 * client cannot take it for whole.
 */
export function fromFetch(handler: FetchHandler): ExchangeHandler {
  return async (exchange) => {
    let request: Request;
    try {
      request = toRequest(exchange);
    } catch (error) {
      if (!httpErrors.is(error, "KING_HTTP_REQUEST_INVALID")) throw error;
      respondProblem(exchange, { status: error.details.option === "method" ? 501 : 400 });
      return;
    }
    await respondFetch(exchange, await handler(request));
  };
}

// Methods that the Fetch standard forbids.
const forbiddenMethods = new Set(["CONNECT", "TRACE", "TRACK"]);

/**
 * The exchange as a genuine `Request`.
 *
 * @throws {KingError} KING_HTTP_REQUEST_INVALID when its method, scheme, target or authority is one that a
 * `Request` cannot have; `details.option` names it.
 */
export function toRequest(exchange: Exchange): Request {
  const name = exchange.method.toUpperCase();
  if (forbiddenMethods.has(name)) throw refused("method", "one that Request allows");
  const bodyless = name === "GET" || name === "HEAD";
  return new Request(urlOf(exchange), {
    method: exchange.method,
    headers: exchange.headers.toHeaders(),
    signal: exchange.signal,
    ...(bodyless ? {} : { body: exchange.readable, duplex: "half" }),
  } as RequestInit);
}

// Host and port alone (RFC 9110, section 7.2; RFC 3986, section 3.2.2): anything more would let
// the client write the path that the target is meant to tell.
const authorityForm = /^(\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(:\d*)?$/i;

function urlOf({ scheme, authority, target }: Exchange): string {
  if (!/^https?$/.test(scheme)) throw refused("scheme", "http or https");
  if (target.startsWith("/")) {
    const url = `${scheme}://${authority || "localhost"}${target}`;
    const allowed = authority === "" || authorityForm.test(authority);
    if (allowed && URL.canParse(url)) return url;
    throw refused("authority", "a host, and a port if any");
  }
  const url = URL.canParse(target) ? new URL(target) : undefined;
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (isHttp && url?.username === "" && url.password === "") return target;
  throw refused("target", "a path, or an http: or https: URL without credentials");
}

const refused = (option: string, expected: string) =>
  httpErrors.create("KING_HTTP_REQUEST_INVALID", `${option}: expected ${expected}`, { option });

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
  if (exchange.method === "HEAD") {
    await body?.cancel();
    exchange.respond(status, fields); // without a length: that of the body is not known
    return exchange.end();
  }
  if (body === null) return exchange.respond(status, fields, "");
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
