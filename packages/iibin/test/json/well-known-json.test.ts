import * as bufbuild from "@bufbuild/protobuf";
import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import * as wkt from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode } from "../../src/decode.ts";
import { encode } from "../../src/encode.ts";
import { fromJson } from "../../src/json/from-json.ts";
import type { JsonValue } from "../../src/json/json-value.ts";
import { toJson } from "../../src/json/to-json.ts";
import { defineSchema } from "../../src/schema.ts";
import { wellKnownTypes } from "../../src/well-known/well-known-types.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);
const types = wellKnownTypes();
const typeOf = (name: string) => types.schema(`google.protobuf.${name}`);

const moment = (seconds: number | bigint, nanos = 0) => ({ seconds: BigInt(seconds), nanos });
const value = (kind: string, content: unknown) => ({ [kind]: content });

describe("what is written and read back", () => {
  test.each<[string, object, JsonValue]>([
    ["Timestamp", moment(0), "1970-01-01T00:00:00Z"],
    ["Timestamp", moment(0, 1), "1970-01-01T00:00:00.000000001Z"],
    ["Timestamp", moment(1_709_208_000, 250_000_000), "2024-02-29T12:00:00.250Z"],
    ["Timestamp", moment(-1, 999_999_000), "1969-12-31T23:59:59.999999Z"],
    ["Timestamp", moment(-62_135_596_800), "0001-01-01T00:00:00Z"],
    ["Timestamp", moment(253_402_300_799, 999_999_999), "9999-12-31T23:59:59.999999999Z"],
    ["Duration", moment(0), "0s"],
    ["Duration", moment(1, 500_000_000), "1.500s"],
    ["Duration", moment(-1, -1_000), "-1.000001s"],
    ["Duration", moment(0, -1), "-0.000000001s"],
    ["Duration", moment(315_576_000_000, 999_999_999), "315576000000.999999999s"],
    ["FieldMask", { paths: [] }, ""],
    ["FieldMask", { paths: ["user.display_name", "photo", "_x"] }, "user.displayName,photo,X"],
    ["Empty", {}, {}],
    ["Struct", { fields: {} }, {}],
    ["Struct", { fields: { a: value("nullValue", 0) } }, { a: null }],
    ["ListValue", { values: [value("boolValue", false)] }, [false]],
    ["Value", value("nullValue", 0), null],
    ["Value", value("numberValue", 0), 0],
    ["Value", value("stringValue", ""), ""],
    ["Value", value("boolValue", true), true],
    ["Value", value("structValue", { fields: {} }), {}],
    ["Value", value("listValue", { values: [] }), []],
    ["DoubleValue", { value: 0 }, 0],
    ["FloatValue", { value: NaN }, "NaN"],
    ["Int64Value", { value: -5n }, "-5"],
    ["UInt64Value", { value: 0n }, "0"],
    ["Int32Value", { value: 1 }, 1],
    ["UInt32Value", { value: 4_294_967_295 }, 4_294_967_295],
    ["BoolValue", { value: false }, false],
    ["StringValue", { value: "x" }, "x"],
    ["BytesValue", { value: Uint8Array.of(1) }, "AQ=="],
  ])("%s %o is %j", (name, message, json) => {
    expect(toJson(typeOf(name), message)).toEqual(json);
    expect(fromJson(typeOf(name), json)).toEqual(message);
  });
});

test.each<[string, unknown, object]>([
  ["Timestamp", "1970-01-01T01:30:00.5+01:30", moment(0, 500_000_000)],
  ["Timestamp", "1969-12-31T16:00:00.1234567-08:00", moment(0, 123_456_700)],
  ["Duration", "1.5s", moment(1, 500_000_000)],
  ["Duration", "-0s", moment(0)],
])("%s is read from %j too", (name, json, message) => {
  expect(fromJson(typeOf(name), json)).toEqual(message);
});

test.each<[string, unknown]>([
  ["Timestamp", "1970-01-01T00:00:00"],
  ["Timestamp", "1970-01-01t00:00:00Z"],
  ["Timestamp", "1970-01-01T00:00:00z"],
  ["Timestamp", "1970-01-01 00:00:00Z"],
  ["Timestamp", "1970-01-01T00:00:00.Z"],
  ["Timestamp", "1970-01-01T00:00:00.0000000001Z"],
  ["Timestamp", "1970-01-01T00:00:00+24:00"],
  ["Timestamp", "1970-01-01T24:00:00Z"],
  ["Timestamp", "1970-01-01T23:59:60Z"],
  ["Timestamp", "2023-02-29T00:00:00Z"],
  ["Timestamp", "0000-12-31T23:59:59Z"],
  ["Timestamp", "0001-01-01T00:00:00+00:01"],
  ["Timestamp", "9999-12-31T23:59:59-00:01"],
  ["Timestamp", "+10000-01-01T00:00:00Z"],
  ["Timestamp", 0],
  ["Timestamp", { seconds: 0 }],
  ["Timestamp", null],
  ["Duration", "1"],
  ["Duration", "s"],
  ["Duration", "1.s"],
  ["Duration", ".5s"],
  ["Duration", "+1s"],
  ["Duration", "1.0000000001s"],
  ["Duration", "315576000001s"],
  ["Duration", "-315576000001s"],
  ["FieldMask", "a_b"],
  ["FieldMask", "a,,b"],
  ["FieldMask", ["a"]],
  ["Struct", []],
  ["Struct", "x"],
  ["ListValue", {}],
  ["Value", undefined],
  ["Value", 1n],
  ["Value", Infinity],
  ["Value", ["\ud800"]],
  ["Int32Value", { value: 1 }],
  ["BoolValue", null],
])("%s is not read from %o", (name, json) => {
  expect(() => fromJson(typeOf(name), json)).toThrow(
    expect.objectContaining({ code: "KING_IIBIN_JSON_INVALID" }),
  );
});

test.each<[string, object]>([
  ["Timestamp", moment(-62_135_596_801)],
  ["Timestamp", moment(253_402_300_800)],
  ["Timestamp", moment(0, -1)],
  ["Timestamp", moment(0, 1_000_000_000)],
  ["Timestamp", { secs: 1 }],
  ["Duration", moment(315_576_000_001)],
  ["Duration", moment(1, -1)],
  ["Duration", moment(-1, 1)],
  ["FieldMask", { paths: ["fooBar"] }],
  ["FieldMask", { paths: ["foo_3"] }],
  ["FieldMask", { paths: ["foo__bar"] }],
  ["FieldMask", { paths: ["a,b"] }],
  ["Value", {}],
  ["Value", { boolValue: true, stringValue: "x" }],
  ["Value", value("numberValue", NaN)],
])("%s %o has no JSON", (name, message) => {
  expect(() => toJson(typeOf(name), message)).toThrow(
    expect.objectContaining({ code: "KING_IIBIN_JSON_INVALID" }),
  );
});

test("fields absent from a message count as zero, and 64 bits may be a number", () => {
  expect(toJson(typeOf("Timestamp"), {})).toBe("1970-01-01T00:00:00Z");
  expect(toJson(typeOf("Duration"), { seconds: 5 })).toBe("5s");
  expect(toJson(typeOf("Int64Value"), {})).toBe("0");
  expect(toJson(typeOf("Struct"), {})).toEqual({});
  expect(fromJson(typeOf("Duration"), "5s", { int64: "number" })).toEqual({ seconds: 5, nanos: 0 });
});

test("null is a value of Value and NullValue, and absence of all else", () => {
  const Holder = defineSchema("Holder", {
    any: { tag: 1, type: typeOf("Value") },
    list: { tag: 2, type: typeOf("Value"), repeated: true },
    map: { tag: 3, type: typeOf("Value"), map: "string" },
    none: { tag: 4, type: types.enum("google.protobuf.NullValue"), oneof: "choice" },
    number: { tag: 5, type: typeOf("Int32Value"), oneof: "choice" },
    nones: { tag: 6, type: types.enum("google.protobuf.NullValue"), repeated: true },
  });
  const nothing = { list: [], map: {}, nones: [] };
  const nullValue = { nullValue: 0 };
  expect(fromJson(Holder, { any: null, list: null, map: null, number: null })).toEqual({
    ...nothing,
    any: nullValue,
  });
  const message = { any: nullValue, list: [nullValue], map: { a: nullValue }, none: 0, nones: [0] };
  const json = { any: null, list: [null], map: { a: null }, none: null, nones: [null] };
  expect(toJson(Holder, message)).toEqual(json);
  expect(fromJson(Holder, json)).toEqual(message);
  expect(fromJson(Holder, { none: "NULL_VALUE" })).toEqual({ ...nothing, none: 0 });
});

test("a type that only has the name of one is written like any message", () => {
  const Own = defineSchema("google.protobuf.Timestamp", { millis: { tag: 1, type: "double" } });
  expect(toJson(Own, { millis: 5 })).toEqual({ millis: 5 });
  expect(fromJson(Own, { millis: 5 })).toEqual({ millis: 5 });
});

describe("the same as of @bufbuild/protobuf", () => {
  const seconds = (min: number, max: number) => fc.integer({ min, max }).map(BigInt);
  const nanos = fc.oneof(
    fc.nat(999_999_999),
    fc.nat(999).map((ms) => ms * 1_000_000),
  );
  const cases: [string, DescMessage, fc.Arbitrary<object>][] = [
    [
      "Timestamp",
      wkt.TimestampSchema,
      fc.record({ seconds: seconds(-62_135_596_801, 253_402_300_800), nanos }),
    ],
    [
      "Duration",
      wkt.DurationSchema,
      fc
        .record({ seconds: seconds(0, 315_576_000_001), nanos, sign: fc.constantFrom(1, -1) })
        .map(({ seconds: whole, nanos: part, sign }) => ({
          seconds: whole * BigInt(sign),
          nanos: part * sign + 0,
        })),
    ],
    [
      "FieldMask",
      wkt.FieldMaskSchema,
      fc.record({ paths: fc.array(fc.stringMatching(/^[a-z][a-z_.]{0,6}[a-zA-Z]$/)) }),
    ],
    ["FloatValue", wkt.FloatValueSchema, fc.record({ value: fc.float() })],
    ["UInt64Value", wkt.UInt64ValueSchema, fc.record({ value: fc.bigInt(0n, 2n ** 64n - 1n) })],
    ["BytesValue", wkt.BytesValueSchema, fc.record({ value: fc.uint8Array() })],
  ];

  test.each(cases)("%s", (name, desc, messages) => {
    fc.assert(
      fc.property(messages, (message) => {
        const ours = attempt(() => toJson(typeOf(name), message));
        const theirs = attempt(() => bufbuild.toJson(desc, create(desc, message as never)));
        expect(asFloats(name, ours)).toEqual(asFloats(name, theirs));
        if (ours === refused) return;
        expect(fromJson(typeOf(name), theirs)).toEqual(fromJson(typeOf(name), ours));
      }),
      { numRuns },
    );
  });

  // They write all digits of a double.
  const asFloats = (name: string, json: unknown) =>
    name === "FloatValue" && typeof json === "number" ? Math.fround(json) : json;

  test("Struct, also as bytes", () => {
    const json = fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<
      Record<string, JsonValue>
    >;
    fc.assert(
      fc.property(json, (given) => {
        const ours = fromJson(typeOf("Struct"), given);
        const theirs = bufbuild.fromJson(wkt.StructSchema, given as never);
        expect(toJson(typeOf("Struct"), ours as never)).toEqual(given);
        const bytes = toBinary(wkt.StructSchema, theirs as never);
        expect(decode(typeOf("Struct"), bytes)).toEqual(ours);
        const back = fromBinary(wkt.StructSchema, encode(typeOf("Struct"), ours as never));
        expect(bufbuild.toJson(wkt.StructSchema, back)).toEqual(given);
      }),
      { numRuns },
    );
  });

  const refused = Symbol("refused");
  function attempt(make: () => unknown): unknown {
    try {
      return make();
    } catch {
      return refused;
    }
  }
});
