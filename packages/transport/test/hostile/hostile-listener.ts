import type { Listener } from "@king-runtime/core";
import { connectRaw, type RawSocket } from "@king-runtime/testkit";
import { expect } from "vitest";
import { type ListenHttpOptions, listenHttp } from "../../src/index.ts";

const neighbourPath = "/neighbour";

/** A listener under attack. */
export interface HostileListener extends AsyncDisposable {
  readonly listener: Listener;
  readonly port: number;
  /** Method and target of each request that reached the handler, the neighbour's left out. */
  readonly served: readonly string[];
  /** What `onHandlerError` was told. */
  readonly errors: readonly unknown[];
  /** Fails unless a client that was there before the attack, and one that comes now, are served. */
  neighboursAreServed(): Promise<void>;
}

/** A listener with small limits; its handler echoes what a POST brings, and says "ok" otherwise. */
export async function hostileListener(
  options: Partial<ListenHttpOptions> = {},
): Promise<HostileListener> {
  const served: string[] = [];
  const errors: unknown[] = [];
  const {
    handler = async (exchange) => {
      exchange.respond(200, {}, exchange.method === "POST" ? await exchange.bytes() : "ok");
    },
  } = options;
  const listener = await listenHttp({
    maxHeaderBytes: 2_048,
    maxBodyBytes: 65_536,
    maxPipelinedRequests: 10,
    maxStreamsPerSession: 10,
    onHandlerError: (error) => errors.push(error),
    ...options,
    handler(exchange) {
      if (exchange.target === neighbourPath) {
        exchange.respond(200, {}, "neighbour");
        return undefined;
      }
      served.push(`${exchange.method} ${exchange.target}`);
      return handler(exchange);
    },
  });
  const { port } = listener.local;
  const scheme = options.tls === undefined ? "clear" : "tls";
  const before = scheme === "clear" ? await connectRaw({ port }) : undefined;
  if (before !== undefined) await serveNeighbour(before);
  return {
    listener,
    port,
    served,
    errors,
    async neighboursAreServed() {
      if (before === undefined) return;
      await serveNeighbour(before);
      await using now = await connectRaw({ port });
      await serveNeighbour(now);
    },
    async [Symbol.asyncDispose]() {
      await before?.[Symbol.asyncDispose]();
      listener.abort();
      await listener.closed;
    },
  };
}

async function serveNeighbour(socket: RawSocket): Promise<void> {
  await socket.write(`GET ${neighbourPath} HTTP/1.1\r\nHost: a\r\n\r\n`);
  expect(await socket.readUntil("\r\n\r\nneighbour")).toMatch(/^HTTP\/1\.1 200 /);
}

/** A second request, as an attacker hides it behind one that is framed ambiguously. */
export const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/** A whole request. */
export const request = (line: string, fields: readonly string[] = ["Host: a"], body = ""): string =>
  `${[line, ...fields].join("\r\n")}\r\n\r\n${body}`;

/** A POST with fields of framing, and what comes for its body. */
export const post = (fields: readonly string[], body = ""): string =>
  request("POST /attack HTTP/1.1", ["Host: a", ...fields], body);

/** The statuses of the responses in what a connection carried. */
export function statuses(text: string): number[] {
  return Array.from(text.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status));
}

/**
 * Sends `bytes` with another request behind them, and expects what a refusal is: one response, an
 * orderly end of the connection, nothing served of what came behind, and neighbours unharmed.
 *
 * @returns the response.
 */
export async function expectRefused(
  place: HostileListener,
  bytes: string,
  status: number,
): Promise<string> {
  await using socket = await connectRaw({ port: place.port });
  await socket.write(bytes + smuggled).catch(() => undefined);
  await place.neighboursAreServed();
  const text = (await socket.readToEnd()).toString("latin1");
  expect(statuses(text), text).toEqual([status]);
  expect(text).toMatch(/^connection: close\r$/im);
  expect(await socket.ended).toBe("end");
  expect(place.served).not.toContain("GET /smuggled");
  expect(place.errors).toEqual([]);
  return text;
}
