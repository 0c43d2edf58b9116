import { join } from "node:path";
import { startNode, temporaryFolder } from "@king-runtime/testkit";
import { expect, test, vi } from "vitest";

// Processes and full sockets take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const source = join(import.meta.dirname, "../src");

test("the demo shows what uploader and subscribers saw, and ends with 0", {
  timeout: 30_000,
}, async () => {
  await using demo = await startNode(join(source, "demo.ts"));
  expect(await demo.exited).toEqual({ code: 0, signal: null });
  expect(demo.stderr()).toBe("");
  const lines = demo.stdout().trimEnd().split("\n");
  expect(lines[0]).toMatch(/^bucket-watch {2}listens on http:\/\/127\.0\.0\.1:\d+$/);
  for (const number of [1, 2]) {
    const seen = lines
      .filter((line) => line.startsWith(`subscriber ${number}`))
      .map((line) => JSON.parse(line.slice(line.indexOf("{"))));
    expect(seen).toEqual([
      { event: "subscribed", bucket: "inbox" },
      {
        event: "object.available",
        bucket: "inbox",
        object_id: "demo.txt",
        content_type: "text/plain",
        size: 57,
      },
    ]);
  }
  expect(lines).toContain('uploader      got 202 {"stored":true,"key":"inbox/demo.txt"}');
});

test("the server takes its settings from KING_ variables and drains on SIGTERM", {
  timeout: 30_000,
}, async () => {
  await using folder = await temporaryFolder();
  await using server = await startNode(join(source, "main.ts"), {
    cwd: folder.path,
    env: {
      KING_BUCKET_WATCH_PORT: "0",
      KING_BUCKET_WATCH_STORAGE_PATH: folder.join("objects"),
      KING_HTTP_MAX_BODY_BYTES: "10",
    },
    ready: /listening on (\S+)/,
  });
  const upload = (body: string) => fetch(`${server.ready[1]}/upload`, { method: "POST", body });
  expect((await upload("0123456789")).status).toBe(202);
  expect((await upload("0123456789a")).status).toBe(413);
  expect(await server.kill("SIGTERM")).toEqual({ code: 0, signal: null });
});

test("the server refuses a setting it does not know, naming the nearest", async () => {
  await using server = await startNode(join(source, "main.ts"), {
    env: { KING_BUCKET_WATCH_PROT: "0" },
  });
  expect((await server.exited).code).toBe(1);
  expect(server.stderr()).toContain("did you mean KING_BUCKET_WATCH_PORT?");
});
