import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Http3Error, http3Codes } from "../../src/http3/codes.ts";
import { frame, frameHead } from "../../src/http3/frame-writer.ts";
import { CapsuleReader, closeCapsule, drainCapsule } from "../../src/webtransport/capsules.ts";
import { bytes } from "../http3/raw-http3-peer.ts";
import { rawClose } from "./raw-web-transport-peer.ts";

type Seen = readonly (string | number)[];

/** What is told of chunks, and how it ends. */
function read(chunks: readonly Uint8Array[]): { readonly seen: readonly Seen[]; end: string } {
  const seen: Seen[] = [];
  const reader = new CapsuleReader({
    onClose: (code, reason) => seen.push(["close", code, reason]),
    onDrain: () => seen.push(["drain"]),
    onDatagram: (payload) => seen.push(["datagram", Buffer.from(payload).toString("hex")]),
  });
  try {
    for (const chunk of chunks) reader.push(chunk);
    reader.end();
    return { seen, end: "end" };
  } catch (error) {
    if (!(error instanceof Http3Error)) throw error;
    return { seen, end: error.code === http3Codes.messageError ? "malformed" : String(error.code) };
  }
}

const each = (whole: Uint8Array) => Array.from(whole, (_, i) => whole.subarray(i, i + 1));

describe("capsules (RFC 9297, section 3.2)", () => {
  test("are told of, and unknown ones passed over", () => {
    const stream = bytes(
      frame(0x21, bytes("unknown")),
      frame(0, bytes("datagram")),
      drainCapsule(),
      frame(0x190b4d3d, new Uint8Array(100_000)),
      closeCapsule(0xffff_ffff, "göod bye"),
    );
    const expected = {
      seen: [
        ["datagram", Buffer.from("datagram").toString("hex")],
        ["drain"],
        ["close", 0xffff_ffff, "göod bye"],
      ],
      end: "end",
    };
    expect(read([stream])).toEqual(expected);
    expect(read(each(stream))).toEqual(expected);
  });

  test("a close is four bytes of code and a reason of at most 1,024", () => {
    expect(Buffer.from(closeCapsule(258, "ab")).toString("hex")).toBe("684306000001026162");
    const longest = "x".repeat(1_024);
    expect(read([closeCapsule(0, longest)])).toEqual({ seen: [["close", 0, longest]], end: "end" });
  });

  test.each([
    ["a close without a code", frame(0x2843, bytes("abc"))],
    ["a close with a reason that is too long", rawClose(0, "x".repeat(1_025))],
    ["a close with a reason that is not UTF-8", rawClose(0, Buffer.from([0x61, 0xff]))],
    ["a surrogate in UTF-8", rawClose(0, Buffer.from([0xed, 0xa0, 0x80]))],
    ["a drain with a payload", frame(0x78ae, bytes("x"))],
    ["an end within a head", Buffer.from([0x68])],
    ["an end within a payload", bytes(frameHead(0x2843, 10), bytes("abcd"))],
    ["an end within one that is passed over", bytes(frameHead(0x21, 10), bytes("abcd"))],
    ["a capsule after the close", bytes(rawClose(1, ""), drainCapsule())],
    ["a byte after the close", bytes(rawClose(1, ""), Buffer.from([0x40]))],
  ])("%s is malformed, however it is cut", (_, stream) => {
    expect(read([stream]).end).toBe("malformed");
    expect(read(each(stream))).toEqual(read([stream]));
  });

  test("one without end is passed over, and held nowhere", () => {
    const reader = new CapsuleReader({
      onClose: () => expect.unreachable(),
      onDrain: () => expect.unreachable(),
      onDatagram: () => expect.unreachable(),
    });
    // The largest length there is, of a type that is unknown, and of datagrams.
    reader.push(Buffer.from([0x21, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    const before = process.memoryUsage().arrayBuffers;
    const chunk = new Uint8Array(65_536).fill(0x68);
    for (let i = 0; i < 2_000; i++) reader.push(chunk);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
    const datagrams = new CapsuleReader({ onClose() {}, onDrain() {}, onDatagram() {} });
    datagrams.push(frameHead(0, 2 ** 50));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
    expect(() => datagrams.end()).toThrow("expected a whole one");
  });

  test("are the same however they are cut", () => {
    const anyBytes = fc.uint8Array({ maxLength: 40 });
    const piece = fc.oneof(
      anyBytes,
      fc
        .tuple(fc.constantFrom(0, 0x21, 0x2843, 0x78ae, 0x40), anyBytes)
        .map(([type, payload]) => frame(type, payload)),
      fc.tuple(fc.nat(), fc.string()).map(([code, reason]) => closeCapsule(code, reason)),
      fc.constant(drainCapsule()),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.array(fc.nat(60)), (pieces, cuts) => {
        const whole = bytes(...pieces);
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          chunks.push(whole.subarray(at, at + cut));
          at += cut;
        }
        chunks.push(whole.subarray(at));
        expect(read(each(whole))).toEqual(read([whole]));
        expect(read(chunks)).toEqual(read([whole]));
      }),
      { numRuns: Number(process.env["KING_FUZZ_RUNS"] ?? 200) },
    );
  });
});
