import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Http3Error, http3Codes } from "../../src/http3/codes.ts";
import { FrameReader } from "../../src/http3/frame-reader.ts";
import { frame } from "../../src/http3/frame-writer.ts";
import { decodeFields, FieldSectionTooLarge } from "../../src/http3/qpack/decode-fields.ts";
import { encodeFields } from "../../src/http3/qpack/encode-fields.ts";
import { huffmanLength, readHuffman, writeHuffman } from "../../src/http3/qpack/huffman.ts";
import { DecoderStreamReader, EncoderStreamReader } from "../../src/http3/qpack/instructions.ts";
import { staticTable } from "../../src/http3/qpack/static-table.ts";
import { readSettings, settingsFrame } from "../../src/http3/settings.ts";
import { readVarint, varintBytes, varints } from "../../src/http3/varint.ts";

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const withCode = (code: number) => expect.objectContaining({ code });
const runs = { numRuns: Number(process.env["KING_FUZZ_RUNS"] ?? 300) };

describe("variable-length integers (RFC 9000, appendix A.1)", () => {
  test.each([
    ["9d7f3e7d", 494_878_333],
    ["7bbd", 15_293],
    ["25", 37],
    ["4025", 37],
  ])("%s is %i", (bytes, value) => {
    expect(readVarint(hex(bytes), 0)).toBe(value);
    expect(varintBytes(hex(bytes)[0] as number)).toBe(bytes.length / 2);
  });

  test("are written as short as they can be, and read back", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const bytes = varints(value);
        expect(readVarint(bytes, 0)).toBe(value);
        expect(bytes.length).toBe(varintBytes(bytes[0] as number));
      }),
      runs,
    );
  });

  test("beyond what a number holds are no small ones", () => {
    expect(readVarint(hex("c2197c5eff14e88c"), 0)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("Huffman codes (RFC 7541, appendix C)", () => {
  test.each([
    ["www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"],
    ["no-cache", "a8eb10649cbf"],
    ["custom-key", "25a849e95ba97d7f"],
    ["custom-value", "25a849e95bb8e8b4bf"],
    ["302", "6402"],
    ["Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"],
  ])("%s", (text, coded) => {
    const bytes = new Uint8Array(huffmanLength(text));
    expect(writeHuffman(bytes, 0, text)).toBe(bytes.length);
    expect(toHex(bytes)).toBe(coded);
    expect(readHuffman(bytes, 0, bytes.length)).toBe(text);
  });

  test("of all octets are read back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        const text = Buffer.from(octets).toString("latin1");
        const bytes = new Uint8Array(huffmanLength(text));
        writeHuffman(bytes, 0, text);
        expect(readHuffman(bytes, 0, bytes.length)).toBe(text);
      }),
      runs,
    );
  });

  test.each([
    ["padding of zeros", "f1e3c2e5f23a6ba0ab90f400"],
    ["padding of more than seven bits", "f1e3c2e5f23a6ba0ab90f4ffff"],
    ["the end of the string within", "3fffffff"],
  ])("with %s are none", (_, coded) => {
    const bytes = hex(coded);
    expect(readHuffman(bytes, 0, bytes.length)).toBeUndefined();
  });
});

describe("field sections (RFC 9204)", () => {
  test("with a name of the static table (appendix B.1)", () => {
    expect(decodeFields(hex("0000 510b 2f69 6e64 6578 2e68 746d 6c"), 1_000)).toEqual([
      ":path",
      "/index.html",
    ]);
  });

  test("the static table is that of appendix A", () => {
    expect(staticTable).toHaveLength(99);
    expect([
      staticTable[0],
      staticTable[17],
      staticTable[25],
      staticTable[63],
      staticTable[98],
    ]).toEqual([
      [":authority", ""],
      [":method", "GET"],
      [":status", "200"],
      [":status", "100"],
      ["x-frame-options", "sameorigin"],
    ]);
  });

  test("small ones are small", () => {
    const head = [":method", "GET", ":scheme", "https", ":authority", "a.example", ":path", "/"];
    const bytes = encodeFields(head);
    // Two for the prefix, one each for three known fields, and the name of the host.
    expect(toHex(bytes).slice(0, 8)).toBe("0000d1d7");
    expect(bytes.length).toBeLessThan(16);
  });

  test("any fields are read back", () => {
    const octets = fc
      .uint8Array({ maxLength: 60 })
      .map((each) => Buffer.from(each).toString("latin1"));
    const name = fc.oneof(fc.constantFrom(...staticTable.map(([each]) => each)), octets);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, octets), { maxLength: 30 }),
        fc.boolean(),
        (pairs, secret) => {
          const fields = pairs.flat();
          expect(
            decodeFields(
              encodeFields(fields, () => secret),
              1e6,
            ),
          ).toEqual(fields);
        },
      ),
      runs,
    );
  });

  test("secrets are literals that are never to be put into a table", () => {
    const [, , first] = encodeFields(
      ["authorization", "Basic x"],
      (name) => name === "authorization",
    );
    expect((first as number) & 0b0111_0000).toBe(0b0111_0000);
  });

  test.each([
    ["a reference to the dynamic table by its insert count", "0200 d1"],
    ["a field of the dynamic table", "0000 80"],
    ["a name of the dynamic table", "0000 4003 616263"],
    ["a field behind the base", "0000 10"],
    ["a name behind the base", "0000 0003 616263"],
    ["a field that the static table has not", "0000 ff24"],
    ["a string that is cut", "0000 5105 2f69"],
    ["an integer without an end", "0000 ffffffffffffffff"],
    ["nothing", ""],
    ["a string that is no Huffman code", "0000 51 84 ffffffff"],
  ])("with %s are refused (QPACK_DECOMPRESSION_FAILED)", (_, bytes) => {
    expect(() => decodeFields(hex(bytes), 1_000)).toThrow(withCode(http3Codes.decompressionFailed));
  });

  test("are bounded by names, values and 32 bytes a field", () => {
    const bytes = encodeFields(["a", "b".repeat(100)]);
    expect(decodeFields(bytes, 133)).toHaveLength(2);
    expect(() => decodeFields(bytes, 132)).toThrow(FieldSectionTooLarge);
  });

  test("of any bytes are fields, or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          expect(decodeFields(bytes, 1_000).length % 2).toBe(0);
        } catch (error) {
          if (error instanceof FieldSectionTooLarge) return;
          expect((error as Http3Error).code).toBe(http3Codes.decompressionFailed);
        }
      }),
      runs,
    );
  });
});

describe("QPACK's own streams", () => {
  test("an encoder that is given no table uses none", () => {
    const reader = new EncoderStreamReader();
    reader.push(hex("20"));
    expect(() => reader.push(hex("3fe11f"))).toThrow(withCode(http3Codes.encoderStreamError));
    expect(() => reader.push(hex("c0"))).toThrow(withCode(http3Codes.encoderStreamError));
  });

  test("a decoder tells of streams it gave up, however that is cut, and acknowledges nothing", () => {
    const reader = new DecoderStreamReader();
    for (const octet of hex("447f817f7f01")) reader.push(Uint8Array.of(octet));
    expect(() => reader.push(hex("84"))).toThrow(withCode(http3Codes.decoderStreamError));
    expect(() => new DecoderStreamReader().push(hex("01"))).toThrow(
      withCode(http3Codes.decoderStreamError),
    );
  });
});

describe("settings (RFC 9114, section 7.2.4)", () => {
  const ours = {
    maxFieldSectionSize: 32_768,
    enableConnectProtocol: true,
    datagrams: true,
    webTransportSessions: 16,
  };

  test("are read back, and unknown ones ignored", () => {
    const payload = settingsFrame(ours).subarray(2);
    expect(readSettings(payload)).toEqual(ours);
    expect(readSettings(Buffer.concat([payload, varints(0x21, 7, 0xabcdef, 1)]))).toEqual(ours);
    expect(readSettings(new Uint8Array(0))).toEqual({
      maxFieldSectionSize: Number.POSITIVE_INFINITY,
      enableConnectProtocol: false,
      datagrams: false,
      webTransportSessions: 0,
    });
  });

  test.each([
    ["one twice", varints(6, 1, 6, 1), http3Codes.settingsError],
    ["one of HTTP/2", varints(4, 1), http3Codes.settingsError],
    ["a flag that is none", varints(8, 2), http3Codes.settingsError],
    ["half a pair", varints(6), http3Codes.frameError],
    ["half an integer", Uint8Array.of(6, 0x80), http3Codes.frameError],
  ])("%s is refused", (_, payload, code) => {
    expect(() => readSettings(payload)).toThrow(withCode(code));
  });
});

/** What a reader tells of `chunks`; frames of odd types are streamed, those of type 4 and 6 skipped. */
function told(chunks: readonly Uint8Array[]) {
  const events: [string, number, string][] = [];
  let current = 0;
  const reader = new FrameReader({
    onFrame(type) {
      current = type;
      if (type % 2 === 1) events.push(["stream", type, ""]);
      return type % 2 === 1 ? "stream" : type === 4 || type === 6 ? "skip" : "whole";
    },
    onPayload: (type, payload) => events.push(["whole", type, toHex(payload)]),
    onData(chunk) {
      const last = events.at(-1);
      if (last?.[0] === "stream" && last[1] === current) last[2] += toHex(chunk);
    },
  });
  for (const chunk of chunks) reader.push(chunk);
  return { events, isBetweenFrames: reader.isBetweenFrames };
}

describe("frames (RFC 9114, section 7.1)", () => {
  const frames = fc.array(
    fc.tuple(fc.oneof(fc.nat(20), fc.maxSafeNat()), fc.uint8Array({ maxLength: 300 })),
    { maxLength: 8 },
  );

  test("are the same however their bytes are cut", () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 })), (list, cuts) => {
        const bytes = Buffer.concat(list.map(([type, payload]) => frame(type, payload)));
        const pieces: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          if (at >= bytes.length) break;
          pieces.push(bytes.subarray(at, at + cut));
          at += cut;
        }
        pieces.push(bytes.subarray(at));
        const whole = told([bytes]);
        expect(told(pieces)).toEqual(whole);
        expect(told([...bytes].map((octet) => Uint8Array.of(octet)))).toEqual(whole);
        expect(whole.isBetweenFrames).toBe(true);
      }),
      runs,
    );
  });

  test("that are cut by the end of the stream are refused (H3_FRAME_ERROR)", () => {
    const bytes = frame(0, new Uint8Array(10));
    for (let length = 1; length < bytes.length; length++) {
      const reader = new FrameReader({
        onFrame: () => "skip",
        onPayload: () => undefined,
        onData: () => undefined,
      });
      reader.push(bytes.subarray(0, length));
      expect(() => reader.end()).toThrow(withCode(http3Codes.frameError));
    }
  });
});
