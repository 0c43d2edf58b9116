import { once } from "node:events";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { connect } from "node:http2";
import { request as httpsRequest } from "node:https";
import type { Writable } from "node:stream";
import type { ExchangeHandler, Listener } from "@king-runtime/core";
import { makeCertificates } from "@king-runtime/testkit";
import { type ListenHttpOptions, listenHttp } from "../../src/listen-http.ts";

/** How a test speaks to the listener. */
export type Wire = "h1" | "h1 over TLS" | "h2" | "h2 over TLS";

export const wires: readonly Wire[] = ["h1", "h1 over TLS", "h2", "h2 over TLS"];

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly text: string;
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
  /** Interim responses that came before it. */
  readonly interim: readonly { readonly status: number; readonly link?: unknown }[];
}

/** A request. */
export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** One chunk, or several that are sent one by one. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
}

/** A listener, and clients of it that are not ours. */
export interface Place extends AsyncDisposable {
  readonly listener: Listener;
  /** What was told to `onHandlerError`. */
  readonly errors: unknown[];
  ask(path: string, ask?: Ask): Promise<Answer>;
}

let certificates: ReturnType<typeof makeCertificates> | undefined;

export async function openPlace(
  wire: Wire,
  handler: ExchangeHandler,
  options: Partial<ListenHttpOptions> = {},
): Promise<Place> {
  certificates ??= makeCertificates();
  const { ca, leaf } = await certificates;
  const errors: unknown[] = [];
  const secure = wire.endsWith("TLS");
  const listener = await listenHttp({
    handler,
    onHandlerError: (error) => errors.push(error),
    ...(secure ? { tls: leaf } : {}),
    ...options,
  });
  const client = wire.startsWith("h2")
    ? http2Client(listener, secure ? ca : undefined)
    : http1Client(listener, secure ? ca : undefined);
  return {
    listener,
    errors,
    ask: client.ask,
    async [Symbol.asyncDispose]() {
      client.close();
      listener.abort();
      await listener.closed;
    },
  };
}

async function* chunksOf(body: Ask["body"]): AsyncGenerator<Uint8Array> {
  if (body === undefined) return;
  if (typeof body === "string") yield Buffer.from(body);
  else if (body instanceof Uint8Array) yield body;
  else yield* body;
}

async function roomIn(output: Writable): Promise<void> {
  const room = new AbortController();
  const { signal } = room;
  await Promise.race(["drain", "close"].map((event) => once(output, event, { signal })));
  room.abort();
}

function http1Client(listener: Listener, ca: string | undefined) {
  const agent = ca === undefined ? new HttpAgent({ keepAlive: true }) : undefined;
  const { port } = listener.local;
  const ask = (path: string, { method = "GET", headers = {}, body }: Ask = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const interim: Answer["interim"][number][] = [];
      const given = { host: "localhost", port, path, method, headers };
      const client =
        ca === undefined
          ? httpRequest({ ...given, agent: agent as HttpAgent })
          : httpsRequest({ ...given, ca });
      client.on("error", reject);
      client.on("information", ({ statusCode, headers }) =>
        interim.push({ status: statusCode, ...(headers["link"] && { link: headers["link"] }) }),
      );
      client.on("response", async (response) => {
        try {
          const chunks: Buffer[] = [];
          for await (const chunk of response) chunks.push(chunk);
          const whole = Buffer.concat(chunks);
          resolve({
            status: response.statusCode as number,
            headers: response.headers,
            body: whole,
            text: whole.toString(),
            trailers: response.trailers,
            interim,
          });
        } catch (error) {
          reject(error);
        }
      });
      const send = async () => {
        if (typeof body === "string") return client.end(body);
        if (headers["expect"] !== undefined) {
          client.flushHeaders();
          await new Promise((go) => client.once("continue", go).once("response", go));
        }
        for await (const chunk of chunksOf(body)) {
          if (client.destroyed) return client;
          if (!client.write(chunk)) {
            await roomIn(client);
          }
        }
        return client.end();
      };
      send().catch(reject);
    });
  return { ask, close: () => agent?.destroy() };
}

function http2Client(listener: Listener, ca: string | undefined) {
  const { port } = listener.local;
  const session =
    ca === undefined
      ? connect(`http://localhost:${port}`)
      : connect(`https://localhost:${port}`, { ca });
  session.on("error", () => undefined);
  const ask = async (path: string, { method = "GET", headers = {}, body }: Ask = {}) => {
    const stream = session.request(
      { ":path": path, ":method": method, ...headers },
      { endStream: body === undefined },
    );
    const interim: Answer["interim"][number][] = [];
    let trailers: Answer["trailers"] = {};
    const failed = new Promise<never>((_, reject) => stream.once("error", reject));
    failed.catch(() => undefined);
    const responded = new Promise<Record<string, string>>((resolve, reject) => {
      stream.once("response", (head) => resolve(head as Record<string, string>));
      stream.once("close", () => reject(new Error("closed without a response")));
    });
    stream.on("headers", (head) =>
      interim.push({ status: head[":status"] as number, link: head["link"] }),
    );
    stream.on("trailers", (fields) => {
      trailers = fields as Answer["trailers"];
    });
    const send = async () => {
      if (body === undefined) return;
      for await (const chunk of chunksOf(body)) {
        if (stream.destroyed) return;
        if (!stream.write(chunk)) {
          await roomIn(stream);
        }
      }
      stream.end();
    };
    send().catch(() => undefined);
    const head = await Promise.race([responded, failed]);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const whole = Buffer.concat(chunks);
    if (stream.rstCode !== 0) throw new Error(`reset with ${stream.rstCode}`);
    const { ":status": status, ...rest } = head;
    const answer = { headers: rest, body: whole, text: whole.toString(), trailers, interim };
    return { status: Number(status), ...answer };
  };
  return { ask, close: () => session.destroy() };
}
