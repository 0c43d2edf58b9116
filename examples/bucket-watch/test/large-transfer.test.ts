import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import {
  makeCertificates,
  requireSoftware,
  runProcess,
  sampleProcess,
  startNode,
  temporaryFolder,
} from "@king-runtime/testkit";
import { expect, test } from "vitest";

const mebibyte = 1_048_576;
const largeBytes = Number(process.env["BUCKET_WATCH_LARGE_MIB"] ?? 256) * mebibyte;
const allowedGrowthBytes = 64 * mebibyte;

/** A file that does not repeat within what any buffer holds. */
async function writeLargeFile(path: string): Promise<void> {
  const block = randomBytes(mebibyte);
  await using file = await open(path, "w");
  for (let at = 0; at < largeBytes; at += block.length) {
    block.writeUInt32BE(at / mebibyte);
    await file.write(block);
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** Runs `work` while watching another process's memory; its highest value, in bytes. */
async function peakRssDuring(pid: number, work: () => Promise<void>): Promise<number> {
  let peak = 0;
  let done = false;
  const working = work().finally(() => {
    done = true;
  });
  // Memory of another process announces no change.
  const watching = (async () => {
    while (!done) {
      peak = Math.max(peak, (await sampleProcess(pid)).rssBytes);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  await Promise.all([working, watching]);
  return peak;
}

for (const [name, flag, version] of [
  ["HTTP/1.1", "--http1.1", "1.1"],
  ["HTTP/2", "--http2", "2"],
] as const) {
  const title = `curl moves ${largeBytes / mebibyte} MiB both ways over TLS with ${name} in flat memory`;
  test(title, { timeout: 180_000 }, async (context) => {
    const curl = requireSoftware("curl", context);
    await using folder = await temporaryFolder("bucket-watch-large");
    const certificates = await makeCertificates();
    await Promise.all([
      writeFile(folder.join("ca.pem"), certificates.ca),
      writeFile(folder.join("cert.pem"), certificates.leaf.cert),
      writeFile(folder.join("key.pem"), certificates.leaf.key),
      writeLargeFile(folder.join("large.bin")),
    ]);
    await using server = await startNode(join(import.meta.dirname, "../src/main.ts"), {
      cwd: folder.path,
      env: {
        KING_BUCKET_WATCH_PORT: "0",
        KING_BUCKET_WATCH_TLS_CERT_PATH: folder.join("cert.pem"),
        KING_BUCKET_WATCH_TLS_KEY_PATH: folder.join("key.pem"),
        KING_HTTP_MAX_BODY_BYTES: String(largeBytes),
      },
      ready: /listening on (\S+)/,
    });
    const origin = server.ready[1] ?? "";

    const transfer = async (...args: string[]) => {
      const result = await runProcess({
        command: curl,
        args: [
          "--silent",
          "--show-error",
          "--fail-with-body",
          flag,
          "--cacert",
          folder.join("ca.pem"),
          "--write-out",
          "%{http_code} %{http_version}",
          ...args,
        ],
        deadlineMs: 120_000,
      });
      expect(result).toMatchObject({ code: 0, stderr: "" });
      return result.stdout;
    };
    const upload = (path: string, object: string) =>
      transfer("--upload-file", path, "--request", "POST", `${origin}/upload?object=${object}`);
    const download = (object: string, path: string) =>
      transfer("--output", path, `${origin}/objects/inbox/${object}`);

    // A small one first, so that code that is loaded and compiled on the way does not count.
    await writeFile(folder.join("first.bin"), randomBytes(mebibyte));
    await upload(folder.join("first.bin"), "first.bin");
    await download("first.bin", folder.join("first.copy"));
    const { rssBytes: before } = await server.sample();

    const uploadPeak = await peakRssDuring(server.pid, async () => {
      expect(await upload(folder.join("large.bin"), "large.bin")).toBe(
        `{"stored":true,"key":"inbox/large.bin"}202 ${version}`,
      );
    });
    const downloadPeak = await peakRssDuring(server.pid, async () => {
      expect(await download("large.bin", folder.join("large.copy"))).toBe(`200 ${version}`);
    });

    expect((await stat(folder.join("large.copy"))).size).toBe(largeBytes);
    expect(await sha256(folder.join("large.copy"))).toBe(await sha256(folder.join("large.bin")));
    const growth = (peak: number) => (peak - before) / mebibyte;
    console.info(
      `HTTP/${version}: server at ${Math.round(before / mebibyte)} MiB; grew by ` +
        `${growth(uploadPeak).toFixed(1)} MiB in the upload, ${growth(downloadPeak).toFixed(1)} MiB in the download`,
    );
    expect(uploadPeak - before).toBeLessThan(allowedGrowthBytes);
    expect(downloadPeak - before).toBeLessThan(allowedGrowthBytes);
  });
}
