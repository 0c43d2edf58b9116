import { withDeadline } from "@king-runtime/testkit";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { http3Codes } from "../../src/http3/codes.ts";
import { streamTypes } from "../../src/http3/frame-types.ts";
import { frame } from "../../src/http3/frame-writer.ts";
import { varints } from "../../src/http3/varint.ts";
import { clientPlace, serverPlace } from "./http3-harness.ts";
import { memoryEngine } from "./memory-engine.ts";
import {
  bytes,
  data,
  headers,
  plainSettings,
  type RawHttp3Peer,
  type RawHttp3Stream,
  requestHead,
  responseHead,
} from "./raw-http3-peer.ts";

const runs = { numRuns: Number(process.env["KING_FUZZ_RUNS"] ?? 150) };
const defined: ReadonlySet<number | undefined> = new Set<number>(Object.values(http3Codes));
const nothing = bytes();
const faults: unknown[] = [];

const server = await serverPlace(memoryEngine(), {
  onHandlerError: (error) => faults.push(error),
  async handler(exchange) {
    const body = await exchange.bytes();
    exchange.respond(200, {}, `${exchange.method} ${body.length}`);
  },
});
afterAll(() => server[Symbol.asyncDispose]());

/** Frames that mean something, whole or cut, in any order, and noise. */
const type = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 0x21, 0xf0700, 0xf0701),
  fc.nat(0x3fff_ffff),
);
const anyBytes = fc.uint8Array({ maxLength: 40 });
const piece = fc.oneof(
  anyBytes,
  fc.tuple(type, anyBytes).map(([each, payload]) => frame(each, payload)),
  fc.tuple(type, fc.nat(100)).map(([each, value]) => frame(each, varints(value))),
  anyBytes.map((payload) => frame(1, bytes(Buffer.from([0, 0]), payload))),
  anyBytes.map((body) => data(body)),
  fc.constantFrom(
    plainSettings,
    requestHead("POST"),
    requestHead("POST", "/", "content-length", "3"),
    responseHead(),
    responseHead(103),
    headers("sum", "1"),
  ),
);
const message = fc
  .tuple(fc.array(piece, { maxLength: 6 }), fc.nat(10))
  .map(([pieces, cut]) => bytes(...pieces).subarray(0, cut === 0 ? -1 : undefined));

/** What became of it: the end of the connection, of the stream, or what was said. */
async function outcome(peer: RawHttp3Peer, asked: RawHttp3Stream): Promise<string> {
  const { sections, body, end } = await withDeadline(asked.message(), "an end");
  // Whatever is said of the connection is said in the same turn.
  await new Promise(setImmediate);
  if (peer.session.state === "closed") return `connection ${await peer.code()}`;
  return JSON.stringify([sections.map((each) => each[":status"]), body, end]);
}

/** Sends `input` on a request stream, at once or byte by byte, and ends it. */
async function sent(peer: RawHttp3Peer, input: Uint8Array, isApart: boolean): Promise<string> {
  const asked = await peer.request();
  try {
    if (!isApart) await asked.send(input);
    else for (const octet of input) await asked.send(Buffer.from([octet]));
    await asked.stream.end();
  } catch {
    // It is refused while it is sent.
  }
  return await outcome(peer, asked);
}

async function expectDefined(peer: RawHttp3Peer): Promise<void> {
  const code = await peer.code();
  expect(defined.has(code), `code ${code}`).toBe(true);
}

describe("whatever bytes a client sends", () => {
  test("on a request stream, it is served or told a code, the same byte by byte", async () => {
    await fc.assert(
      fc.asyncProperty(message, async (input) => {
        const [whole, apart] = [await server.connect(), await server.connect()];
        const expected = await sent(whole, input, false);
        expect(await sent(apart, input, true)).toBe(expected);
        if (expected.startsWith("connection")) await expectDefined(whole);
        whole.session.abort();
        apart.session.abort();
      }),
      runs,
    );
    expect(faults).toEqual([]);
  });

  test.each(Object.entries(streamTypes))(
    "on a stream of type %s, others go on or the connection ends with a code",
    async (_, kind) => {
      const beginning = kind === streamTypes.control ? plainSettings : nothing;
      await fc.assert(
        fc.asyncProperty(message, fc.boolean(), async (input, isApart) => {
          const peer = await server.connect(nothing);
          try {
            const own = await peer.unidirectional(kind, beginning);
            if (!isApart) await own.write(input);
            else for (const octet of input) await own.write(Buffer.from([octet]));
          } catch {
            // It is refused while it is sent.
          }
          await new Promise(setImmediate);
          if (peer.session.state === "closed") return await expectDefined(peer);
          expect(await sent(peer, bytes(requestHead("POST"), data("good")), false)).toContain(
            "POST 4",
          );
          peer.session.abort();
        }),
        runs,
      );
      expect(faults).toEqual([]);
    },
  );
});

test("whatever bytes a server answers with, there is a response or a typed error", async () => {
  const engine = memoryEngine();
  await fc.assert(
    fc.asyncProperty(message, fc.boolean(), async (input, isApart) => {
      await using place = await clientPlace(engine);
      const stream = await place.session.request();
      const ended = stream.response
        .then((response) => response.bytes())
        .then(
          () => undefined,
          (error) => error,
        );
      const served = await place.peer.next();
      try {
        if (!isApart) await served.send(input);
        else for (const octet of input) await served.send(Buffer.from([octet]));
        await served.stream.end();
      } catch {
        // It is refused while it is sent.
      }
      const error = await withDeadline(ended, "an end");
      if (error !== undefined) {
        expect(error.code).toMatch(/^KING_HTTP_(PROTOCOL|HEADER_LIMIT)$/);
      }
      if (place.peer.session.state === "closed") await expectDefined(place.peer);
      await withDeadline(stream.closed, "the end of the stream");
    }),
    runs,
  );
});
