import type { Writable } from "node:stream";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import * as ws from "ws";
import { encodeFrame, encodeMaskedFrame } from "../src/frame.ts";

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

test.each([
  [125, "81fd"],
  [126, "81fe007e"],
  [65_535, "81feffff"],
  [65_536, "81ff0000000000010000"],
])(
  "RFC 6455, section 5.3: %i bytes are masked by the key that follows the header",
  (length, header) => {
    const text = "king".repeat(Math.ceil(length / 4)).slice(0, length);
    const frame = encodeMaskedFrame(text);
    const start = header.length / 2;
    expect(frame.subarray(0, start).toString("hex")).toBe(header);
    const key = frame.subarray(start, start + 4);
    const payload = frame.subarray(start + 4).map((byte, i) => byte ^ (key[i % 4] as number));
    expect(Buffer.from(payload).equals(Buffer.from(text))).toBe(true);
  },
);

test("the bytes of the caller are not changed by masking", () => {
  const message = new Uint8Array([1, 2, 3, 4, 5]);
  encodeMaskedFrame(message);
  expect([...message]).toEqual([1, 2, 3, 4, 5]);
});

test("RFC 6455, section 10.3: keys do not repeat, also when many are drawn", () => {
  const keys = new Set<number>();
  for (let i = 0; i < 5_000; i++) keys.add(encodeMaskedFrame("").readUInt32BE(2));
  // By chance two of them are the same once in some 350 times, three hardly ever.
  expect(keys.size).toBeGreaterThan(4_995);
});

test.each([
  ["a client", false, encodeFrame],
  ["a server", true, encodeMaskedFrame],
])(
  "what is encoded is what %s that is none of ours reads, whatever its size",
  async (_, isServer, encode) => {
    const message = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 65_000, max: 66_000 }).map((length) => "x".repeat(length)),
    );
    await fc.assert(
      fc.asyncProperty(message, async (sent) => {
        const receiver = new Receiver({ isServer, maxPayload: 0 });
        const received = new Promise<[Buffer, boolean]>((resolve, reject) => {
          receiver.on("message", (data: Buffer, isBinary: boolean) => resolve([data, isBinary]));
          receiver.on("error", reject);
        });
        receiver.end(encode(sent));
        const [data, isBinary] = await received;
        expect(isBinary).toBe(typeof sent !== "string");
        expect(data.equals(Buffer.from(sent as string))).toBe(true);
      }),
      { numRuns: Number(process.env["KING_FUZZ_RUNS"] ?? 200) },
    );
  },
);
