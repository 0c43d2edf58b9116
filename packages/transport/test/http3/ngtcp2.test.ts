import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { requireSoftware, startService, temporaryFolder } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { createHttpClient } from "../../src/index.ts";
import { interopListener, outputOf } from "../interop/interop-listener.ts";
import { engineNames, needEngine } from "./engines.ts";
import { certificates } from "./http3-harness.ts";

const timeout = 60_000;

describe.each(engineNames)("over %s", (name) => {
  describe("the client of ngtcp2", () => {
    test.for([
      ["downloads files of each size", "/large?3000000", []],
      [
        "downloads over a path that loses 3 % of all packets",
        "/large?1000000",
        ["-t", "0.03", "-r", "0.03"],
      ],
      // A server by currentspace loses a client that does in one run of two.
      ...(name === "matrix"
        ? [["goes on from another port", "/large?30000000", ["--change-local-addr=20ms"]] as const]
        : []),
      ["changes keys in the middle", "/large?30000000", ["--key-update=20ms"]],
    ] as const)("%s", { timeout }, async ([, path, options], context) => {
      const command = requireSoftware("gtlsclient", context);
      const engine = await needEngine(context, name);
      await using place = await interopListener({ isSecure: true, quic: { engine } });
      await using folder = await temporaryFolder("king-ngtcp2");
      const origin = `https://localhost:${place.port}`;
      await outputOf(command, [
        "--quiet",
        "--no-http-dump",
        "--exit-on-all-streams-close",
        `--download=${folder.path}`,
        ...options,
        "127.0.0.1",
        String(place.port),
        `${origin}${path}`,
        `${origin}/small?a=b`,
      ]);
      const large = await readFile(folder.join(path.slice(1)));
      expect(large.length).toBe(Number(path.split("?")[1]));
      expect(large.every((byte) => byte === 0x6b)).toBe(true);
      expect(JSON.parse(await readFile(folder.join("small?a=b"), "utf8"))).toMatchObject({
        path: "/small",
        query: "a=b",
        protocol: "h3",
      });
    });

    test("uploads, and reads what comes back", { timeout }, async (context) => {
      const command = requireSoftware("gtlsclient", context);
      const engine = await needEngine(context, name);
      await using place = await interopListener({ isSecure: true, quic: { engine } });
      await using folder = await temporaryFolder("king-ngtcp2");
      const bytes = randomBytes(1_000_000);
      await writeFile(folder.join("upload"), bytes);
      await outputOf(command, [
        "--quiet",
        "--no-http-dump",
        "--exit-on-all-streams-close",
        "--http-method=POST",
        `--data=${folder.join("upload")}`,
        `--download=${folder.path}`,
        "127.0.0.1",
        String(place.port),
        `https://localhost:${place.port}/echo`,
      ]);
      const back = await readFile(folder.join("echo"));
      expect(Buffer.compare(back, bytes)).toBe(0);
    });
  });

  describe("a client of ours, of the server of ngtcp2", () => {
    test.for([
      ["reads files, many at a time", []],
      ["is asked for its address first (Retry)", ["--validate-addr"]],
      ["reads trailers", ["--send-trailers"]],
      ["reads over a path that loses 3 % of all packets", ["-t", "0.03", "-r", "0.03"]],
    ] as const)("%s", { timeout }, async ([, options], context) => {
      const command = requireSoftware("gtlsserver", context);
      const engine = await needEngine(context, name);
      const { ca, leaf } = await certificates();
      const bytes = randomBytes(1_000_000);
      const sum = createHash("sha256").update(bytes).digest("hex");
      await using server = await startService({
        command,
        // It speaks of nothing but its packets, and listens before it is asked for the first.
        ready: /^/,
        args: async ({ ports: [port = 0], folder }) => {
          await writeFile(folder.join("cert.pem"), leaf.cert);
          await writeFile(folder.join("key.pem"), leaf.key);
          await writeFile(folder.join("file.bin"), bytes);
          const files = [folder.join("key.pem"), folder.join("cert.pem")];
          return [
            "--quiet",
            `--htdocs=${folder.path}`,
            ...options,
            "127.0.0.1",
            String(port),
            ...files,
          ];
        },
      });
      await using client = createHttpClient({
        tls: { ca, serverName: "localhost" },
        quic: { engine },
        protocols: ["h3"],
        retry: { attempts: 5 },
      });
      const origin = `https://127.0.0.1:${server.port}`;
      const sums = await Promise.all(
        Array.from({ length: 5 }, async () => {
          const response = await client.request(`${origin}/file.bin`);
          expect([response.status, response.protocol]).toEqual([200, "h3"]);
          const hash = createHash("sha256")
            .update(await response.bytes())
            .digest("hex");
          return [hash, [...(await response.trailers)].length];
        }),
      );
      const trailers = options.join().includes("trailers") ? 1 : 0;
      for (const [hash, count] of sums) {
        expect(hash).toBe(sum);
        expect(Math.min(count as number, 1)).toBe(trailers);
      }
      const missing = await client.request(`${origin}/nothing-there`);
      expect(missing.status).toBe(404);
      await missing.text();
    });
  });
});
