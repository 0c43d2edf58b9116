import type { Exchange, Listener } from "@king-runtime/core";
import { connectRaw, type RawSocket, type Recorder, recorder } from "@king-runtime/testkit";
import { listenHttp } from "@king-runtime/transport";
import { onTestFinished } from "vitest";
import WebSocket from "ws";
import {
  type Connection,
  type CreateRealtimeOptions,
  createRealtime,
  type HandleOptions,
  type Realtime,
} from "../src/index.ts";

/** A realtime behind a listener on a free port, both closed when the test ends. */
export interface Endpoint {
  readonly realtime: Realtime;
  readonly listener: Listener;
  readonly port: number;
  readonly url: string;
  /** Connections as they open. */
  readonly opened: Recorder<Connection>;
  /** What handlers threw. */
  readonly errors: Recorder<unknown>;
}

/** Every request is handed to the realtime, with the options that `handle` makes of it. */
export async function openEndpoint(
  options: CreateRealtimeOptions = {},
  handle: (exchange: Exchange) => HandleOptions = () => ({}),
): Promise<Endpoint> {
  const opened = recorder<Connection>();
  const errors = recorder<unknown>();
  const realtime = createRealtime(options);
  const listener = await listenHttp({
    handler(exchange) {
      const connection = realtime.handle(exchange, handle(exchange));
      if (connection) opened.record(connection);
    },
    onHandlerError: errors.record,
  });
  onTestFinished(async () => {
    realtime.abort();
    listener.abort();
    await Promise.all([realtime.closed, listener.closed]);
  });
  const { port } = listener.local;
  return { realtime, listener, port, url: `ws://127.0.0.1:${port}/`, opened, errors };
}

/** What an independent client saw. */
export interface Client {
  readonly socket: WebSocket;
  /** Text as strings, binary as bytes. */
  readonly messages: Recorder<string | Buffer>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

/** Connects with the `ws` client. */
export async function connectClient(
  url: string,
  options: WebSocket.ClientOptions = {},
): Promise<Client> {
  const messages = recorder<string | Buffer>();
  const socket = new WebSocket(url, options);
  onTestFinished(() => socket.terminate());
  socket.on("message", (data, isBinary) =>
    messages.record(isBinary ? (data as Buffer) : String(data)),
  );
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on("close", (code, reason) => resolve({ code, reason: String(reason) })),
  );
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  return { socket, messages, closed };
}

/** The sample key of RFC 6455, section 1.3, and the proof that belongs to it. */
const sampleKey = "dGhlIHNhbXBsZSBub25jZQ==";
export const sampleProof = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** A valid opening handshake, with fields changed, or left out with `undefined`. */
export function handshake(
  port: number,
  changes: Readonly<Record<string, string | undefined>> = {},
  requestLine = "GET / HTTP/1.1",
): string {
  const fields: Record<string, string | undefined> = {
    host: `127.0.0.1:${port}`,
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-key": sampleKey,
    "sec-websocket-version": "13",
    ...changes,
  };
  const lines = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `${requestLine}\r\n${lines.join("")}\r\n`;
}

/** A raw connection past its handshake. */
export async function connectRawClient(
  port: number,
  options: { readonly reading?: boolean } = {},
): Promise<RawSocket> {
  const socket = await connectRaw({ port, ...options });
  onTestFinished(() => socket[Symbol.asyncDispose]());
  await socket.write(handshake(port));
  if (options.reading !== false) await socket.readUntil("\r\n\r\n");
  return socket;
}

/** A masked frame as clients send them. */
export function clientFrame(firstByte: number, payload: string | Uint8Array): Buffer {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : Buffer.from(payload);
  const mask = Buffer.from([0x12, 0x34, 0x56, 0x78]);
  const masked = bytes.map((byte, index) => byte ^ (mask[index % 4] as number));
  const length =
    bytes.length < 126
      ? Buffer.from([0x80 | bytes.length])
      : Buffer.from([0x80 | 126, bytes.length >> 8, bytes.length & 0xff]);
  return Buffer.concat([Buffer.from([firstByte]), length, mask, masked]);
}
