import { describe, expect, test } from "vitest";
import { type Answer, type RawPeer, rawServer } from "./raw-server.ts";
import {
  type ByCarrier,
  expectedBy,
  expectOutcome,
  leavingNothing,
  type Outcome,
  onWay,
  outcomeOf,
  wayNames,
} from "./ways.ts";

const head = (...fields: string[]) => `${["HTTP/1.1 200 OK", ...fields].join("\r\n")}\r\n\r\n`;
const chunked = "transfer-encoding: chunked";
const aborted: Outcome = { code: "KING_HTTP_ABORTED", details: { processed: true } };
const protocol: Outcome = { code: "KING_HTTP_PROTOCOL" };
const tooLarge: Outcome = { code: "KING_HTTP_HEADER_LIMIT" };

/** Says `bytes` and ends the connection. */
const thenEnd = (bytes: string) => (peer: RawPeer) => {
  void peer.say(bytes);
  peer.end();
};

const cases: readonly [string, Answer, Outcome | ByCarrier][] = [
  // RFC 9112, section 8
  ["ends before its length", thenEnd(`${head("content-length: 10")}five!`), aborted],
  ["ends within a chunk", thenEnd(`${head(chunked)}a\r\nfive!`), aborted],
  ["ends between chunks", thenEnd(`${head(chunked)}5\r\nfive!\r\n`), aborted],
  ["ends within a chunk's size", thenEnd(`${head(chunked)}5\r\nfive!\r\n1`), aborted],
  ["ends before the last line", thenEnd(`${head(chunked)}5\r\nfive!\r\n0\r\n`), aborted],
  ["ends within trailers", thenEnd(`${head(chunked)}5\r\nfive!\r\n0\r\na: `), aborted],
  ["has its length told by the end", thenEnd(`${head()}whole`), { text: "whole" }],
  ["has an end and nothing else", thenEnd(head()), { text: "" }],
  ["has no body by its status", "HTTP/1.1 204 No Content\r\n\r\n", { text: "", status: 204 }],
  // RFC 9112, section 7.1
  ["has a size that is no number", `${head(chunked)}five\r\nfive!\r\n0\r\n\r\n`, protocol],
  ["has a negative size", `${head(chunked)}-5\r\nfive!\r\n0\r\n\r\n`, protocol],
  ["has a size beyond 64 bits", `${head(chunked)}${"f".repeat(17)}\r\nfive!`, protocol],
  ["has a size in hexadecimal notation", `${head(chunked)}0x5\r\nfive!\r\n0\r\n\r\n`, protocol],
  ["has no size", `${head(chunked)}\r\nfive!\r\n0\r\n\r\n`, protocol],
  ["has more in a chunk than its size", `${head(chunked)}4\r\nfive!\r\n0\r\n\r\n`, protocol],
  ["has chunks that end in LF", `${head(chunked)}5\nfive!\n0\n\n`, protocol],
  ["has a space after a size", `${head(chunked)}5 \r\nfive!\r\n0\r\n\r\n`, protocol],
  ["has chunk extensions", `${head(chunked)}5;a=b;c="d"\r\nfive!\r\n0\r\n\r\n`, { text: "five!" }],
  [
    "has chunk extensions without an end",
    (peer) => {
      void peer.say(`${head(chunked)}5;`);
      void peer.flood("a".repeat(16_384));
    },
    // undici takes no notice of them, and the body does not get on.
    { plain: { code: "KING_HTTP_TIMEOUT", details: { phase: "body" } }, full: protocol },
  ],
  [
    "has trailers without an end",
    (peer) => {
      void peer.say(`${head(chunked)}5\r\nfive!\r\n0\r\n`);
      void peer.flood("x-trailer: value\r\n".repeat(500));
    },
    tooLarge,
  ],
  [
    "has one trailer without an end",
    (peer) => {
      void peer.say(`${head(chunked)}5\r\nfive!\r\n0\r\na: `);
      void peer.flood("a".repeat(16_384));
    },
    tooLarge,
  ],
  ["has a trailer without a name", `${head(chunked)}0\r\n: value\r\n\r\n`, protocol],
  // RFC 9112, section 6.3
  [
    "has two lengths that differ",
    `${head("content-length: 4", "content-length: 5")}five!`,
    protocol,
  ],
  ["has a length in a list that differs", `${head("content-length: 4, 5")}five!`, protocol],
  ["has a negative length", `${head("content-length: -1")}five!`, protocol],
  ["has a length with a sign", `${head("content-length: +5")}five!`, protocol],
  ["has a length in hexadecimal", `${head("content-length: 0x5")}five!`, protocol],
  ["has a length with a fraction", `${head("content-length: 5.0")}five!`, protocol],
  ["has an empty length", `${head("content-length: ")}five!`, protocol],
  ["has a length beyond 64 bits", `${head(`content-length: ${"9".repeat(25)}`)}five!`, protocol],
  [
    "has a length and is chunked",
    `${head("content-length: 5", chunked)}5\r\nfive!\r\n0\r\n\r\n`,
    protocol,
  ],
  [
    "is chunked and has a length",
    `${head(chunked, "content-length: 5")}5\r\nfive!\r\n0\r\n\r\n`,
    protocol,
  ],
  ["is chunked twice", `${head(`${chunked}, chunked`)}5\r\nfive!\r\n0\r\n\r\n`, protocol],
  [
    "is chunked before another coding",
    thenEnd(`${head(`${chunked}, gzip`)}5\r\nfive!\r\n0\r\n\r\n`),
    protocol,
  ],
];

describe.each(wayNames)("by %s", (name) => {
  test.each(cases)("a response that %s", async (_, answer, outcome) => {
    await leavingNothing(async () => {
      await using server = await rawServer(answer);
      const expected = expectedBy(name, outcome);
      await onWay(name, server.origin, { bodyIdleTimeoutMs: 200 }, async (way) => {
        expectOutcome(await outcomeOf(way.ask("/bad")), expected);
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good", status: 200 });
        await way.idle();
      });
      expect(server.requests.map(({ path }) => path)).toEqual(["/bad", "/good"]);
      if ("code" in expected) expect(server.requests[1]?.on).toBe(2);
    });
  });
});
