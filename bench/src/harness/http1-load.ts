import { connect, type Socket } from "node:net";
import type { LoadRequest } from "./messages.ts";

/** A body is sent in pieces of this size. */
const pieceBytes = 1_048_576;

interface Driven {
  readonly port: number;
  readonly head: Buffer;
  readonly bodyBytes: number;
  readonly expectBodyBytes: number;
  readonly takeOne: () => boolean;
}

/** Sends requests over raw keep-alive sockets, one in flight on each, until all are answered. */
export async function loadHttp1({ port, requests, load }: LoadRequest): Promise<void> {
  const connections = Math.min(load.connections ?? 16, requests);
  const bodyBytes = load.bodyBytes ?? 0;
  const head = Buffer.from(
    `${load.method ?? "GET"} ${load.path ?? "/"} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n` +
      `${bodyBytes > 0 ? `content-length: ${bodyBytes}\r\n` : ""}\r\n`,
    "latin1",
  );
  let left = requests;
  const takeOne = () => left > 0 && left-- > 0;
  const { expectBodyBytes } = load;
  const driven: Driven = { port, head, bodyBytes, expectBodyBytes, takeOne };
  await Promise.all(Array.from({ length: connections }, () => drive(driven)));
}

function drive({ port, head, bodyBytes, expectBodyBytes, takeOne }: Driven): Promise<void> {
  const piece = Buffer.alloc(Math.min(bodyBytes, pieceBytes), 0x61);
  const request = bodyBytes === piece.length ? Buffer.concat([head, piece]) : head;
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let received: Buffer = Buffer.alloc(0);
    /** Bytes of a large body that are still to come; -1 while its head is. */
    let restBytes = -1;
    let unsentBytes = 0;
    let finished = false;
    const finish = (error?: Error) => {
      if (finished) return;
      finished = true;
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };
    const sendOn = () => {
      while (unsentBytes > 0) {
        const length = Math.min(unsentBytes, piece.length);
        unsentBytes -= length;
        if (!socket.write(piece.subarray(0, length))) return;
      }
    };
    const next = () => {
      if (!takeOne()) return finish();
      socket.write(request);
      if (request === head) unsentBytes = bodyBytes;
      sendOn();
    };
    const onLarge = (chunk: Buffer) => {
      restBytes -= chunk.length;
      if (restBytes < 0) throw new Error("more bytes than one response");
      if (restBytes > 0) return;
      restBytes = -1;
      next();
    };
    const onData = (chunk: Buffer) => {
      if (restBytes >= 0) return onLarge(chunk);
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      if (expectBodyBytes > pieceBytes) {
        const start = largeBodyStart(received, expectBodyBytes);
        if (start === undefined) return;
        const body = received.subarray(start);
        received = Buffer.alloc(0);
        restBytes = expectBodyBytes;
        return onLarge(body);
      }
      const end = responseEnd(received, expectBodyBytes);
      if (end === undefined) return;
      if (end !== received.length) throw new Error("more bytes than one response");
      received = Buffer.alloc(0);
      next();
    };
    socket.on("connect", next);
    socket.on("drain", sendOn);
    socket.on("error", finish);
    socket.on("close", () => finish(new Error("the server closed a keep-alive connection")));
    socket.on("data", (chunk: Buffer) => {
      try {
        onData(chunk);
      } catch (error) {
        finish(error as Error);
      }
    });
  });
}

/**
 * Where the body of a response begins that is too large to be kept; `undefined` while its head is
 * incomplete.
 *
 * @throws Error when it is not a 200 that announces `expectBodyBytes` bytes.
 */
export function largeBodyStart(bytes: Buffer, expectBodyBytes: number): number | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = bytes.toString("latin1", 0, headEnd);
  if (!head.startsWith("HTTP/1.1 200")) throw new Error(`answered ${head.slice(0, 60)}`);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (Number(length) !== expectBodyBytes) {
    throw new Error(`expected ${expectBodyBytes} body bytes, announced ${length}`);
  }
  return headEnd + 4;
}

/**
 * Where the response at the start of `bytes` ends; `undefined` while it is incomplete.
 *
 * @throws Error when it is not a 200 whose body has `expectBodyBytes` bytes.
 */
export function responseEnd(bytes: Buffer, expectBodyBytes: number): number | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = bytes.toString("latin1", 0, headEnd);
  if (!head.startsWith("HTTP/1.1 200")) throw new Error(`answered ${head.slice(0, 60)}`);
  const bodyStart = headEnd + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    if (Number(length) !== expectBodyBytes)
      throw new Error(`expected ${expectBodyBytes} body bytes, got ${length}`);
    const end = bodyStart + expectBodyBytes;
    return bytes.length >= end ? end : undefined;
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) throw new Error(`no length: ${head}`);
  return chunkedEnd(bytes, bodyStart, expectBodyBytes);
}

function chunkedEnd(bytes: Buffer, start: number, expectBodyBytes: number): number | undefined {
  let body = 0;
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    at = lineEnd + 2 + size + 2;
    if (bytes.length < at) return undefined;
    if (size === 0) break;
    body += size;
  }
  if (body !== expectBodyBytes)
    throw new Error(`expected ${expectBodyBytes} body bytes, got ${body}`);
  return at;
}
