import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Stream } from "@king-runtime/core";
import { stalled, startNode } from "@king-runtime/testkit";
import { afterAll, describe, expect, test } from "vitest";
import { resolveLimits } from "../src/limits.ts";
import { certificates, type EngineName, engineNames, engines, needEngines } from "./engines.ts";

const program = fileURLToPath(new URL("./deaf-reader.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "king-quic-reader-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "ca.pem");
writeFileSync(file, certificates.ca);

/** What an engine and node themselves take beside what is held for a reader. */
const ownBytes = 32 * 1_048_576;

describe.each(engineNames)("%s", (name) => {
  const peer = engineNames.find((each) => each !== name) as EngineName;

  test("a reader that does not read holds no more than it may of 200 MB, and neither does its writer", async (context) => {
    await needEngines(context, name, peer);
    const part = Buffer.alloc(65_536, "k");
    let taken = 0;
    const serve = async (stream: Stream) => {
      let text = "";
      for await (const chunk of stream) text += Buffer.from(chunk).toString();
      for (let left = Number(text); left > 0; left -= part.length) {
        await stream.write(part.subarray(0, Math.min(left, part.length)));
        taken += part.length;
      }
      await stream.end();
    };
    const listener = await (await engines[peer].open()).listen({
      local: { address: "127.0.0.1", port: 0 },
      tls: { alpn: ["king"], ...certificates.leaf },
      async onSession(session) {
        for await (const stream of session.streams()) serve(stream).catch(() => undefined);
      },
    });
    await using reader = await startNode(program, {
      args: [name, String(listener.local.port), file],
    });
    await reader.line(/^deaf$/);
    const before = (await reader.sample()).rssBytes;
    const own = process.memoryUsage().rss;
    await stalled(() => taken);
    const { maxUndeliveredBytes } = resolveLimits();
    const grown = (await reader.sample()).rssBytes - before;
    expect(grown).toBeLessThanOrEqual(maxUndeliveredBytes + ownBytes);
    expect(process.memoryUsage().rss - own).toBeLessThanOrEqual(maxUndeliveredBytes + ownBytes);
    expect(taken).toBeLessThan(100_000_000);
    process.kill(reader.pid, "SIGUSR2");
    const [, end] = await reader.line(/^(whole 19\d+|whole 200000000|broken \w+)/);
    // Where the engine cannot have the peer wait, the stream is gone instead.
    if (name === "matrix") expect(end).toMatch(/^whole/);
    else expect(end).toBe("broken KING_QUIC_UNDELIVERED_LIMIT");
    await listener.close({ deadlineMs: 1_000 });
  });
});
