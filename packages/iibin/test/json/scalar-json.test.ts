import { expect, test } from "vitest";
import { fromJson } from "../../src/json/from-json.ts";
import { toJson } from "../../src/json/to-json.ts";
import type { ScalarType } from "../../src/scalar-type.ts";
import { defineSchema } from "../../src/schema.ts";

const schemaOf = (type: ScalarType) => defineSchema("M", { x: { tag: 1, type, optional: true } });
const bytes = (...values: number[]) => Uint8Array.from(values);

test.each<[ScalarType, unknown, unknown]>([
  ["bool", true, true],
  ["bool", false, false],
  ["int32", -5, -5],
  ["int32", -0, 0],
  ["uint32", 4_294_967_295, 4_294_967_295],
  ["sfixed32", -2_147_483_648, -2_147_483_648],
  ["int64", -(2n ** 63n), "-9223372036854775808"],
  ["int64", 5, "5"],
  ["uint64", 2n ** 64n - 1n, "18446744073709551615"],
  ["fixed64", 0n, "0"],
  ["double", 0.1, 0.1],
  ["double", -0, -0],
  ["double", NaN, "NaN"],
  ["double", Infinity, "Infinity"],
  ["float", -Infinity, "-Infinity"],
  ["float", 1e300, "Infinity"],
  ["float", 0.1, 0.1],
  ["float", Math.fround(0.1), 0.1],
  ["float", Math.fround(16_777_217), 16_777_216],
  ["float", 3.4028234663852886e38, 3.4028235e38],
  ["float", 1e-45, 1.4013e-45],
  ["string", "héllo \0😀", "héllo \0😀"],
  ["bytes", bytes(), ""],
  ["bytes", bytes(255, 254, 253, 252), "//79/A=="],
  ["bytes", new Uint8Array(20_000), `${"A".repeat(26_667)}=`],
])("%s: %o is written as %o", (type, value, json) => {
  expect(toJson(schemaOf(type), { x: value } as never)).toEqual({ x: json });
});

test.each<[ScalarType, unknown]>([
  ["bool", 1],
  ["bool", "true"],
  ["int32", 1.5],
  ["int32", 2 ** 31],
  ["int32", 1n],
  ["int32", "1"],
  ["uint32", -1],
  ["int64", 2 ** 53],
  ["int64", 2n ** 63n],
  ["uint64", -1n],
  ["double", "1"],
  ["string", 5],
  ["string", "\ud800"],
  ["bytes", [1, 2]],
  ["bytes", "AAAA"],
])("%s: %o is no value to be written", (type, value) => {
  expect(() => toJson(schemaOf(type), { x: value } as never)).toThrow(
    expect.objectContaining({
      code: "KING_IIBIN_JSON_INVALID",
      details: { schema: "M", path: "x" },
    }),
  );
});

test.each<[ScalarType, unknown, unknown]>([
  ["bool", true, true],
  ["int32", 1, 1],
  ["int32", "1", 1],
  ["int32", "-1", -1],
  ["int32", "1e5", 100_000],
  ["int32", "1.0", 1],
  ["int32", "10e-1", 1],
  ["int32", "0e999999999999", 0],
  ["int32", -0, 0],
  ["int32", "-0", 0],
  ["int64", "9223372036854775807", 2n ** 63n - 1n],
  ["int64", -(2 ** 63), -(2n ** 63n)],
  ["int64", "1.5e1", 15n],
  ["uint64", "18446744073709551615", 2n ** 64n - 1n],
  ["uint64", 2 ** 64 - 2_048, 2n ** 64n - 2_048n],
  ["float", 0.1, Math.fround(0.1)],
  ["float", "1e-60", 0],
  ["float", "-Infinity", -Infinity],
  ["double", "1.5E+3", 1_500],
  ["double", "-0", -0],
  ["double", "NaN", NaN],
  ["string", "", ""],
  ["bytes", "//79/A==", bytes(255, 254, 253, 252)],
  ["bytes", "__79_A", bytes(255, 254, 253, 252)],
  ["bytes", "", bytes()],
])("%s: %o is read as %o", (type, json, value) => {
  expect(fromJson(schemaOf(type), { x: json })).toEqual({ x: value });
});

test.each<[ScalarType, unknown]>([
  ["bool", 0],
  ["bool", "true"],
  ["int32", 1.5],
  ["int32", "1.5"],
  ["int32", ""],
  ["int32", " 1"],
  ["int32", "+1"],
  ["int32", "01"],
  ["int32", "0x1"],
  ["int32", "1e"],
  ["int32", "1e-1"],
  ["int32", "2147483648"],
  ["int32", "1e999999999999"],
  ["int32", true],
  ["int32", []],
  ["uint32", -1],
  ["uint32", "4294967296"],
  ["int64", "9223372036854775808"],
  ["int64", 2 ** 63],
  ["int64", "123456789012345678901234567890"],
  ["int64", `1${"0".repeat(1_000_000)}1`],
  ["uint64", "-1"],
  ["float", 3.5e38],
  ["float", "-3.5e38"],
  ["float", "nan"],
  ["float", "inf"],
  ["double", "1.8e308"],
  ["double", Infinity],
  ["double", ""],
  ["double", ".5"],
  ["double", "1_000"],
  ["string", 5],
  ["string", "a\udc00"],
  ["bytes", 5],
  ["bytes", "A"],
  ["bytes", "AA A"],
  ["bytes", "AA="],
  ["bytes", "AA==="],
  ["bytes", "AAAA\n"],
  ["bytes", "ÄÄÄÄ"],
])("%s: %o is no JSON of it", (type, json) => {
  expect(() => fromJson(schemaOf(type), { x: json })).toThrow(
    expect.objectContaining({
      code: "KING_IIBIN_JSON_INVALID",
      details: { schema: "M", path: "x" },
    }),
  );
});

test("numbers of 64 bits can be read as numbers while those hold them exactly", () => {
  const schema = defineSchema("M", {
    x: { tag: 1, type: "int64" },
    y: { tag: 2, type: "fixed64" },
  });
  expect(fromJson(schema, { x: "-9007199254740991" }, { int64: "number" })).toEqual({
    x: -9_007_199_254_740_991,
    y: 0,
  });
  expect(() => fromJson(schema, { x: "9007199254740993" }, { int64: "number" })).toThrow(
    "M.x: expected an integer that a number holds exactly, got 9007199254740993n",
  );
});
