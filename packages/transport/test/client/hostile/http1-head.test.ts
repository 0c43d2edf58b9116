import { describe, expect, test } from "vitest";
import { type Answer, good, type RawPeer, rawServer } from "./raw-server.ts";
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

const protocol: Outcome = { code: "KING_HTTP_PROTOCOL" };
const tooLarge: Outcome = { code: "KING_HTTP_HEADER_LIMIT" };
const aborted: Outcome = { code: "KING_HTTP_ABORTED", details: { processed: true } };
const timeout: Outcome = { code: "KING_HTTP_TIMEOUT", details: { phase: "headers" } };
const fine: Outcome = { text: "good", status: 200 };

/** A response with a field of these lines. */
const withLines = (lines: string) => `HTTP/1.1 200 OK\r\n${lines}\r\ncontent-length: 4\r\n\r\ngood`;
const starting = (line: string) => `${line}\r\ncontent-length: 4\r\n\r\ngood`;
const flooding = (first: string, more: string) => (peer: RawPeer) => {
  void peer.say(first);
  void peer.flood(more);
};
const thenEnd = (bytes: string) => (peer: RawPeer) => {
  void peer.say(bytes);
  peer.end();
};
const thenReset = (bytes: string) => async (peer: RawPeer) => {
  await peer.say(bytes);
  peer.reset();
};

const cases: readonly [string, Answer, Outcome | ByCarrier][] = [
  // RFC 9112, section 4
  ["a status line of another protocol", starting("ICY 200 OK"), protocol],
  ["a status line in lower case", starting("http/1.1 200 OK"), protocol],
  ["a version that is not there yet", starting("HTTP/3.0 200 OK"), protocol],
  ["a version without its minor part", starting("HTTP/1 200 OK"), protocol],
  ["a version of many digits", starting("HTTP/1.11 200 OK"), protocol],
  ["a status of two digits", starting("HTTP/1.1 20 OK"), protocol],
  ["a status of four digits", starting("HTTP/1.1 2000 OK"), protocol],
  ["a status that is no number", starting("HTTP/1.1 OK 200"), protocol],
  ["a negative status", starting("HTTP/1.1 -20 OK"), protocol],
  ["status 099", starting("HTTP/1.1 099 OK"), protocol],
  ["status 999", starting("HTTP/1.1 999 What"), { text: "good", status: 999 }],
  ["no reason", starting("HTTP/1.1 200 "), fine],
  ["no reason and no space", starting("HTTP/1.1 200"), fine],
  // Nobody reads it, as the RFC wishes.
  ["a reason with a NUL", starting("HTTP/1.1 200 O\0K"), fine],
  ["spaces before the status line", starting(" HTTP/1.1 200 OK"), protocol],
  ["a body without a head (HTTP/0.9)", thenEnd("<html>good</html>"), protocol],
  ["an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", protocol],
  ["HTTP/2 frames", "\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0d", protocol],
  ["a TLS record", "\x15\x03\x01\0\x02\x02\x28", protocol],
  ["a banner of SMTP", "220 smtp.example ESMTP\r\n", protocol],
  ["a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", protocol],
  // RFC 9112, section 5
  ["a name with a space in it", withLines("a b: c"), protocol],
  ["a name with a space behind it", withLines("a : c"), protocol],
  ["a name with a NUL", withLines("a\0b: c"), protocol],
  ["no name", withLines(": c"), protocol],
  ["no colon", withLines("abc"), protocol],
  ["a name beyond ASCII", withLines("n\xe4me: c"), protocol],
  ["a value with a NUL", withLines("a: b\0c"), protocol],
  ["a value with a bare CR", withLines("a: b\rc: d"), protocol],
  ["a value with a bell", withLines("a: b\x07c"), protocol],
  ["a value beyond ASCII", withLines("a: b\xe4c"), fine],
  ["an empty value", withLines("a:"), fine],
  ["a value that is folded (obs-fold)", withLines("a: b\r\n c"), protocol],
  [
    "a first line that is folded",
    "HTTP/1.1 200 OK\r\n a: b\r\ncontent-length: 4\r\n\r\ngood",
    protocol,
  ],
  ["lines that end in LF alone", "HTTP/1.1 200 OK\ncontent-length: 4\n\ngood", protocol],
  ["lines that end in CR alone", "HTTP/1.1 200 OK\rcontent-length: 4\r\rgood", protocol],
  ["an end in LF alone", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\ngood", protocol],
  // Sizes
  ["a field that never ends", flooding("HTTP/1.1 200 OK\r\na: ", "a".repeat(16_384)), tooLarge],
  ["a name that never ends", flooding("HTTP/1.1 200 OK\r\n", "a".repeat(16_384)), tooLarge],
  // undici neither keeps nor counts it.
  [
    "a reason that never ends",
    flooding("HTTP/1.1 200 ", "a".repeat(16_384)),
    { plain: timeout, full: tooLarge },
  ],
  ["fields that never end", flooding("HTTP/1.1 200 OK\r\n", "a: b\r\n".repeat(2_000)), tooLarge],
  ["lines that never end", flooding("", "\r\n".repeat(8_000)), timeout],
  ["a field over the limit in one piece", withLines(`a: ${"a".repeat(40_000)}`), tooLarge],
  [
    "fields over the limit in one piece",
    withLines(Array.from({ length: 4_000 }, (_, i) => `x-${i}: ${i}`).join("\r\n")),
    tooLarge,
  ],
  [
    "a thousand fields below the limit",
    withLines(Array.from({ length: 1_000 }, (_, i) => `x-${i}: ${i}`).join("\r\n")),
    fine,
  ],
  // RFC 9110, section 15.2
  [
    "interim responses without an end",
    flooding("", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(100)),
    tooLarge,
  ],
  [
    "interim responses without an end, slowly",
    (peer) => peer.drip(["HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"], 2),
    tooLarge,
  ],
  [
    "interim responses instead of one that is final",
    (peer) => peer.drip(["HTTP/1.1 102 Processing\r\n\r\n"], 60),
    timeout,
  ],
  ["an interim response before", `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${good}`, fine],
  [
    "100 (Continue), which nobody asked for",
    `HTTP/1.1 100 Continue\r\n\r\n${good}`,
    { plain: protocol, full: fine },
  ],
  [
    "100s without an end",
    flooding("", "HTTP/1.1 100 Continue\r\n\r\n".repeat(100)),
    { plain: protocol, full: tooLarge },
  ],
  [
    "101 (Switching Protocols), which nobody asked for",
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\0",
    protocol,
  ],
  ["101 without a protocol", `HTTP/1.1 101 Switching Protocols\r\n\r\n${good}`, protocol],
  // Ends
  ["nothing, and FIN", (peer) => peer.end(), aborted],
  ["nothing, and RST", (peer) => peer.reset(), aborted],
  ["half a status line, and FIN", thenEnd("HTTP/1.1 2"), aborted],
  ["half a status line, and RST", thenReset("HTTP/1.1 2"), aborted],
  ["half a field, and FIN", thenEnd("HTTP/1.1 200 OK\r\na: "), aborted],
  ["half a field, and RST", thenReset("HTTP/1.1 200 OK\r\na: "), aborted],
  ["half of an interim response, and FIN", thenEnd("HTTP/1.1 103 Early Hints\r\nlink"), aborted],
  ["an interim response alone, and FIN", thenEnd("HTTP/1.1 103 Early Hints\r\n\r\n"), aborted],
  [
    "half a body, and RST",
    thenReset("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfive!"),
    aborted,
  ],
  ["half of an endless body, and RST", thenReset("HTTP/1.1 200 OK\r\n\r\nfive!"), aborted],
  // Time
  ["nothing for ever", () => undefined, timeout],
  ["half a head for ever", "HTTP/1.1 200 OK\r\na: ", timeout],
  ["a head byte by byte", (peer) => peer.drip([..."HTTP/1.1 200 OK\r\na: ", "a"], 5), timeout],
];

describe.each(wayNames)("by %s", (name) => {
  test.each(cases)("an answer of %s", async (_, answer, outcome) => {
    await leavingNothing(async () => {
      await using server = await rawServer(answer);
      const expected = expectedBy(name, outcome);
      await onWay(name, server.origin, { headersTimeoutMs: 200 }, async (way) => {
        expectOutcome(await outcomeOf(way.ask("/bad", { idempotent: false })), expected);
        expectOutcome(await outcomeOf(way.ask("/good")), fine);
        await way.idle();
      });
      expect(server.requests.map(({ path }) => path)).toEqual(["/bad", "/good"]);
      if ("code" in expected) expect(server.requests[1]?.on).toBe(2);
    });
  });
});
