import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
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

/** What the server writes to standard error before it ends with 1. */
async function complaintOf(env: Record<string, string>): Promise<string> {
  await using folder = await temporaryFolder();
  await using server = await startNode(join(source, "main.ts"), {
    cwd: folder.path,
    env: { KING_BUCKET_WATCH_PORT: "0", ...env },
  });
  expect(await server.exited).toEqual({ code: 1, signal: null });
  expect(server.stderr()).not.toMatch(/^\s+at |node:internal|Node\.js v/m);
  expect(server.stdout()).toBe("");
  return server.stderr();
}

test("a setting that does not do is said in its own words, without a stack", async () => {
  expect(await complaintOf({ KING_BUCKET_WATCH_PORT: "many" })).toContain("KING_BUCKET_WATCH_PORT");
  expect(await complaintOf({ KING_REALTIME_MAX_CHANNEL_NAME_BYTES: "10" })).toContain(
    "KING_REALTIME_MAX_CHANNEL_NAME_BYTES",
  );
  expect(await complaintOf({ KING_BUCKET_WATCH_ALLOWED_HOSTS: "a b" })).toContain(
    "KING_BUCKET_WATCH_ALLOWED_HOSTS",
  );
  expect(await complaintOf({ KING_BUCKET_WATCH_TLS_CERT_PATH: "cert.pem" })).toContain(
    "KING_BUCKET_WATCH_TLS_KEY_PATH",
  );
});

test("a TLS file that is missing is named with its variable, one that is no PEM refused", async () => {
  const env = {
    KING_BUCKET_WATCH_TLS_CERT_PATH: "missing-cert.pem",
    KING_BUCKET_WATCH_TLS_KEY_PATH: "missing-key.pem",
  };
  const missing = await complaintOf(env);
  expect(missing).toContain("KING_BUCKET_WATCH_TLS_CERT_PATH");
  expect(missing).toContain("missing-cert.pem");
  await using folder = await temporaryFolder();
  await writeFile(folder.join("nonsense.pem"), "nonsense");
  await complaintOf({
    KING_BUCKET_WATCH_TLS_CERT_PATH: folder.join("nonsense.pem"),
    KING_BUCKET_WATCH_TLS_KEY_PATH: folder.join("nonsense.pem"),
  });
});

test("a port that is taken is said with its address", async () => {
  await using folder = await temporaryFolder();
  await using first = await startNode(join(source, "main.ts"), {
    cwd: folder.path,
    env: { KING_BUCKET_WATCH_PORT: "0" },
    ready: /listening on http:\/\/[^:]+:(\d+)/,
  });
  const port = first.ready[1] ?? "";
  expect(await complaintOf({ KING_BUCKET_WATCH_PORT: port })).toContain(port);
});

test("the demo whose reader leaves early ends with 0 and removes its folder", async () => {
  await using folder = await temporaryFolder();
  const demo = spawn(process.execPath, ["--conditions=king-source", join(source, "demo.ts")], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: folder.path },
  });
  let complaint = "";
  demo.stderr.setEncoding("utf8").on("data", (text) => {
    complaint += text;
  });
  demo.stdout.once("data", () => demo.stdout.destroy());
  expect(await once(demo, "exit")).toEqual([0, null]);
  expect(complaint).toBe("");
  expect(await readdir(folder.path)).toEqual([]);
});
