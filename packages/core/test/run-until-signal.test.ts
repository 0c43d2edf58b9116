import { testClock } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { createSystem } from "../src/index.ts";
import { runUntilSignal } from "../src/node.ts";

const handlers = () => process.listenerCount("SIGTERM") + process.listenerCount("SIGINT");

test("starts, drains at the signal, and takes its handlers away", async () => {
  const log: string[] = [];
  const before = handlers();
  const system = createSystem({
    components: [
      { name: "a", start: () => void log.push("start"), stop: () => void log.push("stop") },
    ],
  });
  const report = await runUntilSignal(system, {
    onReady() {
      log.push("ready");
      expect(handlers()).toBe(before + 2);
      process.emit("SIGTERM");
    },
  });
  expect(report.clean).toBe(true);
  expect(log).toEqual(["start", "ready", "stop"]);
  expect(handlers()).toBe(before);
});

test("rejects when the start fails, and takes its handlers away", async () => {
  const before = handlers();
  const components = [{ name: "a", start: () => Promise.reject(new Error("no")), stop() {} }];
  await expect(runUntilSignal(createSystem({ components }))).rejects.toThrow("did not start: no");
  expect(handlers()).toBe(before);
});

test("a signal during a start that hangs ends it", async () => {
  const stop = new AbortController();
  const system = createSystem({
    components: [
      {
        name: "a",
        start({ signal }) {
          stop.abort();
          return new Promise((_, reject) =>
            signal.addEventListener("abort", () => reject(signal.reason)),
          );
        },
        stop() {},
      },
    ],
  });
  await expect(runUntilSignal(system, { stop: stop.signal })).rejects.toThrow("did not start");
  expect(system.state).toBe("stopped");
});

test("a signal during a start that does not listen ends it within deadlineMs", async () => {
  const clock = testClock();
  const stop = new AbortController();
  const system = createSystem({
    clock,
    components: [{ name: "a", start: () => new Promise(() => undefined), stop() {} }],
  });
  const run = runUntilSignal(system, { stop: stop.signal, deadlineMs: 200 });
  run.catch(() => undefined);
  stop.abort();
  await clock.advanceAsync(200);
  expect(clock.pendingTimers).toBe(0);
  await expect(run).rejects.toThrow('component "a" did not start');
  expect(system.state).toBe("stopped");
});
