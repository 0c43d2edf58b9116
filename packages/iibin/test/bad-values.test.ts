import { describe, expect, test } from "vitest";
import { createCodec } from "../src/codec.ts";
import { defineEnum } from "../src/enum.ts";
import { defineSchema } from "../src/schema.ts";

const Level = defineEnum("Level", { LOW: 0, HIGH: 1 });
const Geo = defineSchema("Geo", { lat: { tag: 1, type: "double", required: true } });
const Everything = defineSchema("Everything", {
  double: { tag: 1, type: "double" },
  float: { tag: 2, type: "float" },
  int32: { tag: 3, type: "int32" },
  int64: { tag: 4, type: "int64" },
  uint32: { tag: 5, type: "uint32" },
  uint64: { tag: 6, type: "uint64" },
  sint32: { tag: 7, type: "sint32" },
  sint64: { tag: 8, type: "sint64" },
  fixed32: { tag: 9, type: "fixed32" },
  fixed64: { tag: 10, type: "fixed64" },
  sfixed32: { tag: 11, type: "sfixed32" },
  sfixed64: { tag: 12, type: "sfixed64" },
  bool: { tag: 13, type: "bool" },
  string: { tag: 14, type: "string" },
  bytes: { tag: 15, type: "bytes" },
  level: { tag: 16, type: Level },
  geo: { tag: 17, type: Geo },
  list: { tag: 18, type: "int32", repeated: true },
  names: { tag: 19, type: "string", repeated: true },
  places: { tag: 20, type: Geo, repeated: true },
  ages: { tag: 21, type: "uint32", map: "string" },
  byNumber: { tag: 22, type: Geo, map: "int32" },
  byLong: { tag: 23, type: "string", map: "uint64" },
  byFlag: { tag: 24, type: Level, map: "bool" },
  left: { tag: 25, type: "int32", oneof: "side" },
  right: { tag: 26, type: "string", oneof: "side" },
});

const cases: [value: unknown, path: string, message: string][] = [
  [{ double: "1" }, "double", "expected a number, got a string of 1 characters"],
  [{ float: 1n }, "float", "expected a number, got 1n"],
  [{ int32: 1.5 }, "int32", "expected an integer from -2^31 to 2^31-1, got 1.5"],
  [{ int32: 2 ** 31 }, "int32", "expected an integer from -2^31 to 2^31-1, got 2147483648"],
  [{ int32: 5n }, "int32", "expected an integer from -2^31 to 2^31-1, got 5n"],
  [{ sint32: Number.NaN }, "sint32", "expected an integer from -2^31 to 2^31-1, got NaN"],
  [{ sfixed32: true }, "sfixed32", "expected an integer from -2^31 to 2^31-1, got true"],
  [{ uint32: -1 }, "uint32", "expected an integer from 0 to 2^32-1, got -1"],
  [{ fixed32: 2 ** 32 }, "fixed32", "expected an integer from 0 to 2^32-1, got 4294967296"],
  [
    { int64: 2 ** 53 },
    "int64",
    "expected a bigint or safe integer from -2^63 to 2^63-1, got 9007199254740992",
  ],
  [
    { int64: 2n ** 63n },
    "int64",
    "expected a bigint or safe integer from -2^63 to 2^63-1, got 9223372036854775808n",
  ],
  [
    { sint64: "1" },
    "sint64",
    "expected a bigint or safe integer from -2^63 to 2^63-1, got a string of 1 characters",
  ],
  [
    { sfixed64: -(2n ** 63n) - 1n },
    "sfixed64",
    "expected a bigint or safe integer from -2^63 to 2^63-1, got -9223372036854775809n",
  ],
  [{ uint64: -1 }, "uint64", "expected a bigint or safe integer from 0 to 2^64-1, got -1"],
  [
    { uint64: 2n ** 64n },
    "uint64",
    "expected a bigint or safe integer from 0 to 2^64-1, got 18446744073709551616n",
  ],
  [{ fixed64: 1.5 }, "fixed64", "expected a bigint or safe integer from 0 to 2^64-1, got 1.5"],
  [{ bool: 1 }, "bool", "expected a boolean, got 1"],
  [{ string: 7 }, "string", "expected text without lone surrogates, got 7"],
  [
    { string: "\ud800" },
    "string",
    "expected text without lone surrogates, got a string of 1 characters",
  ],
  [
    { string: `${"x".repeat(40)}\udfff` },
    "string",
    "expected text without lone surrogates, got a string of 41 characters",
  ],
  [{ bytes: "AA==" }, "bytes", "expected a Uint8Array, got a string of 4 characters"],
  [{ bytes: [1] }, "bytes", "expected a Uint8Array, got an array"],
  [
    { level: "MIDDLE" },
    "level",
    "expected a member of Level or an integer of 32 bits, got a string of 6 characters",
  ],
  [{ level: 0.5 }, "level", "expected a member of Level or an integer of 32 bits, got 0.5"],
  [{ geo: 1 }, "geo", "expected an object, a message of Geo, got 1"],
  [{ geo: {} }, "geo.lat", "expected a value, for the field is required, got undefined"],
  [{ geo: { lat: null } }, "geo.lat", "expected a value, for the field is required, got null"],
  [{ geo: { lat: 1, lng: 2 } }, "geo.lng", "expected a field of Geo, got an unknown one"],
  [{ list: 1 }, "list", "expected an array, got 1"],
  [{ list: [1, null] }, "list[1]", "expected an integer from -2^31 to 2^31-1, got null"],
  [{ list: new Array(1) }, "list[0]", "expected an integer from -2^31 to 2^31-1, got undefined"],
  [
    { names: ["a", "\udc00"] },
    "names[1]",
    "expected text without lone surrogates, got a string of 1 characters",
  ],
  [
    { places: [{ lat: 1 }, { lat: "2" }] },
    "places[1].lat",
    "expected a number, got a string of 1 characters",
  ],
  [{ places: [{ lat: 1 }, null] }, "places[1]", "expected an object, a message of Geo, got null"],
  [{ ages: [1] }, "ages", "expected an object or a Map, got an array"],
  [{ ages: { ada: -1 } }, "ages[*]", "expected an integer from 0 to 2^32-1, got -1"],
  [{ ages: new Map([[1, 1]]) }, "ages", "expected as key text without lone surrogates, got 1"],
  [
    { byNumber: { x: { lat: 1 } } },
    "byNumber",
    "expected as key an integer from -2^31 to 2^31-1, got a string of 1 characters",
  ],
  [
    { byNumber: { "01": { lat: 1 } } },
    "byNumber",
    "expected as key an integer from -2^31 to 2^31-1, got a string of 2 characters",
  ],
  [
    { byNumber: { 7: {} } },
    "byNumber[7].lat",
    "expected a value, for the field is required, got undefined",
  ],
  [
    { byLong: { "18446744073709551616": "x" } },
    "byLong",
    "expected as key a bigint or safe integer from 0 to 2^64-1, got 18446744073709551616n",
  ],
  [{ byFlag: { yes: 1 } }, "byFlag", "expected as key a boolean, got a string of 3 characters"],
  [
    { byFlag: { true: "NONE" } },
    "byFlag[true]",
    "expected a member of Level or an integer of 32 bits, got a string of 4 characters",
  ],
  [
    { left: 1, right: "x" },
    "right",
    "expected no member of side beside left, got a string of 1 characters",
  ],
  [{ "no name": 1 }, "[*]", "expected a field of Everything, got an unknown one"],
  [{ colour: 1 }, "colour", "expected a field of Everything, got an unknown one"],
];

describe.each([true, false])("generated: %s", (generate) => {
  const codec = createCodec(Everything, { generate });

  test.each(cases)("%o is refused at %s", (value, path, message) => {
    const refusal = expect.objectContaining({
      code: "KING_IIBIN_VALUE_INVALID",
      message: `Everything${path.startsWith("[") ? "" : "."}${path}: ${message}`,
      details: expect.objectContaining({ path }),
    });
    expect(() => codec.encode(value as object)).toThrow(refusal);
    // Nobody else is affected, and nothing of it is left in memory that is handed out later.
    expect(codec.encode({ int32: 1 })).toEqual(new Uint8Array([0x18, 1]));
  });

  test.each([
    undefined,
    null,
    1,
    "text",
    [],
    [1],
    new Date(0),
    new Uint8Array(0),
    new Uint8Array(1),
    new Map(),
    () => 1,
  ])("%o is no message", (value) => {
    expect(() => codec.encode(value as object)).toThrow(
      expect.objectContaining({ code: "KING_IIBIN_VALUE_INVALID" }),
    );
  });

  test("null and undefined are absent, the other member of a oneof included", () => {
    expect(codec.encode({ left: null, right: "x", geo: undefined, list: null })).toEqual(
      new Uint8Array([0xd2, 1, 1, 0x78]),
    );
  });

  test("a field is read once, by name, from objects of any class", () => {
    let reads = 0;
    class Point {
      get int32() {
        reads++;
        return 7;
      }
    }
    expect(codec.encode(new Point())).toEqual(new Uint8Array([0x18, 7]));
    expect(reads).toBe(1);
  });

  test("a getter may encode something itself", () => {
    const message = {
      string: "before",
      get names() {
        return [Buffer.from(codec.encode({ string: "inside" })).toString("latin1")];
      },
    };
    const decoded = codec.decode(codec.encode(message)) as { string: string; names: string[] };
    expect(decoded.string).toBe("before");
    expect(decoded.names[0]).toContain("inside");
  });

  test("what a getter throws passes through, and the next message is whole", () => {
    const message = {
      int32: 1,
      get string(): string {
        throw new RangeError("not now");
      },
    };
    expect(() => codec.encode(message)).toThrow(new RangeError("not now"));
    expect(codec.encode({ int32: 1 })).toEqual(new Uint8Array([0x18, 1]));
  });

  test("a required list may not be empty", () => {
    const S = defineSchema("S", { ids: { tag: 1, type: "int32", repeated: true, required: true } });
    const refusal = expect.objectContaining({ code: "KING_IIBIN_VALUE_INVALID" });
    for (const value of [{ ids: [] }, {}])
      expect(() => createCodec(S, { generate }).encode(value as never)).toThrow(refusal);
  });

  test("lists of numbers may be typed arrays, maps may be Map", () => {
    const decoded = codec.decode(
      codec.encode({ list: Int32Array.of(1, -2), byLong: new Map([[2n ** 63n, "x"]]) }),
    );
    expect(decoded).toMatchObject({ list: [1, -2], byLong: { "9223372036854775808": "x" } });
  });
});
