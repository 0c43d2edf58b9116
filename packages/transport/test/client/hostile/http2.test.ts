import { KingError } from "@king-runtime/core";
import { collectGarbage, eventually } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { request } from "../../../src/index.ts";
import {
  data,
  errorCode,
  flag,
  frame,
  frameType,
  headerBlock,
  hpackInteger,
  indexedLiteral,
  resetStream,
  setting,
  settings,
  windowUpdate,
} from "../../hostile/http2-frames.ts";
import {
  type Http2Answer,
  head,
  type RawHttp2ServerOptions,
  rawHttp2Server,
} from "./raw-http2-server.ts";
import { good, rawServer } from "./raw-server.ts";
import {
  expectOutcome,
  leavingNothing,
  type Outcome,
  onWay,
  outcomeOf,
  type WayName,
} from "./ways.ts";

const names: readonly WayName[] = ["request()", "a client", "a session"];
const aborted: Outcome = { code: "KING_HTTP_ABORTED", details: { processed: true } };
const tooLarge: Outcome = { code: "KING_HTTP_HEADER_LIMIT" };
const timeout: Outcome = { code: "KING_HTTP_TIMEOUT", details: { phase: "headers" } };
const bodyTimeout: Outcome = { code: "KING_HTTP_TIMEOUT", details: { phase: "body" } };
// nghttp2 leaves out such a field, and the rest stands (RFC 9113, section 8.2.1, would have it refused).
const withoutField: Outcome = { text: "", status: 200 };
const whole: Outcome = { text: "good", status: 200 };
const reset = (code: number): Outcome => ({
  code: "KING_HTTP_ABORTED",
  details: { processed: code !== errorCode.refusedStream, code },
});

const goAway = (lastStreamId: number, code: number): Buffer => {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(lastStreamId);
  payload.writeUInt32BE(code, 4);
  return frame(frameType.goAway, 0, 0, payload);
};
const end = flag.endStream;
const open = flag.endHeaders;
const saying =
  (...frames: ((streamId: number) => Uint8Array)[]): Http2Answer =>
  (peer, { streamId }) =>
    peer.say(...frames.map((each) => each(streamId)));
const flooding =
  (
    first: readonly ((streamId: number) => Uint8Array)[],
    more: (streamId: number) => Uint8Array,
  ): Http2Answer =>
  (peer, { streamId }) => {
    void peer.say(...first.map((each) => each(streamId)));
    void peer.raw.flood(Buffer.concat(Array.from({ length: 500 }, () => more(streamId))));
  };
const okHead = (id: number) => head(id);
const four = (id: number) => data(id, "good", end);
const codes = [0, 1, 2, 3, 5, 7, 8, 11, 13, 255];

const pieces = saying(
  (id) => head(id, [], 0),
  ...Array.from({ length: 100 }, () => (id: number) => frame(9, 0, id, headerBlock([["a", "b"]]))),
  (id) => frame(9, open, id),
  four,
);

type Case = readonly [string, Http2Answer, Outcome];

const cases: readonly Case[] = [
  ["what is right", saying(okHead, four), whole],
  [
    "padding",
    saying(okHead, (id) => frame(0, end | flag.padded, id, Buffer.from("\x03good\0\0\0"))),
    whole,
  ],
  [
    "trailers",
    saying(
      okHead,
      (id) => data(id, "good"),
      (id) => head(id, [["sum", "1"]], open | end, 0),
    ),
    whole,
  ],
  [
    "a frame of a type that nobody knows",
    saying((id) => frame(99, 0, id, Buffer.alloc(100)), okHead, four),
    whole,
  ],
  // RFC 9113, section 6.4
  ...codes.map(
    (code): Case => [
      `RST_STREAM ${code} instead of a head`,
      saying((id) => resetStream(id, code)),
      reset(code),
    ],
  ),
  ...codes.map(
    (code): Case => [
      `RST_STREAM ${code} after the head`,
      saying(okHead, (id) => resetStream(id, code)),
      reset(code),
    ],
  ),
  ...codes.map(
    (code): Case => [
      `RST_STREAM ${code} within the body`,
      saying(
        okHead,
        (id) => data(id, "go"),
        (id) => resetStream(id, code),
      ),
      reset(code),
    ],
  ),
  ["RST_STREAM behind the end", saying(okHead, four, (id) => resetStream(id, 8)), whole],
  ["RST_STREAM of stream 0", saying(() => resetStream(0, 8)), aborted],
  ["RST_STREAM of a stream that is idle", saying(() => resetStream(99, 8)), aborted],
  ["RST_STREAM that is too short", saying((id) => frame(3, 0, id, Buffer.alloc(3))), aborted],
  // RFC 9113, section 8.1.1
  ["a head without a status", saying((id) => head(id, [["a", "b"]], open | end, 0)), reset(1)],
  [
    "a status that is no number",
    saying((id) => frame(1, open | end, id, headerBlock([[":status", "abc"]]))),
    reset(1),
  ],
  ["a status of two digits", saying((id) => head(id, [], open | end, 20)), reset(1)],
  [
    "status 099",
    saying((id) => frame(1, open | end, id, headerBlock([[":status", "099"]]))),
    reset(1),
  ],
  ["two statuses", saying((id) => head(id, [[":status", "200"]], open | end)), reset(1)],
  ["a pseudo-field of requests", saying((id) => head(id, [[":path", "/"]], open | end)), reset(1)],
  [
    "a pseudo-field behind others",
    saying((id) =>
      frame(
        1,
        open | end,
        id,
        headerBlock([
          ["a", "b"],
          [":status", "200"],
        ]),
      ),
    ),
    reset(1),
  ],
  ["a name in capitals", saying((id) => head(id, [["Name", "value"]], open | end)), reset(1)],
  ["an empty name", saying((id) => head(id, [["", "value"]], open | end)), withoutField],
  ["a name with a space", saying((id) => head(id, [["a b", "value"]], open | end)), withoutField],
  [
    "a value with a line break",
    saying((id) => head(id, [["a", "b\r\nc: d"]], open | end)),
    withoutField,
  ],
  ["a value with a NUL", saying((id) => head(id, [["a", "b\0c"]], open | end)), withoutField],
  ["a connection field", saying((id) => head(id, [["connection", "close"]], open | end)), reset(1)],
  [
    "a transfer coding",
    saying((id) => head(id, [["transfer-encoding", "chunked"]], open), four),
    reset(1),
  ],
  ["101", saying((id) => head(id, [], open, 101), okHead, four), reset(1)],
  [
    "an interim response that ends the stream",
    saying((id) => head(id, [], open | end, 103)),
    reset(1),
  ],
  ["less than its length", saying((id) => head(id, [["content-length", "5"]]), four), reset(1)],
  ["more than its length", saying((id) => head(id, [["content-length", "3"]]), four), aborted],
  [
    "two lengths",
    saying(
      (id) =>
        head(id, [
          ["content-length", "4"],
          ["content-length", "4"],
        ]),
      four,
    ),
    reset(1),
  ],
  ["a negative length", saying((id) => head(id, [["content-length", "-4"]]), four), reset(1)],
  ["a second head", saying(okHead, (id) => head(id, [], open), four), reset(1)],
  ["trailers with a status", saying(okHead, (id) => head(id, [], open | end)), reset(1)],
  [
    "trailers that do not end the stream",
    saying(okHead, (id) => head(id, [["a", "b"]], open, 0), four),
    reset(1),
  ],
  ["data before the head", saying(four, okHead), aborted],
  ["data behind the end", saying(okHead, four, four), whole],
  ["a head behind the end", saying(okHead, four, okHead), whole],
  ["data on a stream that is idle", saying(() => data(99, "evil")), aborted],
  ["a head on a stream that is idle", saying(() => head(99)), aborted],
  ["a head on stream 0", saying(() => head(0)), aborted],
  ["data on stream 0", saying(() => data(0, "evil")), aborted],
  // RFC 9113, section 8.4
  [
    "PUSH_PROMISE",
    saying((id) =>
      frame(
        5,
        open,
        id,
        Buffer.concat([
          Buffer.from([0, 0, 0, 2]),
          headerBlock([
            [":method", "GET"],
            [":scheme", "http"],
            [":path", "/"],
            [":authority", "a"],
          ]),
        ]),
      ),
    ),
    aborted,
  ],
  ["a response to what was never pushed", saying(() => head(2)), aborted],
  // RFC 9113, section 4.2, and others on frames
  [
    "a frame beyond its largest size",
    saying(okHead, (id) => data(id, Buffer.alloc(16_385), end)),
    aborted,
  ],
  ["SETTINGS of an odd size", saying(() => frame(4, 0, 0, Buffer.alloc(5))), aborted],
  ["SETTINGS on a stream", saying((id) => frame(4, 0, id)), aborted],
  [
    "SETTINGS that acknowledge and say something",
    saying(() => frame(4, 1, 0, Buffer.alloc(6))),
    aborted,
  ],
  [
    "SETTINGS with a window beyond its largest size",
    saying(() => settings({ [setting.initialWindowSize]: 2 ** 31 })),
    aborted,
  ],
  [
    "SETTINGS with frames below their least size",
    saying(() => settings({ [setting.maxFrameSize]: 1 })),
    aborted,
  ],
  ["SETTINGS that enable push", saying(() => settings({ [setting.enablePush]: 1 })), aborted],
  ["WINDOW_UPDATE of nothing", saying((id) => windowUpdate(id, 0)), aborted],
  ["WINDOW_UPDATE of nothing on the connection", saying(() => windowUpdate(0, 0)), aborted],
  [
    "WINDOW_UPDATE beyond the largest window",
    saying((id) => windowUpdate(id, 2 ** 31 - 1)),
    aborted,
  ],
  [
    "WINDOW_UPDATE beyond the largest window of the connection",
    saying(() => windowUpdate(0, 2 ** 31 - 1)),
    aborted,
  ],
  ["PING that is too short", saying(() => frame(6, 0, 0, Buffer.alloc(7))), aborted],
  [
    "padding longer than the frame",
    saying(okHead, (id) => frame(0, flag.padded, id, Buffer.from([9, 0]))),
    aborted,
  ],
  [
    "CONTINUATION of nothing",
    saying((id) => frame(9, open, id, headerBlock([[":status", "200"]]))),
    aborted,
  ],
  [
    "another frame within a head",
    saying(
      (id) => head(id, [], 0),
      (id) => data(id, "good"),
    ),
    aborted,
  ],
  ["a head that is not ended", saying((id) => head(id, [], 0)), timeout],
  // RFC 7541
  [
    "an index that nobody has filled",
    saying((id) =>
      frame(
        1,
        open,
        id,
        Buffer.concat([headerBlock([[":status", "200"]]), hpackInteger(7, 0x80, 100)]),
      ),
    ),
    aborted,
  ],
  ["an index without an end", saying((id) => frame(1, open, id, Buffer.alloc(100, 0xff))), aborted],
  [
    "text longer than its block",
    saying((id) => frame(1, open, id, Buffer.from([0x40, 0x7f, 0x61]))),
    aborted,
  ],
  [
    "a table beyond its largest size",
    saying((id) =>
      frame(
        1,
        open,
        id,
        Buffer.concat([hpackInteger(5, 0x20, 1_000_000), headerBlock([[":status", "200"]])]),
      ),
    ),
    aborted,
  ],
  [
    "a field over the limit",
    saying((id) => head(id, [["a", "a".repeat(10_000)]], open | end)),
    tooLarge,
  ],
  [
    "an HPACK bomb",
    saying((id) => {
      const entry = indexedLiteral("a", "a".repeat(4_000));
      const references = Buffer.alloc(12_000, 0xbe);
      return frame(
        1,
        open,
        id,
        Buffer.concat([headerBlock([[":status", "200"]]), entry, references]),
      );
    }),
    aborted,
  ],
  ["a head in 100 pieces", pieces, aborted],
  [
    "CONTINUATION without an end",
    flooding([(id) => head(id, [], 0)], (id) => frame(9, 0, id, headerBlock([["a", "b"]]))),
    aborted,
  ],
  [
    "empty CONTINUATION without an end",
    flooding([(id) => head(id, [], 0)], (id) => frame(9, 0, id)),
    aborted,
  ],
  // Floods
  ["PING without an end", flooding([], () => frame(6, 0, 0, Buffer.alloc(8))), aborted],
  ["SETTINGS without an end", flooding([], () => settings()), aborted],
  [
    "interim responses without an end",
    flooding([], (id) => head(id, [["a", "b"]], open, 103)),
    tooLarge,
  ],
  ["empty data without an end", flooding([okHead], (id) => data(id, "")), aborted],
  ["PRIORITY without an end", flooding([], (id) => frame(2, 0, id, Buffer.alloc(5))), aborted],
  ["WINDOW_UPDATE without an end", flooding([], () => windowUpdate(0, 1)), timeout],
  [
    "frames of a type that nobody knows without an end",
    flooding([], (id) => frame(99, 0, id, Buffer.alloc(100))),
    aborted,
  ],
  // Ends
  ["nothing for ever", () => undefined, timeout],
  ["a head and nothing for ever", saying(okHead), bodyTimeout],
  ["FIN instead of a head", (peer) => peer.raw.end(), aborted],
  ["RST instead of a head", (peer) => peer.raw.reset(), aborted],
  [
    "FIN within the body",
    (peer, { streamId }) => {
      void peer.say(head(streamId), data(streamId, "go"));
      peer.raw.end();
    },
    aborted,
  ],
  [
    "half a frame, and FIN",
    (peer, { streamId }) => {
      void peer.say(head(streamId), data(streamId, "good").subarray(0, 11));
      peer.raw.end();
    },
    aborted,
  ],
  ["HTTP/1.1", (peer) => peer.raw.say(good), aborted],
];

describe.each(names)("by %s over HTTP/2", (name) => {
  test.each(cases.map(([of, answer, expected]) => ({ of, answer, expected })))(
    "an answer of $of",
    async ({ answer, expected }) => {
      await leavingNothing(async () => {
        await using server = await rawHttp2Server(answer);
        const limits = {
          protocols: ["h2"] as const,
          headersTimeoutMs: 200,
          bodyIdleTimeoutMs: 200,
          maxHeaderBytes: 8_192,
        };
        await onWay(name, server.origin, limits, async (way) => {
          // A body that nobody can send again: the client repeats nothing.
          const asked = way.ask("/bad", { method: "POST", body: (async function* () {})() });
          expectOutcome(await outcomeOf(asked), expected);
          // The connection may be kept and then found to be broken, which a session of its owner's tells.
          const next = await outcomeOf(way.ask("/good"));
          const isOver = name === "a session" && KingError.is(next, "KING_HTTP_ABORTED");
          expectOutcome(isOver ? await outcomeOf(way.ask("/good")) : next, whole);
          await way.idle();
        });
      });
    },
  );

  test("GOAWAY has streams above the last one repeated, and those below it finish", async () => {
    await leavingNothing(async () => {
      let first = 0;
      await using server = await rawHttp2Server(
        (peer, { streamId, number }) => {
          if (number === 1) first = streamId;
          if (number < 3) return;
          return peer.say(goAway(first, 0), head(first), data(first, "first", end));
        },
        { hostileRequests: 3 },
      );
      await onWay(name, server.origin, { protocols: ["h2"] }, async (way) => {
        if (name === "request()") return; // it has one request alone
        // One after the other: the first connection tells how many it takes.
        const below = outcomeOf(way.ask("/1", { method: "POST", body: "x" }));
        await server.raw.peer(1);
        await eventually("the first request", () => server.requests.length === 1);
        const above = ["/2", "/3"].map((path) => outcomeOf(way.ask(path, { method: "POST" })));
        expectOutcome(await below, { text: "first" });
        for (const each of above) {
          // A session of its owner's says so, and repeats nothing.
          if (name === "a client") expectOutcome(await each, whole);
          else {
            const details = { processed: false };
            expectOutcome(await each, { code: "KING_HTTP_ABORTED", details });
          }
        }
        await way.idle();
      });
    });
  });

  test("REFUSED_STREAM is repeated by a client, whatever the method, and by nobody else", async () => {
    await leavingNothing(async () => {
      await using server = await rawHttp2Server((peer, { streamId }) =>
        peer.say(resetStream(streamId, errorCode.refusedStream)),
      );
      await onWay(name, server.origin, { protocols: ["h2"] }, async (way) => {
        const outcome = await outcomeOf(way.ask("/1", { method: "POST", body: "x" }));
        if (name === "a client") expectOutcome(outcome, whole);
        else expectOutcome(outcome, reset(errorCode.refusedStream));
        await way.idle();
      });
      expect(server.requests.length).toBe(name === "a client" ? 2 : 1);
    });
  });

  test.each<[string, RawHttp2ServerOptions]>([
    ["HTTP/1.1", { first: Buffer.from(good), settings: "none" }],
    ["the preface of a client", { first: Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") }],
    ["something else than SETTINGS", { first: frame(6, 0, 0, Buffer.alloc(8)) }],
    ["garbage", { first: Buffer.alloc(100, 0xfe), settings: "none" }],
  ])(
    "a server that begins with %s is KING_HTTP_ABORTED or KING_HTTP_PROTOCOL",
    async (_, options) => {
      await leavingNothing(async () => {
        await using server = await rawHttp2Server(() => undefined, options);
        await onWay(name, server.origin, { protocols: ["h2"] }, async (way) => {
          const outcome = await outcomeOf(way.ask("/bad"));
          expectOutcome(outcome, { code: "KING_HTTP_ABORTED" });
          await way.idle();
        });
      });
    },
  );

  test("a server of HTTP/1.1 is told from one that cuts", async () => {
    await leavingNothing(async () => {
      await using server = await rawServer(good);
      await onWay(name, server.origin, { protocols: ["h2"] }, async (way) => {
        expectOutcome(await outcomeOf(way.ask("/bad")), { code: "KING_HTTP_ABORTED" });
        await way.idle();
      });
    });
  });
});

test("connections that end within a block of fields do not take the process down when they are collected", async () => {
  // Whether they do is a matter of the order in which a collection comes upon many of them.
  const rounds = 30;
  await using server = await rawHttp2Server(pieces, { hostileRequests: rounds });
  for (let i = 0; i < rounds; i++) {
    const asked = request(`${server.origin}/`, { protocols: ["h2"] });
    expectOutcome(await outcomeOf(asked), aborted);
  }
  for (let i = 0; i < 10; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  expect(server.requests.length).toBe(rounds);
});
