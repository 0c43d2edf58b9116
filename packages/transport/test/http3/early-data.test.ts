import { createSocket, type Socket } from "node:dgram";
import type { Exchange, QuicEngine, TicketStore } from "@king-runtime/core";
import { systemClock } from "@king-runtime/core";
import { openCurrentSpaceEngine, openMatrixEngine } from "@king-runtime/quic";
import { eventually, type SkippableTest, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import {
  createHttpClient,
  createTicketStore,
  listenHttp,
  type OpenHttpSessionOptions,
  openHttpSession,
} from "../../src/index.ts";
import { needEngine } from "./engines.ts";
import { certificates } from "./http3-harness.ts";
import { data, RawHttp3Peer, requestHead } from "./raw-http3-peer.ts";

async function bound(): Promise<Socket> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return socket;
}

/** A way to a server, on which what it sends can be kept back: no handshake is complete then. */
async function openPath(serverPort: number) {
  const front = await bound();
  const backs = new Map<number, Promise<Socket>>();
  let kept: (() => void)[] | undefined;
  front.on("message", async (packet, { port }) => {
    let back = backs.get(port);
    if (back === undefined) {
      back = bound().then((socket) =>
        socket.on("message", (answer) => {
          const send = () => front.send(answer, port, "127.0.0.1");
          if (kept === undefined) send();
          else kept.push(send);
        }),
      );
      backs.set(port, back);
    }
    (await back).send(packet, serverPort, "127.0.0.1");
  });
  return {
    port: front.address().port,
    hold() {
      kept = [];
    },
    letGo() {
      const sends = kept ?? [];
      kept = undefined;
      for (const send of sends) send();
    },
    async close() {
      front.close();
      for (const back of await Promise.all(backs.values())) back.close();
    },
  };
}

interface Seen {
  readonly method: string;
  readonly path: string;
  /** What the handler can tell by. */
  readonly early: string | undefined;
  readonly body: string;
}

/** A server of HTTP/3 that takes early data, a way to it, and clients that have a ticket. */
async function place(
  context: SkippableTest,
  answer: (exchange: Exchange, body: string) => void = (exchange) =>
    exchange.respond(200, {}, "answer"),
) {
  await needEngine(context, "matrix");
  const { ca, leaf } = await certificates();
  const seen: Seen[] = [];
  const listener = await listenHttp({
    tls: leaf,
    quic: { engine: await openMatrixEngine({ earlyData: true }) },
    async handler(exchange) {
      const early = exchange.headers.get("early-data");
      const body = Buffer.from(await exchange.bytes()).toString();
      seen.push({ method: exchange.method, path: exchange.path, early, body });
      answer(exchange, body);
    },
  });
  const path = await openPath(listener.local.port);
  let ticket: Uint8Array | undefined;
  // For whoever asks, and as often.
  const tickets: TicketStore = {
    take: () => ticket,
    put(_origin, given) {
      ticket = given;
    },
  };
  const engine = await openMatrixEngine({ handshakeTimeoutMs: 400 });
  const origin = `https://localhost:${path.port}`;
  const options = {
    tls: { ca },
    tickets,
    protocols: ["h3"],
    quic: { engine, earlyData: true },
    resolver: { resolve: async (_host, family) => (family === 4 ? ["127.0.0.1"] : []) },
  } satisfies OpenHttpSessionOptions;
  const open = (own: Partial<OpenHttpSessionOptions> = {}) =>
    openHttpSession(origin, { ...options, ...own });
  // The first one has no ticket: it waits for its handshake.
  const first = await open();
  await (await (await first.request({ path: "/first" })).response).text();
  await eventually("a ticket", () => ticket);
  await first.close();
  expect(seen.splice(0)).toEqual([{ method: "GET", path: "/first", early: undefined, body: "" }]);
  return {
    seen,
    path,
    tickets,
    engine,
    origin,
    options,
    open,
    ca,
    async [Symbol.asyncDispose]() {
      listener.abort();
      await listener.closed;
      await path.close();
    },
  };
}

const early = (path: string, method = "GET") => ({ method, path, early: "1", body: "" });

describe("HTTP/3 before the handshake is complete", () => {
  test("sends requests of safe methods without a body, and has the server mark them", async (context) => {
    await using here = await place(context);
    here.path.hold();
    const session = await withDeadline(here.open(), "a session that waits for nothing");
    const requests = await Promise.all(
      (["GET", "HEAD", "OPTIONS"] as const).map((method) =>
        session.request({ method, path: "/a", headers: { "early-data": "no" } }),
      ),
    );
    await eventually("all of them", () => here.seen.length === 3);
    expect(here.seen).toEqual(["GET", "HEAD", "OPTIONS"].map((method) => early("/a", method)));
    here.path.letGo();
    for (const { response } of requests) expect((await response).status).toBe(200);
    expect(session.tls).toMatchObject({ resumed: true, alpn: "h3", peerVerified: true });
    const later = await session.request({ path: "/later" });
    expect(await (await later.response).text()).toBe("answer");
    expect(here.seen.at(-1)).toMatchObject({ path: "/later", early: undefined });
    await session.close();
  });

  test("keeps all others until it is", async (context) => {
    await using here = await place(context);
    here.path.hold();
    const session = await here.open();
    const waiting = await Promise.all([
      session.request({ method: "POST", path: "/post", body: "x" }),
      session.request({ method: "DELETE", path: "/delete" }),
      session.request({ method: "GET", path: "/body", body: "y" }),
      session.request({ method: "GET", path: "/trailers", trailers: { sum: "1" } }),
    ]);
    const sent = await session.request({ path: "/get" });
    await eventually("the one", () => here.seen.length > 0);
    expect(here.seen).toEqual([early("/get")]);
    here.path.letGo();
    for (const { response } of [...waiting, sent]) expect((await response).status).toBe(200);
    expect(here.seen.slice(1).every((each) => each.early === undefined)).toBe(true);
    expect(here.seen.map((each) => each.path).sort()).toEqual([
      "/body",
      "/delete",
      "/get",
      "/post",
      "/trailers",
    ]);
    await session.close();
  });

  test("repeats once what is answered 425 (Too Early)", async (context) => {
    await using here = await place(context, (exchange) => {
      const isEarly = exchange.headers.has("early-data");
      const isRefused = isEarly || exchange.path === "/never";
      exchange.respond(isRefused ? 425 : 200, {}, isRefused ? "too early" : "answer");
    });
    const session = await here.open();
    const [first, never] = await Promise.all([
      session.request({ path: "/later" }),
      session.request({ path: "/never" }),
    ]);
    const answer = await first.response;
    expect([answer.status, await answer.text()]).toEqual([200, "answer"]);
    const refused = await never.response;
    expect([refused.status, await refused.text()]).toEqual([425, "too early"]);
    const of = (path: string) => here.seen.filter((each) => each.path === path);
    expect(of("/later").map((each) => each.early)).toEqual(["1", undefined]);
    expect(of("/never").map((each) => each.early)).toEqual(["1", undefined]);
    expect(await Promise.all([first.closed, never.closed])).toMatchObject([
      { clean: true },
      { clean: true },
    ]);
    await session.close();
    expect(await session.closed).toMatchObject({ clean: true });
  });

  test("has a server keep what changes something until it is, whatever its client does", async (context) => {
    await using here = await place(context);
    here.path.hold();
    const hasty: QuicEngine = {
      ...here.engine,
      connect: (options) =>
        here.engine.connect({ ...options, tickets: here.tickets, earlyData: true }),
    };
    const peer = await RawHttp3Peer.connect(hasty, here.path.port, here.ca);
    const post = await peer.request(requestHead("POST", "/post"));
    await post.send(data("pay"));
    await post.stream.end();
    const get = await peer.request(requestHead("GET", "/get", "early-data", "0"));
    await get.stream.end();
    await eventually("the one", () => here.seen.length > 0);
    expect(here.seen).toEqual([early("/get")]);
    here.path.letGo();
    expect((await post.message()).sections[0]).toMatchObject({ ":status": "200" });
    expect((await get.message()).sections[0]).toMatchObject({ ":status": "200" });
    expect(here.seen[1]).toEqual({ method: "POST", path: "/post", early: undefined, body: "pay" });
    peer.session.abort();
  });

  test("is nothing that a client does unless it is asked to", async (context) => {
    await using here = await place(context);
    const session = await here.open({ quic: { engine: here.engine } });
    const { response } = await session.request({ path: "/" });
    expect((await response).status).toBe(200);
    expect(session.tls?.resumed).toBe(true);
    expect(here.seen).toEqual([{ method: "GET", path: "/", early: undefined, body: "" }]);
    await session.close();
  });

  test("fails with its connection, and the next one waits for its handshake", async (context) => {
    await using here = await place(context);
    await using client = createHttpClient(here.options);
    here.path.hold();
    const lost = client.request(`${here.origin}/lost`);
    expect(
      await withDeadline(
        lost.catch((error) => error),
        "a failure",
      ),
    ).toMatchObject({
      code: "KING_HTTP_ABORTED",
      cause: { code: "KING_QUIC_TIMEOUT" },
    });
    here.path.letGo();
    here.seen.length = 0;
    const response = await client.request(`${here.origin}/next`);
    expect(await response.text()).toBe("answer");
    expect(here.seen.at(-1)).toEqual({ method: "GET", path: "/next", early: undefined, body: "" });
  });

  test("is done by clients that keep connections, too", async (context) => {
    await using here = await place(context);
    await using client = createHttpClient(here.options);
    const [get, post] = await Promise.all([
      client.request(`${here.origin}/get`),
      client.request(`${here.origin}/post`, { method: "POST", body: "x" }),
    ]);
    expect([await get.text(), await post.text()]).toEqual(["answer", "answer"]);
    const one = { method: "POST", path: "/post", early: undefined, body: "x" };
    expect(here.seen).toContainEqual(one);
    expect(here.seen).toContainEqual(early("/get"));
  });

  test("is refused where it cannot be had (KING_OPTION_INVALID)", async (context) => {
    await needEngine(context, "matrix");
    const tickets = createTicketStore({ clock: systemClock });
    const matrix = await openMatrixEngine();
    const wrong = (options: object) =>
      expect(openHttpSession("https://localhost:1", options)).rejects.toMatchObject({
        code: "KING_OPTION_INVALID",
        details: { option: "quic.earlyData" },
      });
    await wrong({ quic: { engine: matrix, earlyData: true } });
    await wrong({ quic: { engine: matrix, earlyData: "yes" }, tickets });
    await needEngine(context, "currentspace");
    const currentspace = await openCurrentSpaceEngine();
    await wrong({ quic: { engine: currentspace, earlyData: true }, tickets });
  });
});
