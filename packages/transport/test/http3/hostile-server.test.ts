import { eventually, withDeadline } from "@king-runtime/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { http3Codes } from "../../src/http3/codes.ts";
import { frameTypes, streamTypes } from "../../src/http3/frame-types.ts";
import { frame, frameHead } from "../../src/http3/frame-writer.ts";
import { varints } from "../../src/http3/varint.ts";
import { type ServerPlace, serverPlace } from "./http3-harness.ts";
import { memoryEngine } from "./memory-engine.ts";
import {
  bytes,
  data,
  headers,
  plainSettings,
  type RawHttp3Peer,
  type RawHttp3Stream,
  requestHead,
} from "./raw-http3-peer.ts";

const nothing = bytes();
const faults: unknown[] = [];
let place: ServerPlace;

beforeAll(async () => {
  place = await serverPlace(memoryEngine(), {
    maxHeaderBytes: 2_000,
    onHandlerError: (error) => faults.push(error),
    async handler(exchange) {
      const body = await exchange.bytes();
      exchange.respond(200, {}, `${exchange.method} ${body.length}`);
    },
  });
});
afterAll(async () => {
  expect(faults).toEqual([]);
  await place[Symbol.asyncDispose]();
});

type Doing = (peer: RawHttp3Peer) => Promise<unknown>;
type Asking = (peer: RawHttp3Peer) => Promise<RawHttp3Stream>;
type Case<What = Doing> = readonly [title: string, doing: What, code: number];

const first =
  (...frames: Uint8Array[]): Doing =>
  (peer) =>
    peer.control(...frames);
const control = (...frames: Uint8Array[]) => first(plainSettings, ...frames);
const request =
  (...parts: Uint8Array[]): Asking =>
  async (peer) => {
    const asked = await peer.request();
    // What is refused at once may already be refused while it is sent.
    await asked.send(...parts).then(
      () => asked.stream.end(),
      () => undefined,
    );
    return asked;
  };
const stream =
  (type: number, ...more: Uint8Array[]): Doing =>
  (peer) =>
    peer.unidirectional(type, bytes(...more));
const settings = (...pairs: number[]) => frame(frameTypes.settings, varints(...pairs));
const goaway = (id: number) => frame(frameTypes.goaway, varints(id));
const head = requestHead("POST");
const trailers = headers("sum", "1");
const codes = http3Codes;

const ofConnection: readonly Case[] = [
  // RFC 9114, section 6.2.1
  ["a control stream without SETTINGS", first(goaway(0)), codes.missingSettings],
  ["a control stream with another frame first", first(frame(0x21, nothing)), codes.missingSettings],
  [
    "a second control stream",
    async (peer) => {
      await peer.control(plainSettings);
      await peer.unidirectional(streamTypes.control);
    },
    codes.streamCreationError,
  ],
  [
    "a second encoder stream",
    async (peer) => {
      await peer.unidirectional(streamTypes.qpackEncoder);
      await peer.unidirectional(streamTypes.qpackEncoder);
    },
    codes.streamCreationError,
  ],
  ...[streamTypes.control, streamTypes.qpackEncoder, streamTypes.qpackDecoder].map(
    (type): Case => [
      `the end of the stream of type ${type}`,
      async (peer) => {
        const own = await peer.unidirectional(
          type,
          type === streamTypes.control ? plainSettings : nothing,
        );
        await own.end();
      },
      codes.closedCriticalStream,
    ],
  ),
  [
    "a request to end our control stream",
    async (peer) => {
      await peer.control(plainSettings);
      await eventually("our control stream", () => peer.incoming.length > 0);
      peer.incoming[0]?.stopReading(codes.noError);
    },
    codes.closedCriticalStream,
  ],
  ["a push stream", stream(streamTypes.push, varints(0)), codes.streamCreationError],
  // RFC 9114, section 7.2
  ["SETTINGS twice", control(plainSettings), codes.frameUnexpected],
  ["SETTINGS on a request stream", request(plainSettings), codes.frameUnexpected],
  ["a setting twice", first(settings(6, 1, 6, 1)), codes.settingsError],
  ...[0, 2, 3, 4, 5].map(
    (id): Case => [`setting ${id} of HTTP/2`, first(settings(id, 1)), codes.settingsError],
  ),
  ["a setting without a value", first(settings(6)), codes.frameError],
  ["a flag that is none", first(settings(8, 2)), codes.settingsError],
  ["GOAWAY that grows", control(goaway(4), goaway(8)), codes.idError],
  ["GOAWAY without a number", control(frame(7, nothing)), codes.frameError],
  ["GOAWAY with more than a number", control(frame(7, varints(1, 1))), codes.frameError],
  ["GOAWAY on a request stream", request(goaway(0)), codes.frameUnexpected],
  [
    "MAX_PUSH_ID that shrinks",
    control(frame(13, varints(4)), frame(13, varints(3))),
    codes.idError,
  ],
  ["MAX_PUSH_ID on a request stream", request(head, frame(13, varints(4))), codes.frameUnexpected],
  ["CANCEL_PUSH of no push", control(frame(3, varints(0))), codes.idError],
  ["CANCEL_PUSH on a request stream", request(head, frame(3, varints(0))), codes.frameUnexpected],
  ["PUSH_PROMISE on the control stream", control(frame(5, varints(0))), codes.frameUnexpected],
  ["PUSH_PROMISE of a client", request(head, frame(5, varints(0))), codes.frameUnexpected],
  ["DATA on the control stream", control(data("x")), codes.frameUnexpected],
  ["HEADERS on the control stream", control(head), codes.frameUnexpected],
  ...[2, 6, 8, 9].flatMap((type): Case[] => [
    [`frame ${type} of HTTP/2`, control(frame(type, nothing)), codes.frameUnexpected],
    [`frame ${type} within a request`, request(head, frame(type, nothing)), codes.frameUnexpected],
  ]),
  ["a control frame that is too large", control(frameHead(7, 5_000)), codes.excessiveLoad],
  // RFC 9218, section 7.2
  ["PRIORITY_UPDATE of no request", control(frame(0xf0700, varints(1))), codes.idError],
  ["PRIORITY_UPDATE of a push", control(frame(0xf0701, varints(0))), codes.idError],
  // RFC 9114, sections 4.1 and 7.1
  ["DATA before HEADERS", request(data("x")), codes.frameUnexpected],
  ["HEADERS after trailers", request(head, trailers, trailers), codes.frameUnexpected],
  ["DATA after trailers", request(head, trailers, data("x")), codes.frameUnexpected],
  ["a frame that is cut by the end", request(head, data("abc").subarray(0, 4)), codes.frameError],
  ["a head of a frame that is cut", request(head, Buffer.from([0])), codes.frameError],
  // RFC 9204, sections 2.2 and 6
  [
    "a reference to the dynamic table",
    request(frame(1, Buffer.from([0, 0, 0x80]))),
    codes.decompressionFailed,
  ],
  [
    "a section that waits for inserts",
    request(frame(1, Buffer.from([2, 0]))),
    codes.decompressionFailed,
  ],
  ["a string that is cut", request(frame(1, Buffer.from([0, 0, 0x27]))), codes.decompressionFailed],
  [
    "a static field that is none",
    request(frame(1, Buffer.from([0, 0, 0xff, 99]))),
    codes.decompressionFailed,
  ],
  ["an empty section", request(frame(1, nothing)), codes.decompressionFailed],
  ["an insert", stream(streamTypes.qpackEncoder, Buffer.from([0xc0, 0])), codes.encoderStreamError],
  [
    "a capacity over ours",
    stream(streamTypes.qpackEncoder, Buffer.from([0x21])),
    codes.encoderStreamError,
  ],
  [
    "an acknowledgement of nothing",
    stream(streamTypes.qpackDecoder, Buffer.from([0x80])),
    codes.decoderStreamError,
  ],
  [
    "an increment of 0",
    stream(streamTypes.qpackDecoder, Buffer.from([0])),
    codes.decoderStreamError,
  ],
];

describe("a client that breaks the protocol of the connection is told so", () => {
  test.each(ofConnection)("%s", async (_, doing, code) => {
    const peer = await place.connect(nothing);
    await doing(peer);
    expect(await withDeadline(peer.code(), "the end")).toBe(code);
  });
});

const malformed = (...fields: string[]) => request(headers(...fields));
const pseudo = [":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/"];

const ofMessage: readonly Case<Asking>[] = [
  ["a request that is nothing", request(), codes.requestIncomplete],
  ["a request without a head", request(frame(0x21, nothing)), codes.requestIncomplete],
  ["no pseudo-fields", malformed("a", "b"), codes.messageError],
  ["no path", malformed(...pseudo.slice(0, 6)), codes.messageError],
  ["a pseudo-field twice", malformed(...pseudo, ":path", "/"), codes.messageError],
  ["a pseudo-field that nobody knows", malformed(...pseudo, ":a", "b"), codes.messageError],
  ["a pseudo-field of responses", malformed(...pseudo, ":status", "200"), codes.messageError],
  ["a pseudo-field after others", malformed("a", "b", ...pseudo), codes.messageError],
  ["a name in capitals", malformed(...pseudo, "A", "b"), codes.messageError],
  ["a name that is empty", malformed(...pseudo, "", "b"), codes.messageError],
  ["a value with a line break", malformed(...pseudo, "a", "b\r\nc: d"), codes.messageError],
  ["a value with NUL", malformed(...pseudo, "a", "\0"), codes.messageError],
  ["a field of a connection", malformed(...pseudo, "connection", "close"), codes.messageError],
  ["a transfer coding", malformed(...pseudo, "transfer-encoding", "chunked"), codes.messageError],
  ["TE with more than trailers", malformed(...pseudo, "te", "gzip"), codes.messageError],
  ["Host beside another :authority", malformed(...pseudo, "host", "b"), codes.messageError],
  ["CONNECT with a path", request(requestHead("CONNECT", "/")), codes.messageError],
  [
    "a body that is too short",
    request(requestHead("POST", "/", "content-length", "5"), data("four")),
    codes.messageError,
  ],
  [
    "a body that is too long",
    request(requestHead("POST", "/", "content-length", "3"), data("four")),
    codes.messageError,
  ],
  [
    "two lengths",
    request(requestHead("POST", "/", "content-length", "3", "content-length", "4")),
    codes.messageError,
  ],
  ["a pseudo-field in trailers", request(head, headers(":path", "/")), codes.messageError],
];

describe("a client that sends a malformed request is told so, and may go on with others", () => {
  test.each(ofMessage)("%s", async (_, doing, code) => {
    const peer = await place.connect();
    const { closed } = (await doing(peer)).stream;
    const broken = await withDeadline(closed, "the end of the stream");
    expect([broken.by, broken.code]).toEqual(["peer", code]);
    const good = await peer.request(head, data("good"));
    await good.stream.end();
    expect((await withDeadline(good.message(), "a response")).body).toBe("POST 4");
    expect(peer.session.state).toBe("open");
  });
});

const whole = request(head, data("good"));

const served: readonly (readonly [title: string, asking: Asking])[] = [
  [
    "unknown frames before, between and after",
    request(
      frame(0x21, bytes("any")),
      head,
      frame(0x40, nothing),
      data("go"),
      frame(0x21, new Uint8Array(2_000_000)),
      data("od"),
      trailers,
      frame(0xface, bytes("x")),
    ),
  ],
  ["empty DATA", request(head, data(""), data("good"), data(""))],
  ["trailers", request(head, data("good"), trailers)],
  [
    "a length that is right",
    request(requestHead("POST", "/", "content-length", "4"), data("good")),
  ],
  [
    "control frames that are unknown, or of no consequence",
    async (peer) => {
      const { maxPushId, priorityUpdateRequest } = frameTypes;
      await peer.control(frame(0x21, new Uint8Array(1_000_000)), goaway(8), goaway(8), goaway(4));
      await peer.control(frame(maxPushId, varints(9)), frame(priorityUpdateRequest, varints(0)));
      return await whole(peer);
    },
  ],
  [
    "on the encoder's and decoder's streams what uses no table",
    async (peer) => {
      await peer.unidirectional(streamTypes.qpackEncoder, Buffer.from([0x20]));
      await peer.unidirectional(streamTypes.qpackDecoder, Buffer.from([0x44]));
      return await whole(peer);
    },
  ],
  [
    "a stream of a type that nobody knows",
    async (peer) => {
      const unknown = await peer.unidirectional(0x21, new Uint8Array(10));
      const closed = await withDeadline(unknown.closed, "the end of the stream");
      expect([closed.by, closed.code]).toEqual(["peer", codes.streamCreationError]);
      return await whole(peer);
    },
  ],
];

test.each(served)("a client that sends %s is served", async (_, asking) => {
  const peer = await place.connect();
  const { body, end } = await withDeadline((await asking(peer)).message(), "a response");
  expect([body, end]).toEqual(["POST 4", "end"]);
  expect(peer.session.state).toBe("open");
});

test.each([
  ["a head that is too large as it is coded", requestHead("POST", "/", "a", "b".repeat(4_000))],
  ["a head with too many small fields", requestHead("POST", "/", ...Array(200).fill("a"))],
])("a client that sends %s is answered 431, and may go on", async (_, tooLarge) => {
  const peer = await place.connect();
  for (const parts of [[tooLarge], [tooLarge, data("good"), trailers]]) {
    const { sections } = await withDeadline((await request(...parts)(peer)).message(), "an answer");
    expect(sections[0]?.[":status"]).toBe("431");
  }
  const { body } = await (await whole(peer)).message();
  expect(body).toBe("POST 4");
});

test("trailers that are too large break the request off, also when they come with its head", async () => {
  const peer = await place.connect();
  const tooLarge = headers("a", "b".repeat(4_000));
  const { sections, end } = await (await request(head, data("x"), tooLarge)(peer)).message();
  expect([sections, end]).toEqual([[], { code: codes.requestCancelled }]);
  const { body } = await (await whole(peer)).message();
  expect(body).toBe("POST 4");
});
