import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { Agent as HttpsAgent, request as requestTls } from "node:https";
import type { Socket } from "node:net";
import type { Duplex, Readable, Writable } from "node:stream";
import type { Exchange, Listener, Session, Stream } from "@king-runtime/core";
import type { SessionHarness, StreamHarness, StreamPeer } from "@king-runtime/testkit";
import { type ListenHttpOptions, listenHttp } from "../src/index.ts";

/** A listener that hands its exchanges to the test. */
export interface ExchangeSource extends AsyncDisposable {
  readonly listener: Listener;
  /** The next exchange. */
  next(): Promise<Exchange>;
}

export async function exchangeSource(
  options: Partial<ListenHttpOptions> = {},
): Promise<ExchangeSource> {
  const arrived: Exchange[] = [];
  let wanted: ((exchange: Exchange) => void) | undefined;
  const listener = await listenHttp({
    handler(exchange) {
      if (wanted === undefined) arrived.push(exchange);
      else wanted(exchange);
      wanted = undefined;
    },
    ...options,
  });
  return {
    listener,
    next() {
      const exchange = arrived.shift();
      if (exchange !== undefined) return Promise.resolve(exchange);
      return new Promise((resolve) => {
        wanted = resolve;
      });
    },
    async [Symbol.asyncDispose]() {
      listener.abort();
      await listener.closed;
    },
  };
}

/** A peer over node's own streams. */
function peerOver(
  output: Writable,
  input: Promise<Readable>,
  reset: (code?: number) => void,
): StreamPeer {
  let source: AsyncIterator<Uint8Array> | undefined;
  output.on("error", () => undefined);
  return {
    write(chunk) {
      return new Promise((resolve, reject) => {
        if (output.destroyed || output.errored) return reject(new Error("the stream is over"));
        const onClose = () => reject(new Error("the stream closed"));
        output.once("close", onClose);
        const done = () => {
          output.removeListener("close", onClose);
          resolve();
        };
        if (output.write(chunk)) done();
        else output.once("drain", done);
      });
    },
    end: () => new Promise((resolve) => output.end(() => resolve())),
    async reset(code) {
      reset(code);
    },
    async read() {
      if (source === undefined) {
        const readable = await input;
        source = readable.iterator({ destroyOnReturn: false });
      }
      const { done, value } = await source.next();
      return done ? undefined : value;
    },
  };
}

/** One exchange over HTTP/1.1, answered 200 with both bodies open. */
export async function openHttp1Exchange(
  options?: Partial<ListenHttpOptions>,
): Promise<StreamHarness> {
  const source = await exchangeSource({ maxBodyBytes: Number.POSITIVE_INFINITY, ...options });
  const { client, response } = post(source.listener, options?.tls !== undefined);
  const stream = await source.next();
  stream.respond(200);
  const peer = peerOver(client, response, () => client.socket?.destroy());
  return {
    stream,
    peer,
    async [Symbol.asyncDispose]() {
      client.destroy();
      await source[Symbol.asyncDispose]();
    },
  };
}

function post(
  listener: Listener,
  tls: boolean,
): { client: ClientRequest; response: Promise<IncomingMessage> } {
  const options = { port: listener.local.port, method: "POST", path: "/" };
  // Otherwise the client ends the connection with the response, whatever it still had to send.
  const keepAlive = true;
  const client = tls
    ? requestTls({
        ...options,
        agent: new HttpsAgent({ keepAlive }),
        // What is under test here is the stream; certificates are verified elsewhere.
        rejectUnauthorized: false,
      })
    : request({ ...options, agent: new HttpAgent({ keepAlive }) });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    client.once("response", resolve);
    client.on("error", reject);
  });
  response.catch(() => undefined);
  client.flushHeaders();
  return { client, response };
}

/** One exchange over HTTP/2 with prior knowledge, answered 200 with both bodies open. */
export async function openHttp2Exchange(
  options?: Partial<ListenHttpOptions>,
): Promise<StreamHarness> {
  const source = await exchangeSource({ maxBodyBytes: Number.POSITIVE_INFINITY, ...options });
  const session = connectHttp2(source.listener);
  const client = session.request({ ":method": "POST", ":path": "/" });
  const stream = await source.next();
  stream.respond(200);
  return {
    stream,
    peer: peerOver(client, Promise.resolve(client), (code = 8) => client.close(code)),
    async [Symbol.asyncDispose]() {
      session.destroy();
      await source[Symbol.asyncDispose]();
    },
  };
}

export function connectHttp2(listener: Listener): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${listener.local.port}`);
  session.on("error", () => undefined);
  return session;
}

/** The stream of an accepted upgrade. */
export async function openUpgraded(): Promise<StreamHarness & { stream: Stream }> {
  const source = await exchangeSource();
  const client = request({
    port: source.listener.local.port,
    headers: { connection: "Upgrade", upgrade: "websocket" },
  });
  client.on("error", () => undefined);
  const upgraded = new Promise<Duplex>((resolve) => {
    client.once("upgrade", (_response, socket) => resolve(socket));
  });
  client.end();
  const exchange = await source.next();
  const stream = exchange.upgrade?.accept() as Stream;
  const socket = (await upgraded) as Socket;
  return {
    stream,
    peer: peerOver(socket, Promise.resolve(socket), () => socket.resetAndDestroy()),
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await source[Symbol.asyncDispose]();
    },
  };
}

/** The stream of an accepted extended CONNECT (RFC 8441). */
export async function openExtendedConnect(): Promise<StreamHarness & { stream: Stream }> {
  const source = await exchangeSource();
  const session = connectHttp2(source.listener);
  const client = await extendedConnect(session);
  const exchange = await source.next();
  const stream = exchange.upgrade?.accept() as Stream;
  return {
    stream,
    peer: peerOver(client, Promise.resolve(client), (code = 8) => client.close(code)),
    async [Symbol.asyncDispose]() {
      session.destroy();
      await source[Symbol.asyncDispose]();
    },
  };
}

/** Asks for `protocol` by an extended CONNECT, once the server has said that it takes them. */
export async function extendedConnect(
  session: ClientHttp2Session,
  protocol = "websocket",
): Promise<ClientHttp2Stream> {
  if (!session.remoteSettings?.enableConnectProtocol) {
    await new Promise((resolve) => session.once("remoteSettings", resolve));
  }
  const client = session.request({
    ":method": "CONNECT",
    ":protocol": protocol,
    ":scheme": "http",
    ":path": "/chat?room=1",
    ":authority": "server.example",
  });
  client.on("error", () => undefined);
  return client;
}

/** A session of a listener, on which an exchange is work under way. */
export async function openSession(protocol: "h1" | "h2"): Promise<SessionHarness> {
  const source = await exchangeSource();
  const opened = protocol === "h1" ? http1Client(source) : http2Client(source);
  const first = await opened.request();
  first.exchange.respond(200, {}, "first");
  await first.body;
  await first.exchange.closed;
  const session: Session = first.exchange.session;
  return {
    session,
    async work() {
      const { exchange, body } = await opened.request();
      body.catch(() => undefined);
      return {
        ended: exchange.closed,
        async finish() {
          exchange.respond(200, {}, "done");
          await body;
        },
      };
    },
    async disconnect() {
      opened.disconnect();
    },
    async [Symbol.asyncDispose]() {
      opened.disconnect();
      await source[Symbol.asyncDispose]();
    },
  };
}

interface Client {
  request(): Promise<{ exchange: Exchange; body: Promise<string> }>;
  disconnect(): void;
}

function http1Client(source: ExchangeSource): Client {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 });
  let socket: Socket | undefined;
  return {
    async request() {
      const client = request({ port: source.listener.local.port, agent });
      const body = new Promise<string>((resolve, reject) => {
        client.on("error", reject);
        client.once("response", async (response) => {
          try {
            let text = "";
            for await (const chunk of response) text += chunk;
            resolve(text);
          } catch (error) {
            reject(error);
          }
        });
      });
      client.once("socket", (each) => {
        socket = each;
      });
      client.end();
      return { exchange: await source.next(), body };
    },
    disconnect: () => socket?.destroy(),
  };
}

function http2Client(source: ExchangeSource): Client {
  const session = connectHttp2(source.listener);
  return {
    async request() {
      const client = session.request({ ":path": "/" });
      const body = (async () => {
        let text = "";
        for await (const chunk of client) text += chunk;
        return text;
      })();
      return { exchange: await source.next(), body };
    },
    disconnect: () => session.destroy(),
  };
}
