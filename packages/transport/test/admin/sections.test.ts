import type { AdminSection } from "@king-runtime/core";
import { connectRaw, eventually, recordDiagnostics, testClock } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { type AdminEvent, createAdminHandler } from "../../src/admin/index.ts";
import { openAdmin, token } from "./admin-harness.ts";

const echo: AdminSection = {
  name: "echo",
  doc: "Says what it is told.",
  read: () => ({ calls: 0 }),
  actions: { say: (input) => input, length: (input) => JSON.stringify(input)?.length },
};

describe("sections", () => {
  test("are listed with their actions, and read", async () => {
    await using admin = await openAdmin({
      sections: [echo, { name: "quiet", read: () => undefined }],
    });
    expect((await admin.ask("GET /sections")).json).toEqual({
      sections: [
        { name: "echo", doc: "Says what it is told.", actions: ["say", "length"] },
        { name: "quiet", actions: [] },
      ],
    });
    expect((await admin.ask("GET /sections/echo")).json).toEqual({
      name: "echo",
      data: { calls: 0 },
    });
    expect((await admin.ask("GET /sections/quiet")).json).toEqual({ name: "quiet", data: null });
    expect((await admin.ask("HEAD /sections/echo")).status).toBe(200);
    for (const name of ["none", "__proto__", "constructor", "echo%2Factions", "ECHO"]) {
      expect([name, (await admin.ask(`GET /sections/${name}`)).status]).toEqual([name, 404]);
    }
    for (const action of ["none", "__proto__", "toString", "hasOwnProperty"]) {
      const answer = await admin.ask(`POST /sections/echo/actions/${action}`);
      expect([action, answer.status]).toEqual([action, 404]);
    }
  });

  test.each([[{ a: [1, null, "ä\u2028"] }], [[]], ["text"], [0], [false], [null]])(
    "hand an action its input as it is: %j",
    async (body) => {
      await using admin = await openAdmin({ sections: [echo] });
      const answer = await admin.ask("POST /sections/echo/actions/say", {
        body: JSON.stringify(body),
      });
      expect(answer).toMatchObject({ status: 200, json: { section: "echo", action: "say" } });
      expect(answer.json.result).toEqual(body);
    },
  );

  test("tell of actions, but not of what these were given", async () => {
    using events = recordDiagnostics<AdminEvent>("king:transport:admin");
    await using admin = await openAdmin({ sections: [echo] });
    await admin.ask("POST /sections/echo/actions/say", { body: { password: "hunter2" } });
    await admin.ask("GET /sections/echo");
    expect(events.values).toMatchObject([
      { action: "section-action", target: "echo/say", outcome: "begun" },
      { action: "section-action", target: "echo/say", outcome: "done" },
    ]);
    expect(JSON.stringify(events.values)).not.toContain("hunter2");
  });

  test("that throw, or answer with what is no JSON, are a 500 without details, and nobody else's matter", async () => {
    const told: unknown[] = [];
    const failure = new Error("the secret of the section");
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    const fails = () => {
      throw failure;
    };
    const section: AdminSection = {
      name: "bad",
      read: fails,
      actions: { rejects: () => Promise.reject(failure), cycle: () => cycle, bigint: () => 1n },
    };
    await using admin = await openAdmin({
      sections: [section, echo],
      onError: (error) => {
        told.push(error);
        throw new Error("who is told of errors has one");
      },
    });
    const lines = [
      "GET /sections/bad",
      ...["rejects", "cycle", "bigint"].map((each) => `POST /sections/bad/actions/${each}`),
    ];
    for (const line of lines) {
      const answer = await admin.ask(line);
      expect(answer).toMatchObject({
        status: 500,
        headers: { "cache-control": "no-store", "content-type": "application/problem+json" },
        json: { type: "about:blank", title: "Internal Server Error", status: 500 },
      });
      expect(Object.keys(answer.json)).toEqual(["type", "title", "status"]);
    }
    expect(told).toEqual([failure, failure, expect.any(TypeError), expect.any(TypeError)]);
    expect((await admin.ask("GET /sections/echo")).status).toBe(200);
  });

  test("are given a deadline: theirs by option, an action's by request", async () => {
    const signals: AbortSignal[] = [];
    const deadlines: number[] = [];
    const forever = () => new Promise(() => undefined);
    const slow: AdminSection = {
      name: "slow",
      read: ({ signal }) => {
        signals.push(signal);
        return forever();
      },
      actions: {
        wait: (_, { signal, deadlineMs }) => {
          signals.push(signal);
          deadlines.push(deadlineMs);
          return forever();
        },
      },
    };
    await using admin = await openAdmin({ sections: [slow], actionTimeoutMs: 20 });
    expect(await admin.ask("GET /sections/slow")).toMatchObject({
      status: 503,
      json: { detail: "the section did not end within 20 ms" },
    });
    expect((await admin.ask("POST /sections/slow/actions/wait")).status).toBe(503);
    expect((await admin.ask("POST /sections/slow/actions/wait?deadlineMs=5")).json).toMatchObject({
      detail: "the action did not end within 5 ms",
    });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
    expect(deadlines).toEqual([20, 5]);
    for (const text of ["0", "3600001", "x", "1.5", "Infinity"]) {
      expect((await admin.ask(`POST /sections/slow/actions/wait?deadlineMs=${text}`)).status).toBe(
        400,
      );
    }
  });

  test("are at most maxPending under way, also those that nobody waits for any more", async () => {
    const releases: (() => void)[] = [];
    const read = () => new Promise<void>((resolve) => releases.push(resolve));
    const clock = testClock();
    const handler = createAdminHandler({
      auth: { token },
      sections: [{ name: "slow", read }],
      maxPending: 2,
      clock,
    });
    const get = () => {
      const headers = { authorization: `Bearer ${token}` };
      return handler(new Request("http://localhost/sections/slow", { headers }));
    };
    const first = [get(), get()];
    await eventually("both reads", () => releases.length === 2);
    const refused = await get();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    clock.advance(30_000);
    for (const each of first) expect((await each).status).toBe(503);
    expect((await get()).status).toBe(503);
    expect(releases).toHaveLength(2);
    for (const release of releases.splice(0)) release();
    await new Promise((resolve) => setImmediate(resolve));
    const later = get();
    await eventually("another read", () => releases.length === 1);
    releases[0]?.();
    expect((await later).status).toBe(200);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("a hostile body", () => {
  const post = "POST /sections/echo/actions/say";

  test.each([
    ["no JSON", "{", 400, /expected JSON/],
    ["two values", "{}{}", 400, /expected JSON/],
    ["a comment", "{} // a", 400, /expected JSON/],
    ["NaN", "NaN", 400, /expected JSON/],
    ["half a letter", Buffer.from([0x22, 0xc3, 0x22]).toString("latin1"), 400, /expected JSON/],
    ["__proto__", '{"__proto__":{"admin":true}}', 400, /__proto__/],
    ["__proto__ within", '{"a":[{"__proto__":1}]}', 400, /__proto__/],
    ["65 levels", `${"[".repeat(65)}${"]".repeat(65)}`, 400, /64 levels/],
    ["30,000 levels", `${"[".repeat(30_000)}${"]".repeat(30_000)}`, 400, /64 levels/],
    ["30,000 levels without end", "[".repeat(30_000), 400, /expected JSON/],
    ["too many bytes", `"${"x".repeat(65_535)}"`, 413, /at most 65536 bytes/],
  ])("of %s is refused", async (_, body, status, detail) => {
    await using admin = await openAdmin({ sections: [echo] });
    await using socket = await connectRaw({ port: admin.port });
    const head = [
      `${post} HTTP/1.1`,
      "Host: localhost",
      `Authorization: Bearer ${token}`,
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(body, "latin1")}`,
      "Connection: close",
    ];
    await socket.write(`${head.join("\r\n")}\r\n\r\n`);
    await socket.write(body).catch(() => undefined);
    const answer = (await socket.readToEnd()).toString();
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    if (status === 400) expect(answer).toMatch(detail);
    expect(({} as { admin?: boolean }).admin).toBe(undefined);
  });

  test("of 64 levels, or just as many bytes as may be, is taken", async () => {
    await using admin = await openAdmin({ sections: [echo] });
    const deep = `${"[".repeat(64)}${"]".repeat(64)}`;
    expect((await admin.ask(post, { body: deep })).status).toBe(200);
    const long = `"${"x".repeat(65_534)}"`;
    expect((await admin.ask(post, { body: long })).status).toBe(200);
  });

  test("that says nothing of its length is refused once it is too long, wherever the handler is mounted", async () => {
    const handler = createAdminHandler({ auth: { token }, sections: [echo], maxBodyBytes: 1_024 });
    let pulled = 0;
    let cancelled = false;
    const body = new ReadableStream({
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(512));
      },
      cancel: () => {
        cancelled = true;
      },
    });
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const request = new Request("http://localhost/sections/echo/actions/say", {
      method: "POST",
      headers,
      body,
      duplex: "half",
    } as RequestInit);
    expect((await handler(request)).status).toBe(413);
    expect(pulled).toBeLessThan(10);
    expect(cancelled).toBe(true);
  });

  test("over a connection without length is a 413 too", async () => {
    await using admin = await openAdmin({ sections: [echo], maxBodyBytes: 1_024 });
    await using socket = await connectRaw({ port: admin.port });
    const head = [`${post} HTTP/1.1`, "Host: localhost", `Authorization: Bearer ${token}`];
    await socket.write(
      `${[...head, "Content-Type: application/json", "Transfer-Encoding: chunked"].join("\r\n")}\r\n\r\n`,
    );
    await socket.write(`800\r\n${"x".repeat(0x800)}\r\n`);
    expect(await socket.readUntil("\r\n")).toMatch(/^HTTP\/1.1 413 /);
  });

  test.each([
    ["text/plain", 415],
    ["application/x-www-form-urlencoded", 415],
    ["multipart/form-data; boundary=a", 415],
    ["application/jsonp", 415],
    ["", 415],
    ["application/json", 200],
    ["Application/JSON ; charset=utf-8", 200],
  ])("as %j is answered %i", async (type, status) => {
    await using admin = await openAdmin({ sections: [echo] });
    const answer = await admin.ask(post, { body: "{}", headers: { "content-type": type } });
    expect(answer.status).toBe(status);
  });

  test("that comes without authentication is not read", async () => {
    const handler = createAdminHandler({ auth: { token }, sections: [echo] });
    for (const headers of [{}, { origin: "https://evil.example" }]) {
      let pulled = 0;
      let cancelled = 0;
      const body = new ReadableStream(
        { pull: () => void pulled++, cancel: () => void cancelled++ },
        { highWaterMark: 0 },
      );
      const init = { method: "POST", headers, body, duplex: "half" } as RequestInit;
      const response = await handler(
        new Request("http://localhost/sections/echo/actions/say", init),
      );
      expect([401, 403]).toContain(response.status);
      expect([pulled, cancelled]).toEqual([0, 1]);
    }
  });

  test.each([
    ["an unknown member", { deadlineMS: 1 }, /^deadlineMS: expected one of deadlineMs$/],
    ["text for a number", { deadlineMs: "1" }, /^deadlineMs: expected an integer/],
    ["a fraction", { deadlineMs: 1.5 }, /^deadlineMs/],
    [
      "more than an hour",
      { deadlineMs: 3_600_001 },
      /^deadlineMs: expected an integer from 0 to 3600000/,
    ],
    ["null", { deadlineMs: null }, /got null/],
    ["a list", [1], /^body: expected an object/],
    ["text", "drain", /expected JSON|^body/],
    ["constructor", { constructor: 1 }, /^constructor/],
  ])("with %s is refused by name", async (_, body, detail) => {
    let drained = false;
    const system = {
      state: "ready",
      status: () => ({}),
      health: () => ({}),
      metrics: () => ({}),
      performance: () => ({}),
      component: () => ({}),
      drain: async () => {
        drained = true;
      },
    };
    await using admin = await openAdmin({ system: system as never });
    const answer = await admin.ask("POST /drain", { body });
    expect(answer).toMatchObject({ status: 400, json: { detail: expect.stringMatching(detail) } });
    expect(drained).toBe(false);
  });
});
