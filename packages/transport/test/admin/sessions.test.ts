import { createSystem, type Session } from "@king-runtime/core";
import {
  connectRaw,
  makeCertificates,
  recordDiagnostics,
  withDeadline,
} from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import type { AdminEvent, AdminListener } from "../../src/admin/index.ts";
import { createHttpComponent, listenHttp } from "../../src/index.ts";
import { openAdmin } from "./admin-harness.ts";

const { ca, leaf } = await makeCertificates();
const hello = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A listener of which just the sessions matter. */
function listenerOf(ids: readonly string[], more: Partial<Session> = {}): AdminListener {
  const sessions = ids.map((id) => ({
    id,
    protocol: "h1",
    role: "server",
    state: "open",
    stats: () => ({ streamsOpened: 1, streamsActive: 0 }),
    ...more,
  }));
  return { sessions: () => sessions } as unknown as AdminListener;
}

describe("sessions", () => {
  test("are told of with their ends, TLS and numbers", async () => {
    const options = {
      handler: (exchange: { respond(status: number): void }) => exchange.respond(204),
    };
    await using plain = await listenHttp(options);
    const required = { ...leaf, clientCertificates: "request", clientCa: ca } as const;
    await using secure = await listenHttp({ ...options, tls: required });
    await using first = await connectRaw({ port: plain.local.port });
    await using second = await connectRaw({
      port: secure.local.port,
      tls: { ca, alpn: ["http/1.1"] },
    });
    for (const socket of [first, second]) {
      await socket.write(hello);
      await socket.readUntil("\r\n\r\n");
    }
    await using admin = await openAdmin({ listeners: { plain, secure } });
    const { json } = await admin.ask("GET /sessions");
    expect(json).toEqual({
      sessions: [
        {
          id: expect.stringMatching(/^session-\d+$/),
          listener: "plain",
          protocol: "h1",
          role: "server",
          state: "open",
          local: { address: "127.0.0.1", port: plain.local.port, family: "IPv4" },
          remote: { address: "127.0.0.1", port: expect.any(Number), family: "IPv4" },
          stats: {
            wireBytesSent: expect.any(Number),
            wireBytesReceived: hello.length,
            streamsOpened: 1,
            streamsActive: 0,
          },
        },
        expect.objectContaining({
          listener: "secure",
          tls: {
            version: "TLSv1.3",
            cipher: expect.any(String),
            alpn: "http/1.1",
            serverName: "localhost",
            peerVerified: false,
            resumed: false,
          },
        }),
      ],
    });
    const count = async (query: string) =>
      (await admin.ask(`GET /sessions?${query}`)).json.sessions.length;
    expect(await count("listener=plain")).toBe(1);
    expect(await count("listener=none")).toBe(0);
    expect(await count("protocol=h1")).toBe(2);
    expect(await count("protocol=h2")).toBe(0);
    expect(await count("state=open&remote=127.0.0.1")).toBe(2);
    expect(await count("state=draining")).toBe(0);
    expect(await count("remote=127.0.0.2")).toBe(0);
    expect((await admin.ask("GET /status")).json.listeners.plain).toMatchObject({
      state: "open",
      stats: { sessionsActive: 1 },
    });
  });

  test("come in pages, each that stays on exactly one, whatever comes and goes", async () => {
    const ids = Array.from({ length: 25 }, (_, at) => `session-${at * 7}`);
    const listeners: Record<string, AdminListener> = {
      b: listenerOf(ids),
      a: listenerOf(["session-5"]),
    };
    await using admin = await openAdmin({ listeners });
    const seen: string[] = [];
    const sizes: number[] = [];
    let next: string | undefined;
    do {
      const cursor: string = next === undefined ? "" : `&cursor=${next}`;
      const { json } = await admin.ask(`GET /sessions?limit=10${cursor}`);
      sizes.push(json.sessions.length);
      seen.push(
        ...json.sessions.map(
          (each: { listener: string; id: string }) => `${each.listener} ${each.id}`,
        ),
      );
      next = json.next;
      // One that was listed goes, others come on both sides of the place.
      listeners["b"] = listenerOf([...ids.slice(3), "session-1", "session-1000"].reverse());
    } while (next !== undefined);
    expect(sizes).toEqual([10, 10, 7]);
    expect(new Set(seen).size).toBe(seen.length);
    for (const id of ids) expect(seen).toContain(`b ${id}`);
    expect(seen[0]).toBe("a session-5");
  });

  test("are at most 1,000 on a page, and 100 where nothing is said", async () => {
    const many = Array.from({ length: 1_500 }, (_, at) => `session-${at}`);
    await using admin = await openAdmin({ listeners: { many: listenerOf(many) } });
    expect((await admin.ask("GET /sessions")).json.sessions).toHaveLength(100);
    expect((await admin.ask("GET /sessions?limit=1000")).json.sessions).toHaveLength(1_000);
    const last = await admin.ask("GET /sessions?limit=1000&cursor=WyJtYW55Iiwic2Vzc2lvbi00OTkiXQ");
    expect(last.json.sessions).toHaveLength(1_000);
    expect(last.json).not.toHaveProperty("next");
    expect(last.json.sessions[0].id).toBe("session-500");
  });

  test.each([
    ["limit=0", /^limit: expected an integer from 1 to 1000, got 0$/],
    ["limit=1001", /limit/],
    ["limit=1e2", /limit/],
    ["limit=-1", /limit/],
    ["limit=10&limit=20", /^limit: expected it once/],
    ["cursor=x", /^cursor/],
    ["cursor=WzEsMl0", /^cursor/],
    [`cursor=${"a".repeat(2_049)}`, /^cursor: expected a string of at most 2048/],
    ["state=ready", /^state: expected one of "opening"/],
    ["protocl=h1", /^protocl: expected one of limit, cursor/],
    ["__proto__=1", /^__proto__/],
    ["constructor=1", /^constructor/],
    [`${"x".repeat(100)}=1`, /^"x{60}\.\.\.": expected/],
  ])("are not listed for %s: 400", async (query, detail) => {
    await using admin = await openAdmin({ listeners: {} });
    const answer = await admin.ask(`GET /sessions?${query}`);
    expect(answer).toMatchObject({
      status: 400,
      json: { title: "Bad Request", detail: expect.stringMatching(detail) },
    });
  });

  test("that cannot count are listed without numbers", async () => {
    const told: unknown[] = [];
    const failure = new Error("no");
    const stats = () => {
      throw failure;
    };
    const broken = listenerOf(["session-1"], { stats });
    const listeners = { broken, fine: listenerOf(["session-2"]) };
    await using admin = await openAdmin({ listeners, onError: (error) => void told.push(error) });
    const { json } = await admin.ask("GET /sessions");
    expect(json.sessions).toHaveLength(2);
    expect(json.sessions[0]).not.toHaveProperty("stats");
    expect(told).toEqual([failure]);
  });

  test("of a listener that fails are left out, and told of", async () => {
    const told: unknown[] = [];
    const failure = new Error("no");
    const sessions = function* () {
      yield* listenerOf(["session-1"]).sessions();
      throw failure;
    };
    const broken = { sessions } as unknown as AdminListener;
    const listeners = { broken, nothing: null as never, fine: listenerOf(["session-2"]) };
    await using admin = await openAdmin({ listeners, onError: (error) => void told.push(error) });
    const { status, json } = await admin.ask("GET /sessions");
    expect([status, json.sessions]).toMatchObject([200, [{ id: "session-2" }]]);
    expect(told).toMatchObject([failure, { name: "TypeError" }]);
    expect((await admin.ask("DELETE /sessions/session-3")).status).toBe(404);
  });

  test("are those of the listener that there is now, after a restart of its component", async () => {
    const listeners: Record<string, AdminListener> = {};
    const component = createHttpComponent({
      handler: (exchange) => exchange.respond(204),
      drainGraceMs: 0,
      onListening: (listener) => {
        listeners["http"] = listener;
      },
    });
    const system = createSystem({ components: [component] });
    await system.start();
    await using admin = await openAdmin({ system, listeners });
    const before = (await admin.ask("GET /status")).json.listeners.http;
    expect((await admin.ask("POST /components/http/restart")).status).toBe(200);
    const after = (await admin.ask("GET /status")).json.listeners.http;
    expect([before.state, after.state]).toEqual(["open", "open"]);
    await using socket = await connectRaw({ port: after.local.port });
    await socket.write(hello);
    await socket.readUntil("\r\n\r\n");
    expect((await admin.ask("GET /sessions")).json.sessions).toHaveLength(1);
    await system.drain();
  });
});

describe("ending a session", () => {
  async function busy() {
    const { promise, resolve } = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const listener = await listenHttp({
      handler: async (exchange) => {
        begun.resolve();
        await promise;
        exchange.respond(200, {}, "done");
      },
      onHandlerError: () => undefined,
    });
    const socket = await connectRaw({ port: listener.local.port });
    await socket.write(hello);
    await begun.promise;
    const [session] = [...listener.sessions()] as [Session];
    return { listener, socket, session, release: resolve };
  }

  test("lets what is under way finish", async () => {
    using events = recordDiagnostics<AdminEvent>("king:transport:admin");
    const { listener, socket, session, release } = await busy();
    await using admin = await openAdmin({ listeners: { api: listener } });
    const end = () => admin.ask(`DELETE /sessions/${session.id}`);
    expect(await end()).toMatchObject({
      status: 202,
      json: { id: session.id, listener: "api", end: "graceful" },
    });
    expect(session.state).toBe("draining");
    expect((await end()).status).toBe(202);
    release();
    expect((await withDeadline(socket.readToEnd(), "the end")).toString()).toMatch(/done$/);
    expect(await session.closed).toMatchObject({ clean: true, by: "local" });
    const told = (await events.take(4)).map(({ outcome }) => outcome);
    expect(told).toEqual(["begun", "begun", "done", "done"]);
    expect(events.values[0]).toMatchObject({ action: "close-session", target: session.id });
    expect((await end()).status).toBe(404);
    listener.abort();
  });

  test("cuts it at its deadline", async () => {
    const { listener, session } = await busy();
    await using admin = await openAdmin({ listeners: { api: listener } });
    await admin.ask(`DELETE /sessions/${session.id}?deadlineMs=5`);
    expect(await withDeadline(session.closed, "the end")).toMatchObject({
      clean: false,
      streamsAborted: 1,
    });
    listener.abort();
  });

  test("cuts it at once where that is asked for, also when it is ending", async () => {
    const { listener, session } = await busy();
    await using admin = await openAdmin({ listeners: { api: listener } });
    await admin.ask(`DELETE /sessions/${session.id}`);
    const answer = await admin.ask(`DELETE /sessions/${session.id}?abort=true`);
    expect(answer).toMatchObject({ status: 202, json: { end: "abort" } });
    expect(await withDeadline(session.closed, "the end")).toMatchObject({ clean: false });
    listener.abort();
  });

  test.each(["none", "%2e%2e%2fhealth", "session-0%00", "__proto__", "%F0%9F%91%91"])(
    "of the id %s is a 404",
    async (id) => {
      await using admin = await openAdmin({ listeners: { a: listenerOf(["session-0"]) } });
      expect((await admin.ask(`DELETE /sessions/${id}`)).status).toBe(404);
    },
  );
});
