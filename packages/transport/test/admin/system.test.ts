import {
  createSystem,
  defineConfig,
  defineSection,
  integerKey,
  stringKey,
} from "@king-runtime/core";
import { recordDiagnostics } from "@king-runtime/testkit";
import { describe, expect, test, vi } from "vitest";
import type { AdminEvent } from "../../src/admin/index.ts";
import { idle, openAdmin } from "./admin-harness.ts";

const adminEvents = () => recordDiagnostics<AdminEvent>("king:transport:admin");
const outcomes = (events: readonly AdminEvent[]) =>
  events.map(({ action, target, outcome }) =>
    [action, ...(target ? [target] : []), outcome].join(" "),
  );

/** A promise to be settled from outside, and whether it was asked for. */
function latch() {
  const asked = Promise.withResolvers<void>();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const wait = () => {
    asked.resolve();
    return promise;
  };
  return { wait, asked: asked.promise, release: () => resolve(), fail: (e: Error) => reject(e) };
}

describe("readiness", () => {
  test("is told with reasons: before the start, while it is degraded, and when a part is not well", async () => {
    let health: "healthy" | "degraded" | "unhealthy" = "healthy";
    const system = createSystem({
      components: [
        idle("db", {
          health: () => ({
            status: health,
            ...(health === "healthy" ? {} : { reason: "slow disk" }),
          }),
        }),
        idle("web"),
      ],
    });
    await using admin = await openAdmin({ system });
    expect(await admin.ask("GET /ready")).toMatchObject({
      status: 503,
      json: {
        ready: false,
        state: "created",
        status: "unhealthy",
        reasons: ["the system is created", "db: is stopped", "web: is stopped"],
      },
    });
    expect((await admin.ask("GET /health")).status).toBe(200);
    await system.start();
    expect(await admin.ask("GET /ready")).toMatchObject({
      status: 200,
      json: {
        ready: true,
        status: "healthy",
        reasons: [],
        components: { web: { status: "healthy" } },
      },
    });
    health = "degraded";
    expect(await admin.ask("GET /ready")).toMatchObject({
      status: 200,
      json: { ready: true, status: "degraded", reasons: ["db: slow disk"] },
    });
    health = "unhealthy";
    expect(await admin.ask("GET /ready")).toMatchObject({
      status: 503,
      json: { ready: false, reasons: ["db: slow disk"] },
    });
    expect((await admin.ask("GET /health")).status).toBe(200);
    await system.drain();
  });
});

describe("a drain", () => {
  test("is answered at once, refuses work meanwhile, is told of in the status, and leaves the API up", async () => {
    using events = adminEvents();
    const slow = latch();
    const system = createSystem({
      components: [idle("db", { drain: slow.wait, gates: ["query"] })],
    });
    await system.start();
    await using admin = await openAdmin({ system });
    const begun = await admin.ask("POST /drain", { body: { deadlineMs: 20_000 } });
    expect(begun).toMatchObject({ status: 202, json: { state: "draining", deadlineMs: 20_000 } });
    await slow.asked;
    expect((await admin.ask("GET /ready")).json).toMatchObject({
      ready: false,
      reasons: ["the system is draining", "db: is draining"],
    });
    const { json } = await admin.ask("GET /status");
    expect(json).toMatchObject({
      system: {
        state: "draining",
        components: { db: { state: "draining" } },
        gates: { query: { open: false } },
      },
      drain: { state: "draining", startedAt: begun.json.startedAt },
    });
    expect(json.drain).not.toHaveProperty("report");

    const waiting = admin.ask("POST /drain?wait=true", { body: { deadlineMs: 1 } });
    await events.take(2);
    slow.release();
    const report = { clean: true, cut: [], outstanding: {}, errors: [] };
    const drain = { state: "stopped", startedAt: begun.json.startedAt, deadlineMs: 20_000, report };
    expect(await waiting).toMatchObject({ status: 200, json: drain });
    expect((await admin.ask("GET /status")).json.drain).toEqual(drain);
    expect((await admin.ask("POST /drain")).json).toEqual(drain);
    expect((await admin.ask("GET /health")).status).toBe(200);
    // Three asked for it, and who they are is told of each.
    expect(outcomes(events.values)).toEqual(
      ["begun", "begun", "done", "done", "begun", "done"].map((outcome) => `drain ${outcome}`),
    );
    expect(events.values[1]?.requestId).not.toBe(events.values[0]?.requestId);
    expect(events.values[2]).toMatchObject({
      caller: { token: true },
      remote: { address: "127.0.0.1" },
      requestId: expect.any(String),
      durationMs: expect.any(Number),
    });
    expect(JSON.stringify(events.values)).not.toContain("a-token");
  });

  test("says what was cut at its deadline, and what failed, without the words of others", async () => {
    const told: unknown[] = [];
    const failure = Object.assign(new Error("postgres://user:pass@db"), { code: "ECONNRESET" });
    const system = createSystem({
      components: [
        idle("a", { gates: ["work"] }),
        idle("b", { drain: () => Promise.reject(failure) }),
      ],
    });
    await system.start();
    using _lease = system.admit("work");
    await using admin = await openAdmin({ system, onError: (error) => void told.push(error) });
    const answer = await admin.ask("POST /drain?wait=true", { body: { deadlineMs: 5 } });
    expect(answer.json.report).toEqual({
      clean: false,
      cut: expect.arrayContaining(["a", "b"]),
      outstanding: { work: 1 },
      errors: [{ name: "Error", code: "ECONNRESET" }],
    });
    expect(answer.text).not.toContain("pass");
    expect(told).toEqual([failure]);
  });

  test("that was begun elsewhere is joined", async () => {
    const slow = latch();
    const system = createSystem({ components: [idle("db", { drain: slow.wait })] });
    await system.start();
    await using admin = await openAdmin({ system });
    const drained = system.drain();
    const joined = await admin.ask("POST /drain", { body: { deadlineMs: 5 } });
    expect(joined).toMatchObject({ status: 202, json: { state: "draining" } });
    expect(joined.json).not.toHaveProperty("deadlineMs");
    slow.release();
    await drained;
    expect((await admin.ask("POST /drain?wait=true")).json).toMatchObject({
      state: "stopped",
      report: { clean: true },
    });
  });
});

describe("a restart", () => {
  test("drains, stops and starts the component, once for two that ask at a time", async () => {
    using events = adminEvents();
    const slow = latch();
    const system = createSystem({ components: [idle("db", { drain: slow.wait }), idle("web")] });
    await system.start();
    await using admin = await openAdmin({ system });
    const restart = () =>
      admin.ask("POST /components/db/restart", { body: { deadlineMs: 20_000 } });
    const answers = [restart(), restart()];
    await events.take(2);
    expect(system.status().components).toMatchObject({
      db: { state: "draining" },
      web: { state: "ready" },
    });
    slow.release();
    for (const answer of answers) {
      expect(await answer).toMatchObject({ status: 200, json: { clean: true } });
    }
    expect((await admin.ask("GET /status")).json.system.components.db).toEqual({
      state: "ready",
      restarts: 1,
    });
    expect(outcomes(events.values).sort()).toEqual([
      "restart db begun",
      "restart db begun",
      "restart db done",
      "restart db done",
    ]);
    await system.drain();
  });

  test("of what does not come back is a 500 without its words; of no component a 404; of a stopped system a 409", async () => {
    using events = adminEvents();
    const told: unknown[] = [];
    let starts = 0;
    const start = () => {
      if (++starts > 1) throw new Error("secret of the component");
    };
    const system = createSystem({ components: [idle("db", { start }), idle("of/fice")] });
    await system.start();
    await using admin = await openAdmin({ system, onError: (error) => void told.push(error) });
    const failed = await admin.ask("POST /components/db/restart");
    expect(failed).toMatchObject({ status: 500, json: { code: "KING_SYSTEM_START" } });
    expect(failed.text).not.toContain("secret");
    expect(told).toMatchObject([{ code: "KING_SYSTEM_START" }]);
    expect((await admin.ask("GET /status")).json.system.components.db.state).toBe("failed");
    expect((await admin.ask("POST /components/of%2Ffice/restart")).status).toBe(200);
    for (const name of ["none", "__proto__", "constructor", "%00", "a%2F..%2Fdb"]) {
      const answer = await admin.ask(`POST /components/${name}/restart`);
      expect([name, answer.status]).toEqual([name, 404]);
      expect(answer.text).not.toContain("office");
    }
    await system.drain();
    expect(await admin.ask("POST /components/db/restart")).toMatchObject({
      status: 409,
      json: { code: "KING_SYSTEM_STATE" },
    });
    expect(outcomes(events.values)).toContain("restart db failed");
    expect(events.values[1]).toMatchObject({ outcome: "failed", error: "status 500" });
  });
});

test("performance says what the system says", async () => {
  const system = createSystem({ components: [idle("db", { gates: ["query"] })] });
  await system.start();
  system.admit("query").release();
  await using admin = await openAdmin({ system });
  expect((await admin.ask("GET /performance")).json).toEqual({
    startMs: { db: expect.any(Number) },
    gates: { query: { admitted: 1, refused: 0, heldMs: expect.any(Number) } },
  });
  await system.drain();
});

test("a component whose numbers fail hides those of no other", async () => {
  const stats = () => {
    throw new Error("no");
  };
  const system = createSystem({
    components: [idle("a", { stats }), idle("b", { stats: () => ({ x: 1 }) })],
  });
  await system.start();
  await using admin = await openAdmin({ system });
  const answer = await admin.ask("GET /metrics");
  expect(answer).toMatchObject({ status: 200, json: { components: { a: {}, b: { x: 1 } } } });
  await system.drain();
});

test("a listener that fails is left out of the status, and told of", async () => {
  const told: unknown[] = [];
  const failure = new Error("no");
  const broken = {
    get state(): never {
      throw failure;
    },
    stats: () => {
      throw failure;
    },
    sessions: () => [],
  };
  await using admin = await openAdmin({
    listeners: { broken: broken as never },
    onError: (error) => void told.push(error),
  });
  expect((await admin.ask("GET /status")).json.listeners).toEqual({});
  expect((await admin.ask("GET /metrics")).json.listeners).toEqual({});
  expect(told).toEqual([failure, failure]);
});

test("the config is shown with origins and meanings, and without secrets", async () => {
  const section = defineSection("vault", {
    password: stringKey({ default: "default-secret", secret: true, doc: "Opens it." }),
    pin: stringKey({ default: undefined, secret: true, doc: "Opens it too." }),
    doors: integerKey({ default: 1, unlimited: true, unit: "count", doc: "How many." }),
    label: stringKey({ default: undefined, doc: "What it says." }),
  });
  const config = defineConfig({
    sections: [section],
    operator: { vault: { password: "hunter2-hunter2", doors: Number.POSITIVE_INFINITY } },
  });
  await using admin = await openAdmin({ config });
  const answer = await admin.ask("GET /config");
  expect(answer.text).not.toMatch(/hunter2|default-secret/);
  expect(answer.json.settings).toEqual([
    expect.objectContaining({ key: "vault.password", value: "[redacted]", from: "operator" }),
    expect.not.objectContaining({ value: expect.anything() }),
    {
      key: "vault.doors",
      value: "Infinity",
      default: 1,
      from: "operator",
      locked: false,
      security: false,
      unit: "count",
      expected: expect.stringContaining("Infinity"),
      doc: "How many.",
      environmentName: "KING_VAULT_DOORS",
    },
    expect.objectContaining({ key: "vault.label", from: "default" }),
  ]);
});

test("a handler of errors that rejects brings nothing down", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const failure = new Error("nobody listens");
  await using admin = await openAdmin({
    sections: [{ name: "broken", read: () => Promise.reject(new Error("no")) }],
    onError: () => Promise.reject(failure) as unknown as undefined,
  });
  expect((await admin.ask("GET /sections/broken")).status).toBe(500);
  await vi.waitFor(() => expect(log).toHaveBeenCalledWith(failure));
  log.mockRestore();
});
