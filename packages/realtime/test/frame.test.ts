import type { Writable } from "node:stream";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import * as ws from "ws";
import { encodeFrame } from "../src/frame.ts";

// Processes and full sockets take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

// Exported, but not typed.
const { Receiver } = ws as unknown as {
  Receiver: new (options: { isServer: boolean; maxPayload: number }) => Writable;
};

test.each([
  ["", "8100"],
  ["Hello", "810548656c6c6f"],
  ["é", "8102c3a9"],
  [new Uint8Array([1, 2]), "82020102"],
])("RFC 6455, section 5.7: %j is %s", (message, hex) => {
  expect(encodeFrame(message).toString("hex")).toBe(hex);
});

test.each([
  [125, "817d"],
  [126, "817e007e"],
  [65_535, "817effff"],
  [65_536, "817f0000000000010000"],
])("RFC 6455, section 5.2: %i bytes have the shortest header", (length, header) => {
  const frame = encodeFrame("a".repeat(length));
  expect(frame.subarray(0, header.length / 2).toString("hex")).toBe(header);
  expect(frame.length).toBe(header.length / 2 + length);
});

test("a lone surrogate becomes U+FFFD, so that the text stays valid UTF-8", () => {
  expect(encodeFrame("a\ud800b").toString("hex")).toBe("810561efbfbd62");
});

test("what is encoded is what an independent receiver reads, whatever its size", async () => {
  const message = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.integer({ min: 65_000, max: 66_000 }).map((length) => "x".repeat(length)),
  );
  await fc.assert(
    fc.asyncProperty(message, async (sent) => {
      const receiver = new Receiver({ isServer: false, maxPayload: 0 });
      const received = new Promise<[Buffer, boolean]>((resolve, reject) => {
        receiver.on("message", (data: Buffer, isBinary: boolean) => resolve([data, isBinary]));
        receiver.on("error", reject);
      });
      receiver.end(encodeFrame(sent));
      const [data, isBinary] = await received;
      expect(isBinary).toBe(typeof sent !== "string");
      expect(data.equals(Buffer.from(sent as string))).toBe(true);
    }),
    { numRuns: Number(process.env["KING_FUZZ_RUNS"] ?? 200) },
  );
});
