import { connect, type Socket } from "node:net";
import type { LoadRequest } from "./messages.ts";

/** Sends requests over raw keep-alive sockets, one in flight on each, until all are answered. */
export async function loadHttp1({ port, requests, load }: LoadRequest): Promise<void> {
  const connections = Math.min(load.connections ?? 16, requests);
  const bodyBytes = load.bodyBytes ?? 0;
  const head =
    `${load.method ?? "GET"} ${load.path ?? "/"} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n` +
    `${bodyBytes > 0 ? `content-length: ${bodyBytes}\r\n` : ""}\r\n`;
  const request = Buffer.concat([Buffer.from(head, "latin1"), Buffer.alloc(bodyBytes, 0x61)]);
  let left = requests;
  const takeOne = () => left > 0 && left-- > 0;
  await Promise.all(
    Array.from({ length: connections }, () => drive(port, request, takeOne, load.expectBodyBytes)),
  );
}

function drive(
  port: number,
  request: Buffer,
  takeOne: () => boolean,
  expectBodyBytes: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let received: Buffer = Buffer.alloc(0);
    let finished = false;
    const finish = (error?: Error) => {
      if (finished) return;
      finished = true;
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };
    const next = () => (takeOne() ? void socket.write(request) : finish());
    socket.on("connect", next);
    socket.on("error", finish);
    socket.on("close", () => finish(new Error("the server closed a keep-alive connection")));
    socket.on("data", (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      try {
        const end = responseEnd(received, expectBodyBytes);
        if (end === undefined) return;
        if (end !== received.length) throw new Error("more bytes than one response");
      } catch (error) {
        return finish(error as Error);
      }
      received = Buffer.alloc(0);
      next();
    });
  });
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
