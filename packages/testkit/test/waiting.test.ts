import { channel } from "node:diagnostics_channel";
import { access, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { expect, test, vi } from "vitest";
import {
  eventually,
  recordDiagnostics,
  recorder,
  startService,
  temporaryFolder,
  watchResources,
  withDeadline,
} from "../src/index.ts";

// Processes and full sockets take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

test("a deadline names what was waited for and leaves no timer", async () => {
  const resources = watchResources();
  const never = new Promise<never>(() => {});
  await expect(withDeadline(never, "the moon", { deadlineMs: 20 })).rejects.toThrow(
    "the moon: not within 20 ms",
  );
  expect(await withDeadline(Promise.resolve(7), "seven")).toBe(7);
  await resources.settled({ deadlineMs: 0 });
});

test("a recorder gives what came before and what comes after", async () => {
  const numbers = recorder<number>();
  numbers.record(1);
  setImmediate(() => numbers.record(2));
  expect(await numbers.take(2)).toEqual([1, 2]);
  await expect(numbers.until((all) => all.includes(3), { deadlineMs: 20 })).rejects.toThrow(
    /came 2: \[1, 2\]/,
  );
});

test("diagnostics are recorded until disposed", () => {
  const diagnostics = channel("king:testkit:example");
  {
    using recorded = recordDiagnostics("king:testkit:example");
    diagnostics.publish("seen");
    expect(recorded.values).toEqual(["seen"]);
  }
  expect(diagnostics.hasSubscribers).toBe(false);
});

test("eventually sees a file appear, and fails with the last error when it does not", async () => {
  await using folder = await temporaryFolder();
  const path = folder.join("late.txt");
  setImmediate(() => void writeFile(path, "here"));
  expect(await eventually("the file", async () => (await readFile(path, "utf8")) || false)).toBe(
    "here",
  );
  await expect(
    eventually("another file", () => readFile(folder.join("never"), "utf8"), { deadlineMs: 30 }),
  ).rejects.toMatchObject({ cause: { code: "ENOENT" } });
});

test("a temporary folder goes away with what is in it", async () => {
  const folder = await temporaryFolder();
  await writeFile(folder.join("file"), "x");
  await folder[Symbol.asyncDispose]();
  await expect(access(folder.path)).rejects.toMatchObject({ code: "ENOENT" });
});

test("a leaked server is named", async () => {
  const resources = watchResources();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await expect(resources.settled({ deadlineMs: 20 })).rejects.toThrow(/TCPServerWrap 1 \(was 0\)/);
  server.close();
  await resources.settled();
});

test("a service is started on a free port and ends with its folder", async () => {
  let folder: string;
  {
    await using service = await startService({
      command: process.execPath,
      args: ({ ports }) => [
        "-e",
        `require("node:net").createServer((s) => s.end()).listen(${ports[0]}, "127.0.0.1")`,
      ],
    });
    folder = service.folder;
    expect((await service.process.sample()).rssBytes).toBeGreaterThan(0);
  }
  await expect(access(folder)).rejects.toMatchObject({ code: "ENOENT" });
});

test("a service that ends instead of listening fails with what it said", async () => {
  const started = startService({
    command: process.execPath,
    args: () => ["-e", `console.error("bad configuration"); process.exit(1)`],
  });
  await expect(started).rejects.toThrow(/bad configuration/);
});
