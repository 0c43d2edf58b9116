import { KingError } from "@king-runtime/core";
import { eventually, watchResources, withDeadline } from "@king-runtime/testkit";
import { expect } from "vitest";
import {
  type CreateHttpClientOptions,
  createHttpClient,
  type ExchangeOptions,
  type HttpClientResponse,
  type OpenHttpSessionOptions,
  openHttpSession,
  type RequestOptions,
  request,
} from "../../../src/index.ts";

/** Options that every way takes. */
export type WayOptions = ExchangeOptions &
  Pick<
    RequestOptions,
    "tls" | "protocols" | "proxy" | "config" | "connectTimeoutMs" | "maxHeaderBytes"
  > & {
    resolver?: NonNullable<RequestOptions["resolver"]>;
    connector?: NonNullable<RequestOptions["connector"]>;
  };

/** One of the ways to make requests to an origin. */
export interface Way extends AsyncDisposable {
  /** Makes a request, as far as to its head. */
  ask(path: string, options?: ExchangeOptions): Promise<HttpClientResponse>;
  /** Waits until the connections that are open now have ended. */
  ended(): Promise<void>;
  /** Fails unless nothing is under way any more, or only for a few more turns of the loop. */
  idle(): Promise<void>;
}

export type WayName = keyof typeof ways;

/** Keys of {@link WayOptions} that belong to connections rather than to requests. */
const ofConnections = [
  "tls",
  "protocols",
  "proxy",
  "config",
  "connectTimeoutMs",
  "maxHeaderBytes",
  "resolver",
  "connector",
];

function parted(options: WayOptions) {
  const entries = Object.entries(options);
  return {
    connections: Object.fromEntries(entries.filter(([name]) => ofConnections.includes(name))),
    exchange: Object.fromEntries(entries.filter(([name]) => !ofConnections.includes(name))),
  };
}

function byClient(origin: string, options: WayOptions, more: ExchangeOptions = {}): Way {
  const { connections, exchange } = parted(options);
  const client = createHttpClient(connections as CreateHttpClientOptions);
  return {
    ask: (path, own) => client.request(`${origin}${path}`, { ...exchange, ...more, ...own }),
    async ended() {
      const ends = [...client.sessions()].map((session) => session.closed);
      await withDeadline(Promise.all(ends), "the end of the connections");
    },
    async idle() {
      await eventually("a client at rest", () => {
        const { requestsWaiting, sessionsOpening, sessionsActive, sessionsIdle } = client.stats();
        return requestsWaiting + sessionsOpening === 0 && sessionsActive === sessionsIdle;
      });
    },
    async [Symbol.asyncDispose]() {
      await withDeadline(client.close(), "the client to close");
      expect(client.stats().sessionsActive).toBe(0);
    },
  };
}

/** All ways to make requests, by what carries them over HTTP/1.1. */
export const ways = {
  /** undici on a connection of its own. */
  "request()": (origin: string, options: WayOptions): Way => ({
    ask: (path, own) => request(`${origin}${path}`, { ...options, ...own }),
    ended: async () => undefined,
    idle: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  }),
  /** undici in the pool. */
  "a client": (origin: string, options: WayOptions): Way => byClient(origin, options),
  /** node:http in the pool: trailers are what undici does without. */
  "a client that sends trailers": (origin: string, options: WayOptions): Way =>
    byClient(origin, options, { trailers: {} }),
  /** node:http on a session of the caller's; another one when the first is over. */
  "a session": (origin: string, options: WayOptions): Way => {
    const { connections, exchange } = parted(options);
    const open = () => openHttpSession(origin, connections as OpenHttpSessionOptions);
    const opened: Awaited<ReturnType<typeof open>>[] = [];
    return {
      async ask(path, own) {
        for (;;) {
          const session = opened.at(-1);
          try {
            if (session?.state === "open") {
              // One that is about to end is found out about by waiting.
              const stream = await session.request({
                path,
                atLimit: "wait",
                ...exchange,
                ...own,
              });
              return await stream.response;
            }
          } catch (error) {
            if (!KingError.is(error, "KING_SESSION_CLOSED")) throw error;
          }
          opened.push(await open());
        }
      },
      async ended() {
        const ends = opened.map((session) => session.closed);
        await withDeadline(Promise.all(ends), "the end of the connections");
      },
      async idle() {
        await eventually("sessions at rest", () =>
          opened.every((session) => session.stats().streamsActive === 0),
        );
      },
      async [Symbol.asyncDispose]() {
        for (const session of opened) {
          session.abort();
          await withDeadline(session.closed, "the session to end");
        }
      },
    };
  },
} as const;

export const wayNames = Object.keys(ways) as WayName[];

/** What becomes of a request: the text of the body, or an error. */
export type Outcome =
  | { readonly text: string; readonly status?: number }
  | { readonly code: string; readonly details?: Readonly<Record<string, unknown>> };

/** What differs between the two carriers of HTTP/1.1: undici and node:http. */
export interface ByCarrier {
  readonly plain: Outcome;
  readonly full: Outcome;
}

export function expectedBy(name: WayName, outcome: Outcome | ByCarrier): Outcome {
  if (!("plain" in outcome)) return outcome;
  return name === "request()" || name === "a client" ? outcome.plain : outcome.full;
}

/** Reads a response whole, as any caller would. */
export async function outcomeOf(asked: Promise<HttpClientResponse>): Promise<unknown> {
  try {
    const response = await withDeadline(asked, "a head or an error", { deadlineMs: 4_000 });
    const text = await withDeadline(response.text(), "a body or an error", { deadlineMs: 4_000 });
    await response.trailers;
    return { text, status: response.status };
  } catch (error) {
    return error;
  }
}

/** Whether `outcome` is what was expected, and an error one that names its cause. */
export function expectOutcome(outcome: unknown, expected: Outcome): void {
  if ("text" in expected) {
    if (outcome instanceof Error) throw outcome;
    expect(outcome).toMatchObject(expected);
    return;
  }
  expect(outcome).toMatchObject({ name: "KingError", ...expected });
  expect((outcome as Error).message).not.toMatch(/\[object/);
}

/** Runs `test` on one way, and has nothing be left of it afterwards. */
export async function onWay(
  name: WayName,
  origin: string,
  options: WayOptions,
  test: (way: Way) => Promise<void>,
): Promise<void> {
  const way = ways[name](origin, options);
  try {
    await test(way);
  } finally {
    await way[Symbol.asyncDispose]();
  }
}

/** The same for a place that is made for the test, with a watch over all that both leave behind. */
export async function leavingNothing(test: () => Promise<void>): Promise<void> {
  const watch = watchResources();
  await test();
  await watch.settled();
}
