import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { type Clock, resolveOptions, systemClock } from "@king-runtime/core";
import { type CertifiedKey, type Recorder, recorder } from "@king-runtime/testkit";
import { type ExchangeOptions, exchangeLimits } from "../../../src/client/exchange-options.ts";
import { createHttpClient, type HttpClient } from "../../../src/client/http-client.ts";
import type { IncomingResponse } from "../../../src/client/incoming-response.ts";
import { timeLeftMs } from "../../../src/client/policies/time-left.ts";
import { originOf, prepareRequest } from "../../../src/client/prepare-request.ts";
import type { PreparedRequest } from "../../../src/client/prepared-request.ts";
import type { RequestLimits } from "../../../src/client/request-limits.ts";
import type { Send } from "../../../src/client/send.ts";
import { requestSection } from "../../../src/config.ts";

/** A request as it came over the wire, whole. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server of node's own that notes what arrives. */
export interface WatchedServer extends AsyncDisposable {
  /** Such as `"http://127.0.0.1:8080"`. */
  readonly origin: string;
  readonly seen: readonly SeenRequest[];
  readonly connections: number;
  /** Whole requests, as they come. */
  readonly arrivals: Recorder<SeenRequest>;
  /** URLs of requests whose client left before the response was whole, and when, by `performance.now()`. */
  readonly abandoned: Recorder<{ readonly url: string }>;
}

/** Answers a request that is here whole; `count` is its number, from 1. */
export type Answer = (response: ServerResponse, request: SeenRequest, count: number) => unknown;

/** Starts one on loopback. */
export async function watchedServer(answer: Answer, tls?: CertifiedKey): Promise<WatchedServer> {
  const sockets = new Set<Socket>();
  const arrivals = recorder<SeenRequest>();
  const abandoned = recorder<{ url: string }>();
  let connections = 0;
  const server = tls === undefined ? createServer() : createSecureServer(tls);
  server.on("request", async (request, response) => {
    const { method = "", url = "", headers } = request;
    response.once("close", () => {
      if (!response.writableFinished) abandoned.record({ url });
    });
    let body = "";
    try {
      for await (const chunk of request) body += String(chunk);
    } catch {
      return; // it is among the abandoned
    }
    const seen = { method, url, headers, body };
    arrivals.record(seen);
    answer(response, seen, arrivals.values.length);
  });
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    seen: arrivals.values,
    arrivals,
    abandoned,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Where nobody listens. */
export async function deadOrigin(): Promise<string> {
  await using server = await watchedServer(() => undefined);
  return server.origin;
}

/** What `client` does without policies, as they see it. */
const sendOf =
  (client: HttpClient): Send =>
  (prepared) => {
    const { url, limits, ...request } = prepared;
    const options: Record<string, unknown> = { ...request };
    for (const name of ["origin", "path", "isOpen", "deadlineMs", "onAnswered"])
      delete options[name];
    for (const name of exchangeLimits) options[name] = limits[name];
    const leftMs = timeLeftMs(prepared);
    options["timeoutMs"] = Number.isFinite(leftMs) ? Math.max(1, Math.floor(leftMs)) : leftMs;
    return client.request(url, options as ExchangeOptions) as Promise<IncomingResponse>;
  };

/** A client over HTTP/1.1, and its way to send. */
export function plainClient(options: Parameters<typeof createHttpClient>[0] = {}) {
  const client = createHttpClient({ protocols: ["h1"], ...options });
  return {
    client,
    send: sendOf(client),
    async [Symbol.asyncDispose]() {
      client.abort();
      await client.closed;
    },
  };
}

/** A request as a client prepares it. */
export function prepared(
  url: string,
  options: ExchangeOptions = {},
  clock: Clock = systemClock,
): PreparedRequest {
  const own = exchangeLimits.filter((name) => options[name] !== undefined);
  const given = Object.fromEntries(own.map((name) => [name, options[name]]));
  const limits: RequestLimits = Object.freeze({
    ...resolveOptions(requestSection, given),
    clock,
  });
  const parsed = new URL(url);
  return prepareRequest(parsed, originOf(parsed), options, limits);
}

/** A clock whose time leaps to the end of whatever is waited for. */
export interface LeapingClock extends Clock {
  /** What was waited for, in milliseconds. */
  readonly waits: readonly number[];
}

/** Timers that do not keep the process alive are no waits: they never fire. */
export function leapingClock(): LeapingClock {
  const startMs = Date.UTC(2026, 0, 1);
  const waits: number[] = [];
  let elapsedMs = 0;
  const never = { cancel: () => undefined, [Symbol.dispose]: () => undefined };
  return {
    waits,
    now: () => startMs + elapsedMs,
    monotonic: () => elapsedMs,
    after(delayMs, callback, options) {
      if (options?.keepAlive === false) return never;
      const handle = setImmediate(() => {
        waits.push(delayMs);
        elapsedMs += delayMs;
        callback();
      });
      const cancel = () => clearImmediate(handle);
      return { cancel, [Symbol.dispose]: cancel };
    },
    every: () => never,
  };
}
