import { connectRaw, withDeadline } from "@king-runtime/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { listenHttp } from "../src/index.ts";
import { type HostileListener, hostileListener } from "./hostile/hostile-listener.ts";
import {
  data,
  flag,
  frame,
  frameType,
  headerBlock,
  headers,
  preface,
  requestFields,
  resetStream,
  setting,
  settings,
  settingsAck,
  windowUpdate,
} from "./hostile/http2-frames.ts";
import { framesOf } from "./hostile/http2-peer.ts";
import { strictRequests } from "./hostile/strict-http1.ts";
import { strictStreams } from "./hostile/strict-http2.ts";

// fast-check prints the seed and the path of what fails.
const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);

/** A request as a handler saw it; `body` when it was read to its end. */
interface Seen {
  readonly method: string;
  readonly target: string;
  body?: string | undefined;
}

/** A listener with short deadlines, whose handler reads each body and keeps what it saw. */
async function watchedListener(): Promise<{ place: HostileListener; seen: Seen[] }> {
  const seen: Seen[] = [];
  const place = await hostileListener({
    headersTimeoutMs: 500,
    bodyIdleTimeoutMs: 300,
    async handler(exchange) {
      const { method, target } = exchange;
      const each: Seen = { method, target };
      seen.push(each);
      await new Promise((resolve) => setImmediate(resolve)); // so that requests meet
      each.body = Buffer.from(await exchange.bytes()).toString("latin1");
      exchange.respond(200, {}, "ok");
    },
  });
  return { place, seen };
}

/** Sends `bytes` in pieces, and waits until the connection is over and no handler runs any more. */
async function attack(place: HostileListener, bytes: Buffer, cuts: readonly number[]) {
  await using socket = await connectRaw({ port: place.port });
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...at, bytes.length]) {
    await socket.write(bytes.subarray(from, to)).catch(() => undefined);
    await new Promise(setImmediate); // so that the listener reads it apart
    from = to;
  }
  socket.halfClose();
  await withDeadline(socket.ended, "the end of the connection");
  while (place.listener.stats().streamsActive > 0) await new Promise(setImmediate);
}

/** Changes to bytes, by what an attacker would put there. */
type Change = (bytes: Buffer) => Buffer;
const changes = (tokens: readonly string[]): fc.Arbitrary<Change[]> => {
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  const at = (bytes: Buffer, where: number) => Math.floor(where * bytes.length);
  const inserted = fc.tuple(place, fc.constantFrom(...tokens)).map(
    ([where, token]): Change =>
      (bytes) => {
        const index = at(bytes, where);
        const parts = [
          bytes.subarray(0, index),
          Buffer.from(token, "latin1"),
          bytes.subarray(index),
        ];
        return Buffer.concat(parts);
      },
  );
  const removed = fc.tuple(place, fc.integer({ min: 1, max: 12 })).map(
    ([where, count]): Change =>
      (bytes) => {
        const index = at(bytes, where);
        return Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + count)]);
      },
  );
  const replaced = fc.tuple(place, fc.nat(255)).map(
    ([where, value]): Change =>
      (bytes) => {
        const copy = Buffer.from(bytes);
        if (copy.length > 0) copy[at(bytes, where)] = value;
        return copy;
      },
  );
  const repeated = fc.tuple(place, place, fc.integer({ min: 1, max: 60 })).map(
    ([from, to, count]): Change =>
      (bytes) => {
        const index = at(bytes, to);
        const piece = bytes.subarray(at(bytes, from), at(bytes, from) + count);
        return Buffer.concat([bytes.subarray(0, index), piece, bytes.subarray(index)]);
      },
  );
  const change = fc.oneof(
    { arbitrary: inserted, weight: 4 },
    { arbitrary: removed, weight: 1 },
    { arbitrary: replaced, weight: 1 },
    { arbitrary: repeated, weight: 1 },
  );
  return fc.array(change, { maxLength: 4 });
};
const changed = (bytes: Buffer, all: readonly Change[]): Buffer =>
  all.reduce((each, change) => change(each), bytes);
const cuts = fc.array(fc.nat(2_000), { maxLength: 4 });

const body = fc.oneof(
  fc.constantFrom("", "hello", "0\r\n\r\n", "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"),
  fc.string({ unit: "binary-ascii", maxLength: 40 }),
);
const plainField = fc.oneof(
  fc.constantFrom("Connection: keep-alive", "Connection: close", "Expect: 100-continue"),
  fc.constantFrom("Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c", "Trailer: a"),
  fc.constantFrom(
    "Connection: Upgrade\r\nUpgrade: h2c",
    "Connection: Upgrade\r\nUpgrade: websocket",
  ),
  fc.constantFrom("X-A: b", "Accept: */*", "TE: trailers", "X-Empty:"),
);
const http1Request = fc
  .record({
    method: fc.constantFrom("GET", "POST", "HEAD", "DELETE", "OPTIONS"),
    target: fc.constantFrom("/", "/a?b=c", "/%20", "http://a/b"),
    version: fc.oneof(
      { arbitrary: fc.constant("1.1"), weight: 5 },
      { arbitrary: fc.constant("1.0"), weight: 1 },
    ),
    fields: fc.array(plainField, { maxLength: 3 }),
    framing: fc.constantFrom("none", "length", "chunks"),
    body,
    extension: fc.constantFrom("", ";a", ';a="b;c"'),
    trailers: fc.constantFrom("", "A: b\r\n"),
  })
  .map(({ method, target, version, fields, framing, body: text, extension, trailers }) => {
    const lines = [`${method} ${target} HTTP/${version}`, "Host: a", ...fields];
    if (framing === "none") return `${lines.join("\r\n")}\r\n\r\n`;
    if (framing === "length") {
      return `${[...lines, `Content-Length: ${text.length}`].join("\r\n")}\r\n\r\n${text}`;
    }
    const size = text.length.toString(16);
    const chunk = text.length === 0 ? "" : `${size}${extension}\r\n${text}\r\n`;
    const head = [...lines, "Transfer-Encoding: chunked"].join("\r\n");
    return `${head}\r\n\r\n${chunk}0\r\n${trailers}\r\n`;
  });
const http1Tokens = [
  ..."\r\n\0\t :;,\x0b5-+",
  "\r\n",
  "\r\n\r\n",
  "0\r\n\r\n",
  "\r\nContent-Length: 3",
  "\r\nContent-Length: 3\r\n",
  "\r\nTransfer-Encoding: chunked",
  "\r\nTransfer-Encoding: identity\r\n",
  "chunked",
  "chunked, ",
  ", chunked",
  "\r\n folded",
  "Host: b\r\n",
  "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "ffffffffffffffff",
];

test("HTTP/1.1: no handler sees a request that a strict reader of RFC 9112 frames otherwise", async () => {
  const { place, seen } = await watchedListener();
  await using _ = place;
  let [served, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(http1Request, { minLength: 1, maxLength: 4 }),
      changes(http1Tokens),
      cuts,
      async (requests, mutations, pieces) => {
        seen.length = 0;
        const bytes = changed(Buffer.from(requests.join(""), "latin1"), mutations);
        await attack(place, bytes, pieces);
        const strict = strictRequests(bytes.toString("latin1"));
        const context = JSON.stringify(bytes.toString("latin1"));
        let at = 0;
        for (const each of seen) {
          // Some are answered before a handler, such as one with an unknown expectation.
          const is = ({ method, target, body: whole }: Seen) =>
            each.method === method && each.target === target && (each.body ?? whole) === whole;
          const found = strict.slice(at).findIndex(is);
          expect(found, `${JSON.stringify(each)} of ${context}`).not.toBe(-1);
          at += found + 1;
        }
        served += seen.length;
        refused += Number(seen.length < requests.length);
      },
    ),
    { numRuns },
  );
  expect(place.errors).toEqual([]);
  await place.neighboursAreServed();
  // Neither all nor none: otherwise nothing was tried.
  expect(Math.min(served, refused)).toBeGreaterThan(numRuns / 20);
}, 60_000);

const http2Request = fc.record({
  kind: fc.constantFrom("whole", "continued", "data", "padded", "trailers", "reset", "open"),
  body: fc.string({ unit: "binary-ascii", maxLength: 30 }),
});
const between = fc.constantFrom(
  frame(frameType.ping, 0, 0, Buffer.alloc(8)),
  windowUpdate(0, 100),
  settings({ [setting.initialWindowSize]: 100 }),
  frame(0x77, 0, 0, Buffer.alloc(3)),
);
/** Frames of one request; a body, where there is one, names the stream, so that none equals another. */
function http2Frames(kind: string, text: string, id: number): Buffer[] {
  const fields = requestFields(`/${id}`, "POST");
  const named = `${id}:${text}`;
  const open = headers(id, fields, flag.endHeaders);
  const pad = Buffer.concat([Buffer.from([3]), Buffer.from(named, "latin1"), Buffer.alloc(3)]);
  switch (kind) {
    case "whole":
      return [headers(id, fields)];
    case "continued": {
      const block = headerBlock(fields);
      return [
        frame(frameType.headers, flag.endStream, id, block.subarray(0, 9)),
        frame(frameType.continuation, flag.endHeaders, id, block.subarray(9)),
      ];
    }
    case "data":
      return [open, data(id, named.slice(0, 4)), data(id, named.slice(4), flag.endStream)];
    case "padded":
      return [open, frame(frameType.data, flag.padded | flag.endStream, id, pad)];
    case "trailers":
      return [open, data(id, named), headers(id, [["x-a", "b"]])];
    case "reset":
      return [open, data(id, named), resetStream(id, id % 4 === 1 ? 8 : 0)];
    default:
      return [open, data(id, named)];
  }
}
const http2Tokens = [
  ..."\0\x01\x04\x05\x08\x09\xff",
  ...[resetStream(1, 0), data(1, "more"), data(3, "", flag.endStream), settingsAck()].map((each) =>
    each.toString("latin1"),
  ),
  headers(9, requestFields("/9")).toString("latin1"),
];

test("HTTP/2: no handler sees a whole body that the frames of its stream do not make", async () => {
  const { place, seen } = await watchedListener();
  await using _ = place;
  let [served, broken] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(http2Request, { minLength: 1, maxLength: 5 }),
      fc.array(fc.tuple(fc.nat(20), between), { maxLength: 3 }),
      changes(http2Tokens),
      cuts,
      async (requests, extra, mutations, pieces) => {
        seen.length = 0;
        const frames = requests.flatMap(({ kind, body: text }, i) =>
          http2Frames(kind, text, 2 * i + 1),
        );
        for (const [at, more] of extra) frames.splice(at % (frames.length + 1), 0, more);
        const sent = changed(Buffer.concat([settings(), settingsAck(), ...frames]), mutations);
        await attack(place, Buffer.concat([preface, sent]), pieces);
        const streams = strictStreams(framesOf(sent));
        const whole = [...streams.values()].filter(({ ended }) => ended);
        const context = sent.toString("hex");
        expect(seen.length, context).toBeLessThanOrEqual(streams.size);
        for (const each of seen) {
          if (each.body === undefined) broken++;
          else {
            const at = whole.findIndex(({ body: text }) => text === each.body);
            expect(at, `${JSON.stringify(each)} of ${context}`).not.toBe(-1);
            whole.splice(at, 1);
            served++;
          }
        }
      },
    ),
    { numRuns },
  );
  expect(place.errors).toEqual([]);
  await place.neighboursAreServed();
  expect(Math.min(served, broken)).toBeGreaterThan(numRuns / 20);
}, 60_000);

/** A request, or what an attacker makes of one. */
const wildField = fc.oneof(
  fc.constantFrom(
    "Host: a",
    "Content-Length: 3",
    "Transfer-Encoding: chunked",
    "Expect: 100-continue",
  ),
  fc.constantFrom("Connection: Upgrade", "Upgrade: websocket", "Connection: close", "Host: b"),
  fc.string().map((text) => `X: ${text}`),
  fc.string(),
);
const wildRequest = fc
  .tuple(
    fc.constantFrom("GET / HTTP/1.1", "POST /a HTTP/1.1", "HEAD / HTTP/1.0", "PRI * HTTP/2.0", "X"),
    fc.array(wildField, { maxLength: 6 }),
    fc.oneof(fc.constantFrom("", "abc", "3\r\nabc\r\n0\r\n\r\n"), fc.string()),
  )
  .map(([line, fields, body]) => `${[line, ...fields].join("\r\n")}\r\n\r\n${body}`);
const wildRequests = fc
  .array(wildRequest, { minLength: 1, maxLength: 3 })
  .map((each) => each.join(""));

test("whatever bytes come, in whatever pieces, the listener answers or ends, and serves on", async () => {
  const errors: unknown[] = [];
  await using listener = await listenHttp({
    headersTimeoutMs: 200,
    bodyIdleTimeoutMs: 100,
    keepAliveTimeoutMs: 100,
    async handler(exchange) {
      await new Promise((resolve) => setImmediate(resolve)); // so that requests meet
      if (exchange.method === "POST") exchange.respond(200, {}, await exchange.bytes());
      else exchange.respond(200, {}, "ok");
    },
    onHandlerError: (error) => errors.push(error),
  });
  const { port } = listener.local;
  await fc.assert(
    fc.asyncProperty(wildRequests, fc.nat(100), async (text, cut) => {
      await using socket = await connectRaw({ port });
      await socket.write(text.slice(0, cut)).catch(() => undefined);
      await socket.write(text.slice(cut)).catch(() => undefined);
      socket.halfClose();
      await withDeadline(socket.ended, "the end of the connection");
    }),
    { numRuns },
  );
  expect(errors).toEqual([]);
  const response = await fetch(`http://127.0.0.1:${port}/`);
  expect(await response.text()).toBe("ok");
}, 60_000);
