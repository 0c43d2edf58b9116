import type { ServerHttp2Session } from "node:http2";
import { type SessionEvent, systemClock } from "@king-runtime/core";
import { withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { createTicketStore, type HttpClientStream, openHttpSession } from "../../src/index.ts";
import { type Serve, startPeer } from "./carriers.ts";
import { certificates } from "./client-harness.ts";

/** A server that answers when the test says so. */
function held() {
  const answers: (() => void)[] = [];
  let most = 0;
  let now = 0;
  const serve: Serve = (_, outgoing) => {
    most = Math.max(most, ++now);
    outgoing.once("close", () => now--);
    answers.push(() => outgoing.end("ok"));
  };
  return {
    serve,
    answers,
    get most() {
      return most;
    },
    async arrived(count: number) {
      await expect.poll(() => answers.length).toBe(count);
    },
  };
}

const both = [
  ["h1", false],
  ["h1", true],
  ["h2", false],
  ["h2", true],
] as const;

describe.each(both)("a session over %s, TLS %j", (protocol, tls) => {
  test("tells what was settled, and counts what it does", async () => {
    await using peer = await startPeer((_, outgoing) => outgoing.end("ok"), { protocol, tls });
    await using session = await openHttpSession(peer.origin, peer.options);
    expect([session.protocol, session.role, session.state]).toEqual([protocol, "client", "open"]);
    if (tls) {
      expect(session.tls).toMatchObject({ alpn: protocol === "h1" ? "http/1.1" : "h2" });
      expect(session.tls?.resumed).toBe(false);
    } else expect(session.tls).toBe(undefined);
    expect(session.remote?.port).toBe(peer.port);
    for (let i = 0; i < 3; i++) {
      const stream = await session.request({ atLimit: "wait" });
      expect(await (await stream.response).text()).toBe("ok");
      await stream.closed;
    }
    expect(session.stats()).toMatchObject({ streamsOpened: 3, streamsActive: 0 });
    expect(session.stats().wireBytesReceived === undefined).toBe(tls);
    expect(peer.connections).toBe(1);
  });

  test("that closes finishes what is under way and takes nothing more", async () => {
    const server = held();
    await using peer = await startPeer(server.serve, { protocol, tls });
    const session = await openHttpSession(peer.origin, peer.options);
    const stream = await session.request();
    await server.arrived(1);
    const closing = session.close();
    expect(session.state).toBe("draining");
    await expect(session.request({ atLimit: "wait" })).rejects.toMatchObject({
      code: "KING_SESSION_CLOSED",
    });
    await expect(session.request()).rejects.toMatchObject({ code: "KING_SESSION_CLOSED" });
    server.answers[0]?.();
    expect(await (await stream.response).text()).toBe("ok");
    await closing;
    expect(await session.closed).toMatchObject({ by: "local", clean: true, streamsAborted: 0 });
    await expect.poll(() => peer.sockets.size).toBe(0);
  });

  test("that is aborted ends everything with the reason given", async () => {
    const server = held();
    await using peer = await startPeer(server.serve, { protocol, tls });
    const session = await openHttpSession(peer.origin, peer.options);
    const stream = await session.request();
    const response = stream.response.catch((error) => error);
    await server.arrived(1);
    const reason = new Error("enough");
    session.abort(reason);
    expect(await response).toBe(reason);
    const closed = await session.closed;
    expect(closed).toMatchObject({ by: "local", clean: false, streamsAborted: 1 });
    expect(closed.error).toBe(reason);
    await expect.poll(() => peer.sockets.size).toBe(0);
  });

  test("that the server ends is over, and says by whom", async () => {
    const server = held();
    await using peer = await startPeer(server.serve, { protocol, tls });
    const session = await openHttpSession(peer.origin, peer.options);
    const stream = await session.request();
    const response = stream.response.catch((error) => error);
    await server.arrived(1);
    for (const socket of peer.sockets) socket.destroy();
    expect(await response).toMatchObject({
      code: "KING_HTTP_ABORTED",
      details: { processed: true },
    });
    const closed = await withDeadline(session.closed, "the end of the session");
    expect(closed).toMatchObject({ clean: false, streamsAborted: 1 });
    expect(["peer", "network"]).toContain(closed.by);
    await expect(session.request()).rejects.toMatchObject({ code: "KING_SESSION_CLOSED" });
  });
});

describe("a session that has no room", () => {
  const full = async (protocol: "h1" | "h2") => {
    const server = held();
    const settings = protocol === "h2" ? { settings: { maxConcurrentStreams: 2 } } : {};
    const peer = await startPeer(server.serve, { protocol, settings });
    const sessions: ServerHttp2Session[] = [];
    peer.server.on("session", (each) => sessions.push(each));
    const session = await openHttpSession(peer.origin, peer.options);
    const limit = protocol === "h2" ? 2 : 1;
    if (protocol === "h2") {
      // The server tells how many it takes with its first bytes.
      const first = await session.request();
      await server.arrived(1);
      server.answers.shift()?.();
      await (await first.response).text();
      await first.closed;
    }
    const open: HttpClientStream[] = [];
    for (let i = 0; i < limit; i++) open.push(await session.request());
    await server.arrived(limit);
    return {
      server,
      session,
      open,
      limit,
      goaway: () => sessions[0]?.goaway(),
      async [Symbol.asyncDispose]() {
        session.abort();
        for (const stream of open) await stream.response.catch(() => undefined);
        await peer[Symbol.asyncDispose]();
      },
    };
  };

  test.each(["h1", "h2"] as const)(
    "over %s refuses at once (KING_STREAM_LIMIT)",
    async (protocol) => {
      await using place = await full(protocol);
      await expect(place.session.request()).rejects.toMatchObject({
        code: "KING_STREAM_LIMIT",
        details: { limit: place.limit },
      });
    },
  );

  test.each(["h1", "h2"] as const)(
    "over %s has requests wait that say so, in order",
    async (protocol) => {
      await using place = await full(protocol);
      const { server, session, limit } = place;
      const texts = [1, 2, 3, 4].map(async () => {
        const stream = await session.request({ atLimit: "wait" });
        return await (await stream.response).text();
      });
      for (let i = 0; i < limit + 4; i++) {
        await expect.poll(() => server.answers.length).toBeGreaterThan(i);
        server.answers[i]?.();
        if (i < limit) await (await place.open[i]?.response)?.text();
      }
      expect(await Promise.all(texts)).toEqual(["ok", "ok", "ok", "ok"]);
      expect(server.most).toBeLessThanOrEqual(limit);
    },
  );

  test.each(["h1", "h2"] as const)(
    "over %s lets a request that waits give up",
    async (protocol) => {
      await using place = await full(protocol);
      const giveUp = new AbortController();
      const waiting = place.session.request({ atLimit: "wait", signal: giveUp.signal });
      const reason = new Error("enough");
      giveUp.abort(reason);
      await expect(waiting).rejects.toBe(reason);
      expect(place.session.stats().streamsActive).toBe(place.limit);
    },
  );

  test("over HTTP/2 tells requests that wait when the server takes no more of them", async () => {
    await using place = await full("h2");
    const waiting = [1, 2].map(() => place.session.request({ atLimit: "wait" }));
    place.goaway();
    for (const each of waiting) {
      await expect(each).rejects.toMatchObject({ code: "KING_SESSION_CLOSED" });
    }
    expect(place.session.stats().streamsActive).toBe(place.limit);
  });

  test("has 1,024 requests wait and not one more", async () => {
    await using place = await full("h1");
    const waiting = Array.from({ length: 1_024 }, () =>
      place.session.request({ atLimit: "wait" }).catch((error) => error),
    );
    await expect(place.session.request({ atLimit: "wait" })).rejects.toMatchObject({
      code: "KING_STREAM_LIMIT",
      details: { limit: 1_024 },
    });
    place.session.abort();
    for (const error of await Promise.all(waiting)) {
      expect(error).toMatchObject({ code: "KING_SESSION_CLOSED" });
    }
  });
});

test("a server that winds an HTTP/2 connection down is told of in an event, and finishes what it has", async () => {
  const server = held();
  await using peer = await startPeer(server.serve, { protocol: "h2" });
  const sessions: ServerHttp2Session[] = [];
  peer.server.on("session", (each) => sessions.push(each));
  const session = await openHttpSession(peer.origin, peer.options);
  const events: SessionEvent[] = [];
  const listening = (async () => {
    for await (const event of session.events()) events.push(event);
  })();
  const stream = await session.request();
  await server.arrived(1);
  sessions[0]?.goaway();
  await expect
    .poll(() => events)
    .toContainEqual(expect.objectContaining({ type: "goaway", code: 0 }));
  expect(session.state).toBe("draining");
  await expect(session.request({ atLimit: "wait" })).rejects.toMatchObject({
    code: "KING_SESSION_CLOSED",
  });
  await expect(session.request()).rejects.toMatchObject({ code: "KING_SESSION_CLOSED" });
  server.answers[0]?.();
  expect(await (await stream.response).text()).toBe("ok");
  await withDeadline(session.closed, "the end of the session");
  await listening;
});

test.each(["http://127.0.0.1:1/path", "http://127.0.0.1:1/?q", "http://127.0.0.1:1/#f"])(
  "an origin is no URL such as %s",
  async (origin) => {
    await expect(openHttpSession(origin)).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      details: { option: "origin" },
    });
  },
);

test("a second session to the same place is resumed with tickets, and says so", async () => {
  const { ca } = await certificates();
  await using peer = await startPeer((_, outgoing) => outgoing.end("ok"), { tls: true });
  const tickets = createTicketStore({ clock: systemClock });
  const resumed: (boolean | undefined)[] = [];
  for (let i = 0; i < 2; i++) {
    await using session = await openHttpSession(peer.origin, { tls: { ca }, tickets });
    const stream = await session.request();
    await (await stream.response).text();
    resumed.push(session.tls?.resumed);
  }
  expect(resumed).toEqual([false, true]);
});
