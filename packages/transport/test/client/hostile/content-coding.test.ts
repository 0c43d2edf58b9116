import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type RawPeer, rawServer } from "./raw-server.ts";
import { expectOutcome, leavingNothing, type Outcome, onWay, outcomeOf, wayNames } from "./ways.ts";

const compress: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
};
const text = "king ".repeat(1_000);
const plain = Buffer.from(text);
const bomb = Buffer.alloc(20_000_000);
const limit: Outcome = { code: "KING_HTTP_BODY_LIMIT", details: { limitBytes: 16_777_216 } };
const wrong: Outcome = { code: "KING_HTTP_CONTENT_CODING" };
const aborted: Outcome = { code: "KING_HTTP_ABORTED" };

const answered = (coding: string, body: Uint8Array, announced = body.length) =>
  Buffer.concat([
    Buffer.from(
      `HTTP/1.1 200 OK\r\ncontent-encoding: ${coding}\r\ncontent-length: ${announced}\r\n\r\n`,
      "latin1",
    ),
    body,
  ]);
const saying = (bytes: Buffer) => (peer: RawPeer) => void peer.say(bytes);
const thenEnd = (bytes: Buffer) => (peer: RawPeer) => {
  void peer.say(bytes);
  peer.end();
};

const each = Object.entries(compress).flatMap<[string, (peer: RawPeer) => void, Outcome]>(
  ([coding, squeeze]) => {
    const packed = squeeze(plain);
    const damaged = Buffer.from(packed);
    damaged.fill(0xff, Math.floor(packed.length / 2), Math.floor(packed.length / 2) + 4);
    return [
      [`${coding} that is right`, saying(answered(coding, packed)), { text }],
      [`${coding} in capitals`, saying(answered(coding.toUpperCase(), packed)), { text }],
      [`${coding} of nothing`, saying(answered(coding, squeeze(Buffer.alloc(0)))), { text: "" }],
      [
        `${coding} that is no bytes at all`,
        saying(answered(coding, Buffer.alloc(0))),
        { text: "" },
      ],
      [
        `${coding} that is cut short but whole by its length`,
        saying(answered(coding, packed.subarray(0, -4))),
        wrong,
      ],
      [
        `${coding} that breaks off`,
        thenEnd(answered(coding, packed.subarray(0, -4), packed.length)),
        aborted,
      ],
      [`${coding} that is damaged`, saying(answered(coding, damaged)), wrong],
      [`${coding} that is something else`, saying(answered(coding, plain)), wrong],
      [`${coding} that is a bomb`, saying(answered(coding, squeeze(bomb))), limit],
      [
        `${coding} in ${coding} that is a bomb`,
        saying(answered(`${coding}, ${coding}`, squeeze(squeeze(bomb)))),
        limit,
      ],
      [`${coding} in gzip`, saying(answered(`${coding}, gzip`, gzipSync(packed))), { text }],
      [
        `${coding} three times`,
        saying(answered(`${coding}, ${coding}, ${coding}`, squeeze(squeeze(packed)))),
        wrong,
      ],
    ];
  },
);

const cases: typeof each = [
  ...each,
  ["a coding that nobody knows", saying(answered("rot13", plain)), wrong],
  ["a coding that was not asked for", saying(answered("deflate", deflateSync(plain))), wrong],
  ["a coding by the name of a property", saying(answered("constructor", plain)), wrong],
  ["codings without an end", saying(answered(Array(1_000).fill("gzip").join(), plain)), wrong],
  ["identity", saying(answered("identity", plain)), { text }],
  ["no coding by name", saying(answered(" , ,", plain)), { text }],
  [
    "gzip with garbage behind it",
    saying(answered("gzip", Buffer.concat([gzipSync(plain), Buffer.from("garbage")]))),
    wrong,
  ],
  [
    "gzip twice in a row",
    saying(answered("gzip", Buffer.concat([gzipSync("a"), gzipSync("b")]))),
    { text: "ab" },
  ],
];

describe.each(wayNames)("by %s", (name) => {
  test.each(cases)("a body in %s", async (_, answer, expected) => {
    await leavingNothing(async () => {
      await using server = await rawServer(answer);
      await onWay(name, server.origin, { decompress: true }, async (way) => {
        expectOutcome(await outcomeOf(way.ask("/bad")), expected);
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
        await way.idle();
      });
      expect(server.requests[0]?.head.toLowerCase()).toContain("accept-encoding: gzip, br, zstd");
    });
  });

  test("a compressed body that nobody reads leaves nothing behind", async () => {
    await leavingNothing(async () => {
      const packed = gzipSync(bomb);
      await using server = await rawServer(saying(answered("gzip", packed)));
      await onWay(name, server.origin, { decompress: true }, async (way) => {
        const response = await way.ask("/bad");
        for await (const chunk of response) {
          expect(chunk.length).toBeGreaterThan(0);
          break;
        }
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
        await way.idle();
      });
    });
  });

  test("a compressed body that does not get on fails by bodyIdleTimeoutMs", async () => {
    await leavingNothing(async () => {
      const packed = gzipSync(plain);
      await using server = await rawServer(
        saying(answered("gzip", packed.subarray(0, 20), packed.length)),
      );
      const options = { decompress: true, bodyIdleTimeoutMs: 100 };
      await onWay(name, server.origin, options, async (way) => {
        const outcome = await outcomeOf(way.ask("/bad"));
        expectOutcome(outcome, { code: "KING_HTTP_TIMEOUT", details: { phase: "body" } });
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
        await way.idle();
      });
    });
  });

  test("a compressed body is left as it is where nobody asked for that", async () => {
    await leavingNothing(async () => {
      const packed = gzipSync(plain);
      await using server = await rawServer(saying(answered("gzip", packed)));
      await onWay(name, server.origin, {}, async (way) => {
        const response = await way.ask("/bad");
        expect(Buffer.compare(await response.bytes(), packed)).toBe(0);
        expect(server.requests[0]?.head.toLowerCase()).not.toContain("accept-encoding");
      });
    });
  });
});
