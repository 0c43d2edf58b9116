import { testClock } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { type Component, createSystem, KingError } from "../src/index.ts";

/** A component that writes down what happens to it. */
function part(name: string, log: string[], more: Partial<Component> = {}): Component {
  return {
    name,
    start: () => void log.push(`start ${name}`),
    drain: () => void log.push(`drain ${name}`),
    stop: () => void log.push(`stop ${name}`),
    ...more,
  };
}

const never = () => new Promise<void>(() => undefined);

describe("start", () => {
  test("goes in waves by dependence, and drain in reverse", async () => {
    const log: string[] = [];
    const system = createSystem({
      components: [
        part("web", log, { dependsOn: ["channels", "objects"] }),
        part("channels", log, { dependsOn: ["objects"] }),
        part("objects", log),
      ],
    });
    expect(system.state).toBe("created");
    await system.start();
    expect(system.state).toBe("ready");
    const report = await system.drain();
    expect(report).toEqual({ clean: true, cut: [], outstanding: {}, errors: [] });
    expect(system.state).toBe("stopped");
    expect(log).toEqual([
      "start objects",
      "start channels",
      "start web",
      "drain web",
      "stop web",
      "drain channels",
      "stop channels",
      "drain objects",
      "stop objects",
    ]);
  });

  test("that fails stops what had started, in reverse, and names the component", async () => {
    const log: string[] = [];
    const cause = new Error("no disk");
    const system = createSystem({
      components: [
        part("objects", log),
        part("channels", log, { dependsOn: ["objects"], start: () => Promise.reject(cause) }),
        part("web", log, { dependsOn: ["channels"] }),
      ],
    });
    await expect(system.start()).rejects.toMatchObject({
      code: "KING_SYSTEM_START",
      message: 'component "channels" did not start: no disk',
      details: { component: "channels" },
      cause,
    });
    expect(log).toEqual(["start objects", "stop objects"]);
    expect(system.state).toBe("failed");
    await expect(system.start()).rejects.toMatchObject({ code: "KING_SYSTEM_STATE" });
  });

  test("that hangs is given up at its deadline, told so, and stopped should it come up", async () => {
    const clock = testClock();
    const log: string[] = [];
    const come = Promise.withResolvers<void>();
    let signal: AbortSignal | undefined;
    const system = createSystem({
      clock,
      startTimeoutMs: 1_000,
      components: [
        part("slow", log, {
          start(context) {
            signal = context.signal;
            return come.promise;
          },
        }),
      ],
    });
    const started = system.start();
    started.catch(() => undefined);
    await clock.advanceAsync(999);
    expect(signal?.aborted).toBe(false);
    await clock.advanceAsync(1);
    await expect(started).rejects.toThrow("did not start within startTimeoutMs (1000)");
    expect(signal?.aborted).toBe(true);
    come.resolve();
    await come.promise;
    await Promise.resolve();
    expect(log).toEqual(["stop slow"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([
    ["a name twice", [part("a", []), part("a", [])], "a"],
    ["a gate twice", [part("a", [], { gates: ["x"] }), part("b", [], { gates: ["x"] })], "b"],
    ["an unknown dependency", [part("a", [], { dependsOn: ["z"] })], "a"],
    ["a cycle", [part("a", [], { dependsOn: ["b"] }), part("b", [], { dependsOn: ["a"] })], "a"],
  ])("is not possible with %s", (_, components, component) => {
    const create = () => createSystem({ components });
    expect(create).toThrow(
      expect.objectContaining({ code: "KING_SYSTEM_INVALID", details: { component } }),
    );
  });
});

describe("a gate", () => {
  const gated = (log: string[] = [], more: Partial<Component> = {}) =>
    createSystem({
      components: [
        part("objects", log),
        part("runs", log, { dependsOn: ["objects"], gates: ["run.submit"], ...more }),
      ],
    });

  test("is closed before the start and after the drain (KING_SYSTEM_NOT_READY)", async () => {
    const system = gated();
    const refusal = { code: "KING_SYSTEM_NOT_READY", category: "unavailable", retryable: true };
    expect(() => system.admit("run.submit")).toThrow(expect.objectContaining(refusal));
    await system.start();
    system.admit("run.submit").release();
    await system.drain();
    expect(() => system.admit("run.submit")).toThrow(expect.objectContaining(refusal));
    expect(() => system.admit("run.sbmit")).toThrow(
      expect.objectContaining({ code: "KING_SYSTEM_UNKNOWN" }),
    );
    expect(system.performance().gates["run.submit"]).toMatchObject({ admitted: 1, refused: 2 });
  });

  test("counts leases: drain refuses new work at once, and waits for them before it drains", async () => {
    const log: string[] = [];
    const system = gated(log);
    await system.start();
    const first = system.admit("run.submit");
    const second = system.admit("run.submit");
    expect(system.status().gates["run.submit"]).toEqual({ open: true, leases: 2 });
    const drained = system.drain();
    expect(() => system.admit("run.submit")).toThrow("gate");
    first.release();
    first.release();
    await Promise.resolve();
    expect(log).not.toContain("drain runs");
    log.push("second returned");
    second[Symbol.dispose]();
    expect((await drained).clean).toBe(true);
    expect(log.slice(2)).toEqual([
      "second returned",
      "drain runs",
      "stop runs",
      "drain objects",
      "stop objects",
    ]);
  });

  test("that is not left by the deadline is reported, and its component stopped", async () => {
    const clock = testClock();
    const log: string[] = [];
    const system = createSystem({
      clock,
      components: [part("runs", log, { gates: ["run.submit"] })],
    });
    await system.start();
    system.admit("run.submit");
    const drained = system.drain({ deadlineMs: 1_000 });
    await clock.advanceAsync(1_000);
    expect(await drained).toMatchObject({
      clean: false,
      cut: ["runs"],
      outstanding: { "run.submit": 1 },
    });
    expect(log).toContain("stop runs");
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("drain", () => {
  test("cuts a component that never returns at the deadline, names it, and goes on", async () => {
    const clock = testClock();
    const log: string[] = [];
    let aborted: AbortSignal | undefined;
    const system = createSystem({
      clock,
      components: [
        part("objects", log),
        part("stuck", log, {
          dependsOn: ["objects"],
          drain({ signal }) {
            aborted = signal;
            return never();
          },
        }),
      ],
    });
    await system.start();
    const drained = system.drain({ deadlineMs: 500 });
    await clock.advanceAsync(500);
    const report = await drained;
    expect(report.cut).toEqual(["stuck"]);
    expect(aborted?.aborted).toBe(true);
    expect(log).toEqual([
      "start objects",
      "start stuck",
      "stop stuck",
      "drain objects",
      "stop objects",
    ]);
  });

  test("reports what a component throws, and a stop that never returns", async () => {
    const clock = testClock();
    const system = createSystem({
      clock,
      stopTimeoutMs: 100,
      components: [
        part("throws", [], { drain: () => Promise.reject(new Error("lost it")) }),
        part("hangs", [], { stop: never }),
      ],
    });
    await system.start();
    const drained = system.drain();
    await clock.advanceAsync(100);
    const report = await drained;
    expect([...report.cut].sort()).toEqual(["hangs", "throws"]);
    expect(report.errors.map(({ message }) => message)).toEqual([
      "lost it",
      'component "hangs" did not stop within 100 ms',
    ]);
    expect(system.status().components["hangs"]?.state).toBe("failed");
  });

  test("is one drain, however often it is called, also by await using", async () => {
    const log: string[] = [];
    {
      await using system = createSystem({ components: [part("a", log)] });
      await system.start();
      expect(system.drain()).toBe(system.drain());
    }
    expect(log).toEqual(["start a", "drain a", "stop a"]);
  });

  test("during a start ends it", async () => {
    const log: string[] = [];
    const system = createSystem({
      components: [
        part("hangs", log, {
          start: ({ signal }) =>
            new Promise((_, reject) =>
              signal.addEventListener("abort", () => reject(signal.reason)),
            ),
        }),
      ],
    });
    const started = system.start();
    started.catch(() => undefined);
    await system.drain();
    await expect(started).rejects.toThrow("the system was drained while it started");
    expect(system.state).toBe("stopped");
  });

  test("during a start that does not listen gives it up at the deadline, and names it", async () => {
    const clock = testClock();
    const log: string[] = [];
    const come = Promise.withResolvers<void>();
    let signal: AbortSignal | undefined;
    const system = createSystem({
      clock,
      components: [
        part("objects", log),
        part("deaf", log, {
          dependsOn: ["objects"],
          start(context) {
            signal = context.signal;
            return come.promise;
          },
        }),
        part("web", log, { dependsOn: ["deaf"] }),
      ],
    });
    const started = system.start();
    started.catch(() => undefined);
    await clock.advanceAsync(50);
    const drained = system.drain({ deadlineMs: 200 });
    expect(signal?.aborted).toBe(true);
    expect(system.state).toBe("draining");
    await clock.advanceAsync(200);
    expect(await drained).toMatchObject({ clean: false, cut: ["deaf"] });
    await expect(started).rejects.toMatchObject({
      code: "KING_SYSTEM_START",
      details: { component: "deaf" },
    });
    expect([system.state, system.status().uptimeMs]).toEqual(["stopped", 0]);
    expect(log).toEqual(["start objects", "stop objects"]);
    expect(clock.pendingTimers).toBe(0);
    come.resolve();
    await clock.advanceAsync(0);
    expect(log).toEqual(["start objects", "stop objects", "stop deaf"]);
  });

  test("during a start that comes up all the same stops what came up", async () => {
    const log: string[] = [];
    const come = Promise.withResolvers<void>();
    const system = createSystem({ components: [part("deaf", log, { start: () => come.promise })] });
    const started = system.start();
    started.catch(() => undefined);
    const drained = system.drain();
    come.resolve();
    expect((await drained).clean).toBe(true);
    await expect(started).rejects.toMatchObject({
      code: "KING_SYSTEM_STATE",
      message: "the system was drained while it started",
    });
    expect(log).toEqual(["stop deaf"]);
  });

  test("leaves the signal of a start that has come up alone", async () => {
    let signal: AbortSignal | undefined;
    const system = createSystem({
      components: [
        part("a", [], {
          start(context) {
            signal = context.signal;
          },
        }),
      ],
    });
    await system.start();
    await system.drain();
    expect(signal?.aborted).toBe(false);
  });

  test("during a restart that hangs tells it at once, and gives it up at the deadline", async () => {
    const clock = testClock();
    const log: string[] = [];
    let signal: AbortSignal | undefined;
    let starts = 0;
    const system = createSystem({
      clock,
      components: [
        part("objects", log),
        part("deaf", log, {
          dependsOn: ["objects"],
          start(context) {
            signal = context.signal;
            return starts++ === 0 ? undefined : never();
          },
        }),
      ],
    });
    await system.start();
    const restarted = system.component("deaf").restart();
    restarted.catch(() => undefined);
    await clock.advanceAsync(0);
    const drained = system.drain({ deadlineMs: 200 });
    expect(signal?.aborted).toBe(true);
    await clock.advanceAsync(200);
    expect(await drained).toMatchObject({ clean: false, cut: ["deaf"] });
    await expect(restarted).rejects.toMatchObject({ code: "KING_SYSTEM_START" });
    expect(log.slice(1)).toEqual(["drain deaf", "stop deaf", "drain objects", "stop objects"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("during a restart that waits for leases ends it at the deadline of the drain", async () => {
    const clock = testClock();
    const log: string[] = [];
    const system = createSystem({
      clock,
      components: [part("runs", log, { gates: ["run.submit"], drain: never })],
    });
    await system.start();
    system.admit("run.submit");
    const restarted = system.component("runs").restart({ deadlineMs: 60_000 });
    restarted.catch(() => undefined);
    const drained = system.drain({ deadlineMs: 200 });
    await clock.advanceAsync(201);
    expect(await drained).toMatchObject({ clean: false, cut: ["runs"] });
    await expect(restarted).rejects.toMatchObject({ code: "KING_SYSTEM_STATE" });
    expect(log).toEqual(["start runs", "stop runs"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("of a system that failed leaves it failed, and tells what did not stop", async () => {
    const system = createSystem({
      components: [
        part("objects", [], { stop: () => Promise.reject(new Error("stuck")) }),
        part("web", [], { dependsOn: ["objects"], start: () => Promise.reject(new Error("no")) }),
      ],
    });
    await expect(system.start()).rejects.toMatchObject({ details: { component: "web" } });
    const report = await system.drain();
    expect(report).toMatchObject({ clean: false, cut: ["objects"] });
    expect(report.errors.map(({ message }) => message)).toEqual(["stuck"]);
    expect(system.state).toBe("failed");
  });

  test("before the start leaves a stopped system that was never up", async () => {
    const clock = testClock();
    clock.advance(5_000);
    const system = createSystem({ clock, components: [part("a", [])] });
    const drained = system.drain();
    expect(system.status()).toMatchObject({ state: "draining", uptimeMs: 0 });
    expect((await drained).clean).toBe(true);
    expect(system.state).toBe("stopped");
  });
});

describe("restart", () => {
  test("takes one component round; gates of its dependents refuse meanwhile", async () => {
    const log: string[] = [];
    const again = Promise.withResolvers<void>();
    let starts = 0;
    const system = createSystem({
      components: [
        part("channels", log, {
          start: () => {
            log.push("start channels");
            return starts++ === 0 ? undefined : again.promise;
          },
        }),
        part("web", log, { dependsOn: ["channels"], gates: ["request"] }),
      ],
    });
    await system.start();
    const handle = system.component("channels");
    const restarted = handle.restart();
    expect(handle.restart()).toBe(restarted);
    expect(() => system.admit("request")).toThrow("channels is");
    again.resolve();
    await restarted;
    system.admit("request").release();
    expect(log).toEqual([
      "start channels",
      "start web",
      "drain channels",
      "stop channels",
      "start channels",
    ]);
    expect(system.status().components["channels"]).toEqual({ state: "ready", restarts: 1 });
    await system.drain();
  });

  test("that fails leaves the component failed and the system unhealthy", async () => {
    let starts = 0;
    const system = createSystem({
      components: [
        part("channels", [], {
          start() {
            if (starts++ > 0) throw new Error("gone");
          },
        }),
      ],
    });
    await system.start();
    await expect(system.component("channels").restart()).rejects.toMatchObject({
      code: "KING_SYSTEM_START",
    });
    expect(system.health()).toMatchObject({
      status: "unhealthy",
      reason: "channels: is failed",
    });
    expect((await system.drain()).clean).toBe(true);
  });

  test("reports what its drain threw, and the leases nobody returned", async () => {
    const clock = testClock();
    const system = createSystem({
      clock,
      components: [
        part("runs", [], {
          gates: ["run.submit"],
          drain: () => Promise.reject(new Error("lost it")),
        }),
      ],
    });
    await system.start();
    const lease = system.admit("run.submit");
    const restarted = system.component("runs").restart({ deadlineMs: 100 });
    await clock.advanceAsync(100);
    expect(await restarted).toEqual({
      clean: false,
      cut: ["runs"],
      outstanding: { "run.submit": 1 },
      errors: [new Error("lost it")],
    });
    expect(system.component("runs").state).toBe("ready");
    lease.release();
    await system.drain();
  });

  test("does not start over a component whose stop failed", async () => {
    const log: string[] = [];
    const cause = new Error("port is held");
    const system = createSystem({
      components: [part("web", log, { stop: () => Promise.reject(cause) })],
    });
    await system.start();
    const handle = system.component("web");
    const refusal = {
      code: "KING_SYSTEM_START",
      message: 'component "web" did not start: port is held',
      details: { component: "web" },
      cause,
    };
    await expect(handle.restart()).rejects.toMatchObject(refusal);
    expect(handle.state).toBe("failed");
    await expect(handle.restart()).rejects.toMatchObject(refusal);
    expect(log).toEqual(["start web", "drain web"]);
    await system.drain();
  });

  test("is possible again once a stop or start that was given up has ended", async () => {
    const clock = testClock();
    const log: string[] = [];
    const steps = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let stops = 0;
    const system = createSystem({
      clock,
      startTimeoutMs: 100,
      stopTimeoutMs: 100,
      components: [
        part("web", log, {
          start: () => {
            log.push("start web");
            return log.length === 3 ? steps[1]?.promise : undefined;
          },
          stop: () => (stops++ === 0 ? steps[0]?.promise : void log.push("stop web")),
        }),
      ],
    });
    await system.start();
    const handle = system.component("web");
    const restart = async () => {
      const restarted = handle.restart().then(
        () => "ready",
        (error: Error) => error.message,
      );
      await clock.advanceAsync(100);
      return restarted;
    };
    expect(await restart()).toContain("did not stop within 100 ms");
    expect(await restart()).toContain("did not stop within 100 ms");
    steps[0]?.resolve();
    expect(await restart()).toContain("did not start within startTimeoutMs (100)");
    expect(await restart()).toContain("did not start within startTimeoutMs (100)");
    steps[1]?.resolve();
    await clock.advanceAsync(0);
    expect(await restart()).toBe("ready");
    expect(log).toEqual(["start web", "drain web", "start web", "stop web", "start web"]);
    await system.drain();
  });

  test("is refused before the start, and of a component that is not there", async () => {
    const system = createSystem({ components: [part("a", [])] });
    await expect(system.component("a").restart()).rejects.toMatchObject({
      code: "KING_SYSTEM_STATE",
    });
    expect(() => system.component("b")).toThrow('expected a component of this system (a), got "b"');
  });
});

test("health, status, metrics and performance are four answers", async () => {
  const clock = testClock();
  const system = createSystem({
    clock,
    components: [
      part("good", [], { stats: () => ({ jobs: 3 }) }),
      part("tired", [], { health: () => ({ status: "degraded", reason: "queue is long" }) }),
      part("broken", [], {
        health() {
          throw new Error("no idea");
        },
      }),
    ],
  });
  expect(system.health().status).toBe("unhealthy");
  expect(system.metrics()).toEqual({ good: {}, tired: {}, broken: {} });
  await system.start();
  clock.advance(5_000);
  expect(system.health()).toEqual({
    status: "unhealthy",
    reason: "broken: health check threw: no idea",
    components: {
      good: { status: "healthy" },
      tired: { status: "degraded", reason: "queue is long" },
      broken: { status: "unhealthy", reason: "health check threw: no idea" },
    },
  });
  expect(system.status()).toMatchObject({ state: "ready", uptimeMs: 5_000 });
  expect(system.metrics()["good"]).toEqual({ jobs: 3 });
  expect(Object.keys(system.performance().startMs)).toEqual(["good", "tired", "broken"]);
  await system.drain();
});

test("numbers that a component cannot tell are left out, its health as it was", async () => {
  const system = createSystem({
    components: [
      part("good", [], { stats: () => ({ jobs: 3 }) }),
      part("broken", [], {
        stats() {
          throw new Error("no idea");
        },
      }),
    ],
  });
  await system.start();
  expect(system.metrics()).toEqual({ good: { jobs: 3 }, broken: {} });
  expect(system.health().status).toBe("healthy");
  await system.drain();
});

test("an option that is not there is refused (KING_OPTION_INVALID)", () => {
  const options = { components: [], startTimeOutMs: 1 };
  expect(() => createSystem(options)).toThrow(
    expect.objectContaining({
      code: "KING_OPTION_INVALID",
      message: "startTimeOutMs: no such option; did you mean startTimeoutMs?",
    }),
  );
});

test("an error of the system is a KingError", () => {
  try {
    createSystem({ components: [] }).admit("x");
    expect.unreachable();
  } catch (error) {
    expect(KingError.is(error, "KING_SYSTEM_UNKNOWN")).toBe(true);
  }
});
