import { expect, test, vi } from "vitest";
import {
  childEnvironment,
  parseCpuTime,
  runProcess,
  startProcess,
  watchResources,
} from "../src/index.ts";

// Processes and full sockets take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const node = (script: string) => ({ command: process.execPath, args: ["-e", script] });

test("waits for the ready line and gives what it matched", async () => {
  await using started = await startProcess({
    ...node(
      `console.log("warming up"); console.log("listening on 4711"); setInterval(() => {}, 1e6)`,
    ),
    ready: /listening on (\d+)/,
  });
  expect(started.ready[1]).toBe("4711");
  expect(started.stdout()).toBe("warming up\nlistening on 4711\n");
});

test("a process that ends before it is ready fails with its output", async () => {
  await expect(
    startProcess({ ...node(`console.error("no storage"); process.exit(3)`), ready: /ready/ }),
  ).rejects.toThrow(/no storage/);
});

test("a process that is never ready fails at the deadline and is ended", async () => {
  const resources = watchResources();
  const started = startProcess({
    ...node("setInterval(() => {}, 1e6)"),
    ready: /ready/,
    readyDeadlineMs: 100,
  });
  await expect(started).rejects.toThrow(/not within 100 ms/);
  await resources.settled();
});

test("a command that does not exist fails", async () => {
  await expect(startProcess({ command: "no-such-program" })).rejects.toThrow(
    /could not be started/,
  );
});

test("SIGKILL ends it at once, and disposing ends what still runs", async () => {
  await using stubborn = await startProcess({
    ...node(`process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1e6)`),
    ready: /up/,
  });
  expect(await stubborn.kill()).toEqual({ code: null, signal: "SIGKILL" });
  const willing = await startProcess({
    ...node(`console.log("up"); setInterval(() => {}, 1e6)`),
    ready: /up/,
  });
  await willing[Symbol.asyncDispose]();
  expect(await willing.exited).toEqual({ code: null, signal: "SIGTERM" });
});

test("samples memory and processor time of another process", async () => {
  await using started = await startProcess({
    ...node(`
      const kept = Buffer.alloc(64 * 1024 * 1024, 1);
      for (const until = Date.now() + 200; Date.now() < until; );
      console.log("up"); setInterval(() => kept, 1e6)`),
    ready: /up/,
  });
  const sample = await started.sample();
  expect(sample.rssBytes).toBeGreaterThan(64 * 1024 * 1024);
  expect(sample.cpuMs).toBeGreaterThanOrEqual(100);
});

test("reads the processor time of ps in each of its forms", () => {
  expect(parseCpuTime("0:01.25")).toBe(1_250);
  expect(parseCpuTime("01:00:02")).toBe(3_602_000);
  expect(parseCpuTime("2-00:00:01")).toBe(172_801_000);
});

test("gives input, collects output, and reports how it ended", async () => {
  const result = await runProcess({
    ...node(
      `process.stdin.on("data", (d) => process.stdout.write(String(d).toUpperCase())).on("end", () => process.exit(5))`,
    ),
    input: "king",
  });
  expect(result).toMatchObject({ code: 5, signal: null, stdout: "KING" });
});

test("children do not inherit the variables that steer our own tools", () => {
  process.env["KING_FUZZ_RUNS"] = "1";
  try {
    const environment = childEnvironment({ KING_TLS_MIN_VERSION: "TLSv1.3" });
    expect(environment["KING_FUZZ_RUNS"]).toBeUndefined();
    expect(environment["KING_TLS_MIN_VERSION"]).toBe("TLSv1.3");
    expect(environment["PATH"]).toBe(process.env["PATH"]);
  } finally {
    delete process.env["KING_FUZZ_RUNS"];
  }
});
