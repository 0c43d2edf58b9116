import fc from "fast-check";
import { expect, test } from "vitest";
import { createCodec } from "../src/codec.ts";
import { defineSchema } from "../src/schema.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200) * 10;

const codec = createCodec(defineSchema("Text", { text: { tag: 1, type: "string" } }));
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A message whose text is these bytes. */
function messageOf(bytes: Uint8Array): Uint8Array {
  const length =
    bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
  return Uint8Array.from([0x0a, ...length, ...bytes]);
}

test("text of any length and script is written as the platform writes it, and comes back", () => {
  const unit = fc.oneof(
    fc.constantFrom("a", "ü", "✓", "\u0800", "\uffff", "\ufeff", "\ufffd"),
    fc.string({ unit: "binary", maxLength: 2 }),
  );
  const text = fc.array(unit, { maxLength: 80 }).map((all) => all.join("").toWellFormed());
  fc.assert(
    fc.property(text, (given) => {
      const bytes = codec.encode({ text: given });
      const utf8 = new TextEncoder().encode(given);
      expect(bytes).toEqual(given === "" ? new Uint8Array(0) : messageOf(utf8));
      expect(codec.decode(bytes).text).toBe(given);
    }),
    { numRuns },
  );
});

test("bytes are text exactly when the platform's strict decoder says so", () => {
  const byte = fc.oneof(
    fc.constantFrom(
      0x61,
      0x80,
      0xbf,
      0xc0,
      0xc1,
      0xc2,
      0xdf,
      0xe0,
      0xa0,
      0x9f,
      0xed,
      0xef,
      0xf0,
      0x90,
      0x8f,
      0xf4,
      0xf5,
      0xff,
    ),
    fc.nat({ max: 255 }),
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 4, max: 255 }),
    fc.array(byte, { maxLength: 90 }).map((all) => Uint8Array.from(all)),
  );
  fc.assert(
    fc.property(bytes, (given) => {
      let expected: string | undefined;
      try {
        expected = strict.decode(given);
      } catch {
        expected = undefined;
      }
      if (expected !== undefined) expect(codec.decode(messageOf(given)).text).toBe(expected);
      else
        expect(() => codec.decode(messageOf(given))).toThrow(
          expect.objectContaining({ message: "Text.text: a string is no UTF-8 at byte 2" }),
        );
    }),
    { numRuns },
  );
});

test("every string of one or two units is written or refused as the standard says", () => {
  for (let unit = 0; unit < 0x1_0000; unit++)
    for (const text of [String.fromCharCode(unit), `${String.fromCharCode(unit)}\udc00`]) {
      if (text.isWellFormed()) {
        if (codec.decode(codec.encode({ text })).text !== text)
          expect.fail(`U+${unit.toString(16)}`);
      } else if (!throws(() => codec.encode({ text }))) expect.fail(`U+${unit.toString(16)}`);
    }
});

function throws(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch {
    return true;
  }
}
