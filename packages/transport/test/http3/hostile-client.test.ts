import { eventually, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { http3Codes } from "../../src/http3/codes.ts";
import { frameTypes, streamTypes } from "../../src/http3/frame-types.ts";
import { frame, frameHead } from "../../src/http3/frame-writer.ts";
import { varints } from "../../src/http3/varint.ts";
import { createHttpClient, type HttpClientStream } from "../../src/index.ts";
import { type ClientPlace, certificates, clientPlace } from "./http3-harness.ts";
import { memoryEngine } from "./memory-engine.ts";
import {
  bytes,
  data,
  headers,
  plainSettings,
  RawHttp3Peer,
  type RawHttp3Stream,
  responseHead,
} from "./raw-http3-peer.ts";

const engine = memoryEngine();
const nothing = bytes();
const codes = http3Codes;
const head = responseHead();
const trailers = headers("sum", "1");
const goaway = (id: number) => frame(frameTypes.goaway, varints(id));
/** The largest number of a request stream (RFC 9000, section 16). */
const largestGoaway = frame(frameTypes.goaway, Buffer.from("fffffffffffffffc", "hex"));

const protocol = { code: "KING_HTTP_PROTOCOL" };
const aborted = (processed: boolean, more: object = {}) => ({
  code: "KING_HTTP_ABORTED",
  details: expect.objectContaining({ processed, ...more }),
});

/** A request under way at the raw server. */
async function asked(
  place: ClientPlace,
  options: Parameters<ClientPlace["session"]["request"]>[0] = {},
): Promise<{ stream: HttpClientStream; served: RawHttp3Stream; text: Promise<string> }> {
  const stream = await place.session.request(options);
  const text = stream.response.then((response) => response.text());
  text.catch(() => undefined); // looked at later
  return { stream, served: await withDeadline(place.peer.next(), "a request"), text };
}

async function expectServed(place: ClientPlace): Promise<void> {
  const { served, text } = await asked(place);
  await served.send(head, data("good"));
  await served.stream.end();
  expect(await withDeadline(text, "a response")).toBe("good");
}

type Answering = (served: RawHttp3Stream, peer: RawHttp3Peer) => Promise<unknown>;

const answer =
  (...parts: Uint8Array[]): Answering =>
  async (served) => {
    // What is refused at once may already be refused while it is sent.
    await served.send(...parts).then(
      () => served.stream.end(),
      () => undefined,
    );
  };
const control =
  (...frames: Uint8Array[]): Answering =>
  (_, peer) =>
    peer.control(...frames);
const opened =
  (type: number, ...more: Uint8Array[]): Answering =>
  (_, peer) =>
    peer.unidirectional(type, bytes(...more));

const ofConnection: readonly (readonly [string, Answering, number])[] = [
  ["SETTINGS twice", control(plainSettings), codes.frameUnexpected],
  ["SETTINGS in a response", answer(plainSettings), codes.frameUnexpected],
  ["a second control stream", opened(streamTypes.control), codes.streamCreationError],
  ["a push stream", opened(streamTypes.push, varints(0)), codes.idError],
  [
    "a stream for a request",
    async (_, peer) => await peer.request(head),
    codes.streamCreationError,
  ],
  ["PUSH_PROMISE", answer(frame(5, bytes(varints(0), nothing))), codes.idError],
  ["MAX_PUSH_ID", control(frame(13, varints(0))), codes.frameUnexpected],
  ["CANCEL_PUSH", control(frame(3, varints(0))), codes.idError],
  ["PRIORITY_UPDATE", control(frame(0xf0700, varints(0))), codes.frameUnexpected],
  ["GOAWAY that grows", control(goaway(8), goaway(12)), codes.idError],
  ["GOAWAY of no request", control(goaway(1)), codes.idError],
  ["a control frame that is too large", control(frameHead(7, 5_000)), codes.excessiveLoad],
  ["an insert", opened(streamTypes.qpackEncoder, Buffer.from([0xc0, 0])), codes.encoderStreamError],
  [
    "an acknowledgement",
    opened(streamTypes.qpackDecoder, Buffer.from([0x80])),
    codes.decoderStreamError,
  ],
  ["DATA before HEADERS", answer(data("x")), codes.frameUnexpected],
  ["HEADERS after trailers", answer(head, trailers, trailers), codes.frameUnexpected],
  ["DATA after trailers", answer(head, trailers, data("x")), codes.frameUnexpected],
  ["frame 2 of HTTP/2", answer(head, frame(2, nothing)), codes.frameUnexpected],
  ["a frame that is cut", answer(head, data("abc").subarray(0, 4)), codes.frameError],
  [
    "a reference to the dynamic table",
    answer(frame(1, Buffer.from([0, 0, 0x80]))),
    codes.decompressionFailed,
  ],
];

describe("a server that breaks the protocol of the connection is told so, and all its callers", () => {
  test.each(ofConnection)("%s", async (_, answering, code) => {
    await using place = await clientPlace(engine);
    const other = await asked(place);
    const { served, text } = await asked(place);
    await answering(served, place.peer);
    expect(await withDeadline(place.peer.code(), "the end")).toBe(code);
    await expect(withDeadline(text, "a failure")).rejects.toMatchObject(protocol);
    await expect(withDeadline(other.text, "a failure")).rejects.toMatchObject(protocol);
    await expect(place.session.closed).resolves.toMatchObject({ clean: false });
  });
});

const ofMessage: readonly (readonly [string, Answering, number, object])[] = [
  ["no response", answer(), codes.messageError, protocol],
  ["an interim response alone", answer(responseHead(103)), codes.messageError, protocol],
  ["no status", answer(headers("a", "b")), codes.messageError, protocol],
  ["a status of two digits", answer(headers(":status", "20")), codes.messageError, protocol],
  ["101 (Switching Protocols)", answer(responseHead(101)), codes.messageError, protocol],
  [
    "an interim response after the response",
    answer(head, responseHead(103)),
    codes.messageError,
    protocol,
  ],
  ["two responses", answer(head, data("x"), head), codes.messageError, protocol],
  [
    "a field of a connection",
    answer(responseHead(200, "connection", "close")),
    codes.messageError,
    protocol,
  ],
  [
    "a body that is too short",
    answer(responseHead(200, "content-length", "5"), data("four")),
    codes.messageError,
    protocol,
  ],
  [
    "a body that is too long",
    answer(responseHead(200, "content-length", "3"), data("four")),
    codes.messageError,
    protocol,
  ],
  ["a body with 204", answer(responseHead(204), data("four")), codes.messageError, protocol],
  [
    "a head that is too large",
    answer(responseHead(200, "a", "b".repeat(40_000))),
    codes.requestCancelled,
    { code: "KING_HTTP_HEADER_LIMIT" },
  ],
  [
    "trailers that are too large",
    answer(head, headers("a", "b".repeat(40_000))),
    codes.requestCancelled,
    { code: "KING_HTTP_HEADER_LIMIT" },
  ],
];

describe("a server that sends a malformed response fails that request alone", () => {
  test.each(ofMessage)("%s", async (_, answering, code, failure) => {
    await using place = await clientPlace(engine);
    // Its sending stays open, so that there is something left to break off.
    const { stream, served, text } = await asked(place, { method: "POST", open: true });
    await answering(served, place.peer);
    await expect(withDeadline(text, "a failure")).rejects.toMatchObject(failure);
    expect((await served.message()).end).toEqual({ code });
    expect(await stream.closed).toMatchObject({ clean: false });
    await expectServed(place);
    // The same to a request that is whole: nothing is left on the wire, and yet it is over.
    const whole = await asked(place);
    await answering(whole.served, place.peer);
    await expect(withDeadline(whole.text, "a failure")).rejects.toMatchObject(failure);
    await withDeadline(whole.stream.closed, "the end");
    expect(place.session.stats().streamsActive).toBe(0);
  });

  test("a body after HEAD", async () => {
    await using place = await clientPlace(engine);
    const { served, text } = await asked(place, { method: "HEAD" });
    await answer(responseHead(200, "content-length", "4"), data("four"))(served, place.peer);
    await expect(withDeadline(text, "a failure")).rejects.toMatchObject(protocol);
    await expectServed(place);
  });
});

test("frames and streams that nobody knows are passed over, and interim responses told", async () => {
  await using place = await clientPlace(engine);
  const { stream, served, text } = await asked(place);
  const unknown = await place.peer.unidirectional(0x21, new Uint8Array(10));
  await place.peer.control(frame(0x21, new Uint8Array(2_000_000)));
  await served.send(frame(0x21, new Uint8Array(2_000_000)), responseHead(103, "link", "</a>"));
  await served.send(head, frame(0x40, nothing), data("go"), frame(0x21, bytes("x")), data("od"));
  await served.send(trailers);
  await served.stream.end();
  expect(await withDeadline(text, "a response")).toBe("good");
  const response = await stream.response;
  expect(response.informational[0]?.headers.get("link")).toBe("</a>");
  expect((await response.trailers).get("sum")).toBe("1");
  expect((await unknown.closed).code).toBe(codes.streamCreationError);
});

describe("a server that breaks a request off", () => {
  const phases: readonly (readonly [string, Uint8Array[]])[] = [
    ["before the head", []],
    ["after an interim response", [responseHead(103)]],
    ["after the head", [head]],
    ["within the body", [head, data("half")]],
    ["within a frame", [head, data("half").subarray(0, 3)]],
    ["after trailers", [head, data("half"), trailers]],
  ];
  describe.each(phases)("%s", (_, parts) => {
    test.each([codes.noError, codes.internalError, codes.requestCancelled, codes.requestRejected])(
      "with code %i fails it, and no other",
      async (code) => {
        await using place = await clientPlace(engine);
        for (const open of [true, false]) {
          const { served, text, stream } = await asked(place, { method: "POST", open });
          if (parts.length > 0) await served.send(...parts);
          served.stream.reset(code);
          const processed = code !== codes.requestRejected;
          await expect(withDeadline(text, "a failure")).rejects.toMatchObject(
            aborted(processed, { code }),
          );
          expect(await stream.closed).toMatchObject({ by: "peer", clean: false, code });
        }
        await expectServed(place);
      },
    );

    test("with the connection fails it", async () => {
      await using place = await clientPlace(engine);
      const { served, text } = await asked(place);
      if (parts.length > 0) await served.send(...parts);
      void place.peer.end(codes.internalError);
      await expect(withDeadline(text, "a failure")).rejects.toMatchObject(aborted(true));
      await expect(place.session.request()).rejects.toMatchObject({ code: "KING_SESSION_CLOSED" });
    });
  });
});

describe("a server that wants no more of a request (STOP_SENDING)", () => {
  test.each([
    ["before its response", [], [head, data("enough")]],
    ["within its response", [head, data("eno")], [data("ugh")]],
  ] as const)("%s is heard out, whatever is still being sent", async (_, before, after) => {
    await using place = await clientPlace(engine);
    let given = 0;
    async function* endless() {
      for (; ; given++) yield new Uint8Array(100_000);
    }
    const { served, text, stream } = await asked(place, { method: "POST", body: endless() });
    await served.section();
    await served.chunk();
    if (before.length > 0) await served.send(...before);
    served.stream.stopReading(codes.noError);
    await eventually("the source to go on", () => given > 0);
    await served.send(...after);
    await served.stream.end();
    expect(await withDeadline(text, "a response")).toBe("enough");
    // The request did not come to its end.
    expect(await withDeadline(stream.closed, "the end")).toMatchObject({ clean: false });
    const soFar = given;
    await expectServed(place);
    expect(given).toBe(soFar);
  });
});

describe("GOAWAY", () => {
  test("lets requests under way finish, and fails those beyond as not processed", async () => {
    await using place = await clientPlace(engine);
    const within = await asked(place);
    const beyond = await asked(place);
    await place.peer.control(goaway(4));
    await expect(withDeadline(beyond.text, "a failure")).rejects.toMatchObject(aborted(false));
    await within.served.send(head, data("good"));
    await within.served.stream.end();
    expect(await withDeadline(within.text, "a response")).toBe("good");
    await withDeadline(place.session.closed, "the end");
  });

  test("with the largest number there is announces the end, and fails nothing", async () => {
    await using place = await clientPlace(engine);
    const { served, text } = await asked(place);
    await place.peer.control(largestGoaway, goaway(4));
    await served.send(head, data("good"));
    await served.stream.end();
    expect(await withDeadline(text, "a response")).toBe("good");
    await served.message();
    expect((await place.peer.session.closed).code).toBe(codes.noError);
  });

  test("a pool sends again what was not processed", async () => {
    const { ca, leaf } = await certificates();
    const peers: RawHttp3Peer[] = [];
    await using listener = await engine.listen({
      local: { address: "127.0.0.1", port: 0 },
      tls: { alpn: ["h3"], ...leaf },
      onSession: (session) => peers.push(new RawHttp3Peer(session)),
    });
    await using client = createHttpClient({ tls: { ca }, quic: { engine }, protocols: ["h3"] });
    const text = client
      .request(`https://127.0.0.1:${listener.local.port}`)
      .then((response) => response.text());
    await eventually("a session", () => peers.length === 1);
    await peers[0]?.control(plainSettings);
    await peers[0]?.next();
    await peers[0]?.control(goaway(0));
    await eventually("another session", () => peers.length === 2);
    const served = (await peers[1]?.next()) as RawHttp3Stream;
    await served.send(head, data("again"));
    await served.stream.end();
    expect(await text).toBe("again");
    client.abort();
    listener.abort();
  });
});
