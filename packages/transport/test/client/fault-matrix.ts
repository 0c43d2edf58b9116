import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { defineConfig } from "@king-runtime/core";
import { makeCertificates, watchResources, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import {
  type CreateHttpClientOptions,
  createHttpClient,
  type ExchangeOptions,
  type HttpClient,
  poolSection,
  requestSection,
  tlsSection,
} from "../../src/index.ts";
import { data, errorCode, frame, frameType, resetStream } from "../hostile/http2-frames.ts";
import { head, rawHttp2Server } from "./hostile/raw-http2-server.ts";
import { type RawPeer, rawServer } from "./hostile/raw-server.ts";

/** Where an exchange is when something happens to it. */
const phases = [
  "resolve",
  "connect",
  "proxy",
  "tls",
  "request head",
  "request body",
  "waiting for the head",
  "half of the head",
  "body",
  "trailers",
  "idle",
  "reuse",
] as const;
/** What happens to it. */
const failures = [
  "refused",
  "RST",
  "FIN",
  "stall",
  "garbage",
  "abort",
  "Connection: close",
  "GOAWAY",
  "REFUSED_STREAM",
] as const;
const policies = ["no policy", "retry", "hedge", "circuit breaker", "all policies"] as const;

type Carrier = "undici" | "node:http" | "HTTP/2";
type Phase = (typeof phases)[number];
type Failure = (typeof failures)[number];
type Policy = (typeof policies)[number];

interface Cell {
  readonly phase: Phase;
  readonly failure: Failure;
  readonly policy: Policy;
  readonly carrier: Carrier;
}

/** Those before there is a connection. */
const beforeWire: readonly Phase[] = ["resolve", "connect", "proxy", "tls"];

/** Why there is no such cell; each is left out of the product by one of these rules. */
const leftOut: readonly [rule: string, applies: (cell: Cell) => boolean][] = [
  [
    "a resolver and a connector answer, refuse or stall; nothing of theirs is on a wire",
    ({ phase, failure }) =>
      ["resolve", "connect"].includes(phase) && !["refused", "stall", "abort"].includes(failure),
  ],
  [
    "what has been connected cannot be refused any more",
    ({ phase, failure }) => failure === "refused" && !["resolve", "connect"].includes(phase),
  ],
  [
    "a connection ends in an orderly way with a response that is whole",
    ({ phase, failure, carrier }) =>
      failure === "Connection: close" && (phase !== "body" || carrier === "HTTP/2"),
  ],
  [
    "GOAWAY and REFUSED_STREAM are of HTTP/2, and about a request that has been sent",
    ({ phase, failure, carrier }) =>
      ["GOAWAY", "REFUSED_STREAM"].includes(failure) &&
      (phase !== "waiting for the head" || carrier !== "HTTP/2"),
  ],
  [
    "who is idle waits for nothing, and has nothing to abort",
    ({ phase, failure }) => phase === "idle" && ["stall", "abort"].includes(failure),
  ],
  [
    "half a block of fields is the end of an HTTP/2 connection, not of one exchange; the hostile servers do that",
    ({ phase, carrier }) => phase === "half of the head" && carrier === "HTTP/2",
  ],
  [
    "an HTTP/2 connection that goes silent as a whole takes a hedge with it, and is not doubted for who gives up",
    ({ phase, failure, policy, carrier }) =>
      carrier === "HTTP/2" &&
      ["request head", "request body"].includes(phase) &&
      (failure === "abort" || (failure === "stall" && ["hedge", "all policies"].includes(policy))),
  ],
  [
    "over HTTP/2 all that wait share the first attempt to connect, a hedge too",
    ({ phase, failure, policy, carrier }) =>
      carrier === "HTTP/2" &&
      policy === "hedge" &&
      failure === "stall" &&
      beforeWire.includes(phase),
  ],
  [
    "who sends a large body may learn of its end before a hedge is due or after it",
    ({ phase, failure, policy }) =>
      phase === "request body" && policy === "hedge" && !["stall", "abort"].includes(failure),
  ],
  [
    "through a proxy and TLS the carriers above see the same; undici stands for them",
    ({ phase, carrier }) => ["proxy", "tls"].includes(phase) && carrier !== "undici",
  ],
];

function cellsOf(carrier: Carrier): Cell[] {
  return phases
    .flatMap((phase) => failures.map((failure) => ({ phase, failure })))
    .flatMap((each) => policies.map((policy) => ({ ...each, policy, carrier })))
    .filter((cell) => !leftOut.some(([, applies]) => applies(cell)));
}

const limitMs = 120;
const hedgeDelayMs = 30;
const reason = { mine: "an abort" };

/** What is expected of a cell. */
interface Expected {
  /** `"good"`, the caller's reason, or an error. */
  readonly outcome: "good" | "reason" | { readonly code: string; readonly phase?: string };
  /** Attempts that the other side saw. */
  readonly attempts: number;
  /** Whether one such failure opens a circuit that takes no more than one. */
  readonly trips: boolean;
}

/** What becomes of an attempt that nobody makes good. */
function failureOf({ phase, failure, carrier }: Cell): Expected["outcome"] {
  if (failure === "abort") return "reason";
  const isStall = failure === "stall";
  const timeout = (code: string, of: string) => ({ code, phase: of });
  switch (phase) {
    case "resolve":
      return isStall ? timeout("KING_NET_TIMEOUT", "resolve") : { code: "KING_NET_RESOLVE" };
    case "connect":
      return isStall ? timeout("KING_NET_TIMEOUT", "connect") : { code: "KING_NET_CONNECT" };
    case "proxy":
      return isStall ? timeout("KING_NET_TIMEOUT", "proxy") : { code: "KING_NET_PROXY" };
    case "tls":
      return isStall ? timeout("KING_NET_TIMEOUT", "tls") : { code: "KING_NET_TLS" };
    case "idle":
      return "good";
  }
  if (failure === "Connection: close") return "good";
  if (failure === "GOAWAY" || failure === "REFUSED_STREAM") return "good";
  if (isStall) {
    if (phase === "request body") return timeout("KING_HTTP_TIMEOUT", "write");
    const isBody = phase === "body" || phase === "trailers";
    return timeout("KING_HTTP_TIMEOUT", isBody ? "body" : "headers");
  }
  // Over HTTP/2 it is the connection that ends by what is no frame.
  const isProtocol = failure === "garbage" && carrier !== "HTTP/2";
  return { code: isProtocol ? "KING_HTTP_PROTOCOL" : "KING_HTTP_ABORTED" };
}

/** The rules of the whole matrix. */
function expectedOf(cell: Cell): Expected {
  const { phase, failure, policy, carrier } = cell;
  const outcome = failureOf(cell);
  const hasHead = phase === "body" || phase === "trailers";
  if (outcome === "good") {
    // What the server cannot have acted on is sent again by the pool, below all policies.
    const isRepeated = failure === "GOAWAY" || failure === "REFUSED_STREAM";
    return { outcome, attempts: isRepeated ? 2 : 1, trips: false };
  }
  if (outcome === "reason") return { outcome, attempts: 1, trips: false };
  const isBroken = failure === "RST" || failure === "FIN";
  const isCut = isBroken || (failure === "garbage" && carrier === "HTTP/2");
  // A connection that was kept, and went without a word of an answer: the pool sends it again.
  if (phase === "reuse" && isCut) return { outcome: "good", attempts: 2, trips: false };
  // A head is handed out as it comes; what follows it is the reader's.
  if (hasHead) return { outcome, attempts: 1, trips: false };
  // A handshake that is cut may do the next time; one that goes wrong does not.
  const isRefused = outcome.code === "KING_NET_TLS" && !isCut;
  const isRetryable = !isRefused && outcome.code !== "KING_HTTP_PROTOCOL";
  const retries = policy === "retry" || policy === "all policies";
  const hedges = policy === "hedge" || policy === "all policies";
  const isMadeGood = (retries && isRetryable) || (hedges && failure === "stall");
  if (isMadeGood) return { outcome: "good", attempts: 2, trips: false };
  return { outcome, attempts: 1, trips: true };
}

const whole = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood";
/** Neither a field nor a chunk nor a frame. */
const garbage = Buffer.from([0, ...Buffer.alloc(63, 0xfe)]);

/** A place where the cell's fault happens to the first attempt, and none after it. */
interface Place extends AsyncDisposable {
  readonly origin: string;
  readonly options: CreateHttpClientOptions;
  readonly request: ExchangeOptions;
  /** How many attempts at `/cell` there were, at the place of the fault. */
  attempts(): number;
  /** Resolves when the fault is due, for who aborts there. */
  readonly reached: Promise<void>;
  /** Has the fault happen to a connection that is idle. */
  strikeIdle?(): Promise<void>;
}

/** Does to a connection what happens at this place of the wire. */
function strike(peer: RawPeer, failure: Failure): void {
  if (failure === "RST") peer.reset();
  else if (failure === "FIN") peer.end();
  else if (failure === "garbage") void peer.say(garbage);
}

const goAwayBelowAll = frame(frameType.goAway, 0, 0, Buffer.alloc(8));

/** The exchange itself, on the wire of the carrier. */
async function wirePlace(cell: Cell): Promise<Place> {
  const { phase, failure, carrier } = cell;
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  let attempts = 0;
  const isFaulty = () => ++attempts === 1;
  const struck = new Set<RawPeer>();
  const atConnection = (peer: RawPeer) => {
    if (phase !== "request head" || !isFaulty()) return;
    struck.add(peer);
    peer.socket.once("data", () => {
      reach();
      strike(peer, failure);
    });
  };
  const before: Partial<Record<Phase, string>> = {
    "half of the head": "HTTP/1.1 200 OK\r\nx-half: ",
    body: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\ngo",
    trailers: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\nsum: ",
  };
  // Of a chunk it is not known to be garbage before it has ended.
  const isInBody = phase === "body" && failure === "garbage";
  const request: ExchangeOptions =
    phase === "request body" ? { method: "PUT", body: Buffer.alloc(8_000_000) } : {};
  const limits: CreateHttpClientOptions = {
    headersTimeoutMs: limitMs,
    bodyIdleTimeoutMs: limitMs,
    writeIdleTimeoutMs: limitMs,
  };
  if (carrier === "HTTP/2") {
    const server = await rawHttp2Server(
      async (peer, { streamId, number }) => {
        if (struck.has(peer.raw)) return;
        const isIdleOrFirst = (phase === "reuse" || phase === "idle") && number === 1;
        const isAtConnection = phase === "request head" || phase === "idle";
        if (isIdleOrFirst || isAtConnection || !isFaulty()) return void peer.good(streamId);
        if (phase === "request body") peer.raw.socket.pause();
        if (phase === "body") await peer.say(head(streamId), data(streamId, "go"));
        if (phase === "trailers") await peer.say(head(streamId), data(streamId, "good"));
        reach();
        if (failure === "GOAWAY") void peer.say(goAwayBelowAll);
        else if (failure === "REFUSED_STREAM") {
          void peer.say(resetStream(streamId, errorCode.refusedStream));
        } else strike(peer.raw, failure);
      },
      { hostileRequests: Number.POSITIVE_INFINITY, onConnection: atConnection },
    );
    return {
      origin: server.origin,
      options: { ...limits, protocols: ["h2"] },
      request,
      reached,
      attempts: () => (phase === "idle" ? 1 : attempts),
      async strikeIdle() {
        strike(await server.raw.peer(1), failure);
      },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }
  const server = await rawServer(
    async (peer, { path }) => {
      if (struck.has(peer)) return;
      const isAtConnection = phase === "request head" || phase === "idle";
      if (path !== "/cell" || isAtConnection || !isFaulty()) return void peer.say(whole);
      if (failure === "Connection: close") {
        void peer.say(whole.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"));
        return;
      }
      if (phase === "request body") peer.socket.pause();
      const said = before[phase];
      if (said !== undefined) await peer.say(isInBody ? `${said}${"x".repeat(4)}` : said);
      reach();
      strike(peer, failure);
    },
    { onConnection: atConnection },
  );
  return {
    origin: server.origin,
    options: limits,
    // undici has no trailers, so that a request with some goes by node:http.
    request: carrier === "node:http" ? { ...request, trailers: {} } : request,
    reached,
    attempts: () => (phase === "idle" ? 1 : attempts),
    async strikeIdle() {
      strike(await server.peer(1), failure);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** What comes before the wire: names, addresses, proxies and TLS. */
async function pathPlace({ phase, failure, carrier }: Cell): Promise<Place> {
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  let attempts = 0;
  const isFaulty = () => ++attempts === 1;
  const { ca, leaf } = await certificates;
  const server =
    carrier === "HTTP/2"
      ? await rawHttp2Server((peer, { streamId }) => peer.good(streamId))
      : await rawServer(whole, phase === "tls" ? { tls: leaf } : {});
  const { port } = new URL(server.origin);
  // In front of the server: does its worst to the first connection, and hands on what comes after it.
  const sockets = new Set<Socket>();
  const front = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    socket.once("data", (first: Buffer) => {
      if (isFaulty()) {
        reach();
        if (failure === "RST") socket.resetAndDestroy();
        else if (failure === "FIN") socket.end();
        else if (failure === "garbage") socket.write(garbage);
        return;
      }
      const onward = connect(Number(port), "127.0.0.1");
      sockets.add(onward.on("error", () => undefined));
      if (phase === "proxy") socket.write("HTTP/1.1 200 OK\r\n\r\n");
      else onward.write(first);
      socket.pipe(onward).pipe(socket);
    });
  });
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  const { port: frontPort } = front.address() as AddressInfo;
  const stalled = new Promise<never>(() => undefined);
  const refused = (code: string) => Promise.reject(Object.assign(new Error(code), { code }));
  let isFirst: boolean | undefined;
  const options: Partial<Record<Phase, CreateHttpClientOptions>> = {
    resolve: {
      resolver: {
        async resolve(_, family) {
          // Both families belong to one attempt.
          if (family === 6) isFirst = isFaulty();
          if (isFirst) {
            reach();
            return failure === "refused" ? await refused("ENOTFOUND") : await stalled;
          }
          return family === 4 ? ["127.0.0.1"] : [];
        },
      },
    },
    connect: {
      async connector(address, to) {
        if (isFaulty()) {
          reach();
          return failure === "refused" ? await refused("ECONNREFUSED") : await stalled;
        }
        const socket = connect(to, address);
        await once(socket, "connect");
        return socket;
      },
    },
    proxy: { proxy: { url: `http://127.0.0.1:${frontPort}` } },
    tls: { tls: { ca }, protocols: ["h1"], config: shortHandshakes },
  };
  const origin = {
    resolve: `http://somewhere.example:${port}`,
    connect: server.origin,
    proxy: server.origin,
    tls: `https://127.0.0.1:${frontPort}`,
  }[phase as "resolve"];
  return {
    origin,
    options: {
      connectTimeoutMs: limitMs,
      ...(carrier === "HTTP/2" ? { protocols: ["h2"] } : {}),
      ...options[phase],
    },
    request: carrier === "node:http" ? { trailers: {} } : {},
    reached,
    attempts: () => attempts,
    async [Symbol.asyncDispose]() {
      const closed = once(front, "close");
      front.close();
      for (const socket of sockets) socket.destroy();
      await closed;
      await server[Symbol.asyncDispose]();
    },
  };
}

const certificates = makeCertificates();
const shortHandshakes = defineConfig({
  sections: [poolSection, requestSection, tlsSection],
  operator: { tls: { handshakeTimeoutMs: limitMs } },
});

/** Two attempts at most, so that each cell says which. */
const policyOptions: Readonly<Record<Policy, CreateHttpClientOptions>> = {
  "no policy": {},
  retry: { retry: { attempts: 2, baseDelayMs: 1 } },
  hedge: { hedge: { delayMs: hedgeDelayMs } },
  "circuit breaker": { circuitBreaker: { failures: 1 } },
  "all policies": {
    retry: { attempts: 2, baseDelayMs: 1 },
    hedge: { delayMs: hedgeDelayMs },
    circuitBreaker: { failures: 3 },
  },
};

async function outcomeOf(client: HttpClient, url: string, options: ExchangeOptions) {
  try {
    const response = await client.request(url, options);
    const text = await response.text();
    await response.trailers;
    return text;
  } catch (error) {
    return error;
  }
}

async function runCell(cell: Cell): Promise<void> {
  const { phase, failure, policy } = cell;
  await using place = await (beforeWire.includes(phase) ? pathPlace(cell) : wirePlace(cell));
  await using client = createHttpClient({ ...place.options, ...policyOptions[policy] });
  const ask = (path: string, more: ExchangeOptions = {}) =>
    withDeadline(outcomeOf(client, `${place.origin}${path}`, { ...place.request, ...more }), path);
  if (phase === "idle" || phase === "reuse") expect(await ask("/first")).toBe("good");
  if (phase === "idle") {
    const [session] = [...client.sessions()];
    await place.strikeIdle?.();
    await withDeadline(session?.closed ?? Promise.reject(), "the end of the idle connection");
  }
  const caller = new AbortController();
  if (failure === "abort") void place.reached.then(() => caller.abort(reason));
  const outcome = await ask("/cell", { signal: caller.signal });

  const expected = expectedOf(cell);
  if (expected.outcome === "good") expect(outcome).toBe("good");
  else if (expected.outcome === "reason") expect(outcome).toBe(reason);
  else {
    const { code, phase: of } = expected.outcome;
    const details = of === undefined ? {} : { details: { phase: of } };
    expect(outcome).toMatchObject({ name: "KingError", code, ...details });
  }
  expect(place.attempts()).toBe(expected.attempts);

  const isOpen = policy === "circuit breaker" && expected.trips;
  expect(client.circuit(place.origin)).toBe(isOpen ? "open" : "closed");
  const next = await ask("/good", { method: "GET", ...noBody });
  // An attempt to connect whose request was aborted goes on for the next one, and may fail that.
  const isShared = failure === "abort" && beforeWire.includes(phase);
  if (isOpen) expect(next).toMatchObject({ code: "KING_HTTP_CIRCUIT_OPEN" });
  else if (next !== "good" && isShared) expect(next).toMatchObject({ code: "KING_NET_TIMEOUT" });
  else expect(next).toBe("good");
  await withDeadline(client.close(), "the client to close");
  expect(client.stats().sessionsActive + client.stats().requestsWaiting).toBe(0);
}

const noBody = { body: undefined } as unknown as ExchangeOptions;

/** Registers a test for each cell of `carrier`. */
export function testFaultMatrix(carrier: Carrier): void {
  const cells = cellsOf(carrier);
  describe(`the fault matrix of ${carrier} (${cells.length} cells)`, () => {
    describe.each(policies)("with %s", (policy) => {
      const mine = cells.filter((cell) => cell.policy === policy);
      test.each(mine)("$failure in phase $phase", async (cell) => {
        const watch = watchResources();
        await runCell(cell);
        await watch.settled();
      });
    });
  });
}
