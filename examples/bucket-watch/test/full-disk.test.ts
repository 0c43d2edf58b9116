import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { notRun, type SkippableTest } from "@king-runtime/testkit";
import { expect, onTestFinished, test, vi } from "vitest";
import { startServer, uploadTo, watchBucket } from "./started-server.ts";

// Processes and full sockets take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

/** A file system of its own of that size, in memory; gone when the test ends. */
async function smallDisk(bytes: number, context: SkippableTest): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "bucket-watch-small-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder], {
      stdio: "pipe",
    });
  } catch {
    await rm(folder, { recursive: true });
    notRun(context, "a small tmpfs cannot be mounted", "run the tests as root on Linux");
  }
  onTestFinished(async () => {
    execFileSync("umount", ["--lazy", folder]);
    await rm(folder, { recursive: true, force: true });
  });
  return folder;
}

test("a disk that is really full answers 507 and leaves the others alone", async (context) => {
  const storagePath = await smallDisk(2 * 1024 * 1024, context);
  const { origin, store, errors } = await startServer({}, { storagePath });
  const { events } = await watchBucket(origin);
  const list = async () => (await readdir(storagePath, { recursive: true })).sort();

  expect((await uploadTo(origin, "object=first", "x".repeat(500_000))).status).toBe(202);
  const before = await list();
  const refused = await uploadTo(origin, "object=large", "x".repeat(4_000_000));
  expect(refused.status).toBe(507);
  expect(await refused.json()).toMatchObject({
    detail: "the disk is full",
    code: "KING_OBJECTSTORE_NO_SPACE",
  });

  // Nothing of it is left, what was there can be read, and what fits still goes in.
  expect(await list()).toEqual(before);
  expect((await (await fetch(`${origin}/objects/inbox/first`)).text()).length).toBe(500_000);
  expect((await uploadTo(origin, "object=second", "x".repeat(500_000))).status).toBe(202);
  expect(await events.take(3)).toMatchObject([{}, { object_id: "first" }, { object_id: "second" }]);
  expect(store.stats()).toMatchObject({ objects: 2, reservedBytes: 0 });
  expect(errors.values).toEqual([]);
});
