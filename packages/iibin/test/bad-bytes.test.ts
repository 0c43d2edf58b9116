import { describe, expect, test } from "vitest";
import { createCodec } from "../src/codec.ts";
import { defineSchema } from "../src/schema.ts";

const fields = {
  n: { tag: 1, type: "int32" },
  text: { tag: 2, type: "string" },
  inner: { tag: 3, type: "S" },
  items: { tag: 4, type: "S", repeated: true },
  packed: { tag: 5, type: "int32", repeated: true, packed: true },
  fixed: { tag: 6, type: "fixed32", repeated: true, packed: true },
  map: { tag: 7, type: "S", map: "string" },
  long: { tag: 8, type: "uint64" },
  double: { tag: 9, type: "double" },
} as const;
const schemas = {
  protobuf: defineSchema("S", fields),
  king: defineSchema("S", fields, { profile: "king" }),
};
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

type Case = [why: string, hex: string, offset: number, path: string, message: string];

const everywhere: Case[] = [
  ["a key is cut short", "80", 0, "", "the message is cut short"],
  ["a value is missing", "08", 1, "n", "the message is cut short"],
  ["a varint is cut short", "08 80", 1, "n", "the message is cut short"],
  [
    "a varint has eleven bytes",
    "08 ffffffffffffffffffff01",
    1,
    "n",
    "a varint is larger than 64 bits",
  ],
  [
    "a varint has more than 64 bits",
    "40 ffffffffffffffffff02",
    1,
    "long",
    "a varint is larger than 64 bits",
  ],
  ["a double is cut short", "49 00000000000000", 1, "double", "the message is cut short"],
  [
    "a string is longer than what follows",
    "12 05 6162",
    1,
    "text",
    "a length is larger than what follows",
  ],
  ["a length is 2 GB", "12 ffffffff07 61", 1, "text", "a length is larger than what follows"],
  [
    "a length has 64 bits",
    "12 ffffffffffffffffff01 61",
    1,
    "text",
    "a length is larger than what follows",
  ],
  [
    "a message is longer than what follows",
    "1a 02 08",
    1,
    "inner",
    "a length is larger than what follows",
  ],
  [
    "a string is longer than its message",
    "1a 03 12 05 61 0800",
    3,
    "inner.text",
    "a length is larger than what follows",
  ],
  [
    "a value is longer than its message",
    "1a 02 08 80 0801",
    3,
    "inner.n",
    "the message is cut short",
  ],
  [
    "the fault lies deep",
    "22 00 22 08 1a 06 3a 04 12 02 08 80",
    11,
    "items[1].inner.map.n",
    "the message is cut short",
  ],
  ["text is no UTF-8", "12 02 c328", 2, "text", "a string is no UTF-8"],
  ["text has an overlong form", "12 02 c080", 2, "text", "a string is no UTF-8"],
  ["text has a surrogate", "12 03 eda080", 2, "text", "a string is no UTF-8"],
  ["long text is no UTF-8", `12 20 ${"61".repeat(31)}ff`, 2, "text", "a string is no UTF-8"],
  ["a packed list ends within an item", "2a 02 01 80", 3, "packed[1]", "the message is cut short"],
  [
    "a packed list is no multiple",
    "32 03 010000",
    2,
    "fixed[0]",
    "a packed list is no multiple of 4 bytes",
  ],
  ["a key is zero", "00 00", 1, "", "a field has number 0"],
  ["wire type 6", "0e", 1, "n", "wire type 6 does not exist"],
  ["wire type 7 of an unknown field", "7f", 1, "", "wire type 7 does not exist"],
  ["a group ends that did not begin", "7c", 1, "", "a group ends that did not begin"],
  [
    "a field number is too large",
    "80 80 80 80 80 01 00",
    0,
    "",
    "a field's number is larger than 536870911",
  ],
  [
    "a key is too long",
    "88 80 80 80 80 80 80 80 80 80 00",
    0,
    "",
    "a varint is longer than ten bytes",
  ],
  ["an unknown field is cut short", "7a 05 00", 1, "", "a length is larger than what follows"],
];
const inProtobuf: Case[] = [
  ["a group does not end", "7b 08 01", 3, "", "the message is cut short"],
  ["a group ends as another", "7b 08 01 0c", 4, "", "a group ends that did not begin"],
  ["a field has number 0", "02 01 61", 1, "", "a field has number 0"],
];
const inKing: Case[] = [
  ["a group comes", "7b 08 14", 1, "", "groups are refused by profile king"],
  ["a wire type is another", "0d 01020304", 0, "n", "wire type 5 is not that of the field"],
  [
    "a number has more than 32 bits",
    "08 80808080 10",
    1,
    "n",
    "a number does not fit 32 bits, signed",
  ],
  [
    "a number has more than 63 bits",
    "40 ffffffffffffffffff01",
    1,
    "long",
    "a number does not fit 63 bits",
  ],
];

for (const profile of ["protobuf", "king"] as const)
  describe.each([true, false])(`profile ${profile}, generated: %s`, (generate) => {
    const codec = createCodec(schemas[profile], { generate });
    const cases = [...everywhere, ...(profile === "king" ? inKing : inProtobuf)];
    test.each(cases)("%s: %s is refused", (_, hex, offset, path, message) => {
      const given = bytes(hex);
      const where = path === "" ? "S" : `S.${path}`;
      const refusal = expect.objectContaining({
        code: "KING_IIBIN_WIRE_INVALID",
        // King's wire types are checked before unknown ones are.
        message:
          profile === "king" && hex === "0e"
            ? expect.any(String)
            : `${where}: ${message} at byte ${offset}`,
      });
      expect(() => codec.decode(given)).toThrow(refusal);
      // The same within a Buffer on a larger slab, whose other bytes are nobody's business.
      const slab = Buffer.concat([Buffer.alloc(3, 8), given, Buffer.alloc(40, 8)]);
      expect(() => codec.decode(slab.subarray(3, 3 + given.length))).toThrow(refusal);
    });

    test("what is no Uint8Array is refused", () => {
      for (const given of ["00", [8, 1], new ArrayBuffer(2), null, undefined])
        expect(() => codec.decode(given as never)).toThrow(
          expect.objectContaining({ code: "KING_IIBIN_OPTION_INVALID" }),
        );
    });
  });

describe("profile protobuf", () => {
  const codec = createCodec(schemas.protobuf);

  test("skips groups, also within each other, and fields with another wire type", () => {
    const decoded = codec.decode(bytes("7b 83 01 08 01 84 01 7c 0d 01020304 08 05"));
    expect(decoded.n).toBe(5);
  });

  test("cuts numbers to 32 bits, and takes a negative one of five bytes", () => {
    expect(codec.decode(bytes("08 ffffffff0f")).n).toBe(-1);
    expect(codec.decode(bytes("08 8180808010")).n).toBe(1);
  });

  test("takes overlong varints, for keys, lengths and values", () => {
    const decoded = codec.decode(bytes("8880 00 8180 00 1282 00 6162"));
    expect(decoded).toMatchObject({ n: 1, text: "ab" });
  });

  test("merges a message that comes in parts, whatever kind its fields are", () => {
    const parts = bytes("1a 06 08 01 22 00 28 07 1a 09 12 01 61 22 00 28 08 08 00");
    expect(codec.decode(parts).inner).toMatchObject({
      n: 0,
      text: "a",
      items: [expect.anything(), expect.anything()],
      packed: [7, 8],
    });
  });

  test("many parts of a message take time in proportion", () => {
    const part = bytes("1a 02 08 01");
    const message = new Uint8Array(part.length * 200_000);
    for (let i = 0; i < message.length; i += part.length) message.set(part, i);
    expect(codec.decode(message).inner?.n).toBe(1);
  });
});
