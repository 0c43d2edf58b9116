import { describe, expect, test } from "vitest";
import { defineEnum } from "../src/enum.ts";
import { fromKing, type KingField } from "../src/from-king.ts";
import { Registry, type SchemaDescription } from "../src/registry.ts";
import { defineSchema } from "../src/schema.ts";

const registryOfTypes = () => {
  const registry = new Registry();
  defineEnum("Color", { RED: 0, GREEN: 1, NEG: -1 }, { registry });
  fromKing("Inner", { a: { tag: 1, type: "int32" }, b: { tag: 2, type: "string" } }, registry);
  return registry;
};

test("makes a schema of profile king from King's form", () => {
  const registry = registryOfTypes();
  const schema = fromKing(
    "All",
    {
      id: { tag: 1, type: "uint64", required: true },
      name: { tag: 2, type: "string", default: "anon" },
      color: { tag: 3, type: "Color", default: "GREEN" },
      inner: { tag: 4, type: "Inner", packed: false },
      numbers: { tag: 5, type: "repeated_sint32", packed: true },
      loose: { tag: 6, type: "repeated_double" },
      colors: { tag: 7, type: "repeated_Color", packed: true },
      inners: { tag: 8, type: "repeated_Inner", required: true },
      counts: { tag: 9, type: "map<string,int32>" },
      byKey: { tag: 10, type: "map<sfixed32,Inner>" },
      names: { tag: 11, type: "map<bool,Color>" },
      a: { tag: 12, type: "int32", oneof: "choice" },
      b: { tag: 13, type: "Inner", oneof: "choice" },
    },
    registry,
  );
  expect(registry.schema("All")).toBe(schema);
  const { profile, fields } = registry.describe("All") as SchemaDescription;
  expect(profile).toBe("king");
  expect(fields).toEqual([
    { name: "id", tag: 1, type: "uint64", presence: "required" },
    { name: "name", tag: 2, type: "string", presence: "explicit", default: "anon" },
    { name: "color", tag: 3, type: "Color", presence: "explicit", default: 1 },
    { name: "inner", tag: 4, type: "Inner", presence: "explicit" },
    { name: "numbers", tag: 5, type: "repeated sint32", presence: "explicit", packed: true },
    { name: "loose", tag: 6, type: "repeated double", presence: "explicit" },
    { name: "colors", tag: 7, type: "repeated Color", presence: "explicit", packed: true },
    { name: "inners", tag: 8, type: "repeated Inner", presence: "required" },
    { name: "counts", tag: 9, type: "map<string, int32>", presence: "explicit" },
    { name: "byKey", tag: 10, type: "map<sfixed32, Inner>", presence: "explicit" },
    { name: "names", tag: 11, type: "map<bool, Color>", presence: "explicit" },
    { name: "a", tag: 12, type: "int32", presence: "explicit", oneof: "choice" },
    { name: "b", tag: 13, type: "Inner", presence: "explicit", oneof: "choice" },
  ]);
});

describe("what King lacks", () => {
  test("keys of maps may have 64 bits", () => {
    const { fields } = fromKing("S", { m: { tag: 1, type: "map<int64,string>" } });
    expect(fields).toMatchObject([{ map: "int64", scalar: "string" }]);
  });

  test("a schema may name itself, without a registry too", () => {
    const tree = fromKing("Tree", { children: { tag: 1, type: "repeated_Tree" } });
    expect(tree.fields).toMatchObject([{ message: tree, repeated: true }]);
  });

  test("with a registry, a type may be defined later than it is named", () => {
    const registry = new Registry();
    const early = fromKing("Early", { late: { tag: 1, type: "Late" } }, registry);
    expect(() => early.fields).toThrow(
      "schema Early, field late: type: expected a type that exists, got Late",
    );
    const late = fromKing("Late", {}, registry);
    expect(early.fields).toMatchObject([{ message: late }]);
  });
});

test("fields may be called like something of JavaScript's", () => {
  const fields = Object.fromEntries([["__proto__", { tag: 1, type: "int32" }]]);
  expect(fromKing("S", fields).fields.map(({ name }) => name)).toEqual(["__proto__"]);
});

describe("what King refuses", () => {
  const int: KingField = { tag: 1, type: "int32" };
  test.each<[string, Record<string, unknown>, string]>([
    ["a tag used twice", { a: int, b: int }, "b: tag 1 is the tag of a already"],
    ["a tag of 0", { a: { ...int, tag: 0 } }, "a: tag: expected an integer from 1 to 536870911"],
    ["a tag that is text", { a: { ...int, tag: "1" } }, "a: tag: expected a number"],
    ["no tag", { a: { type: "int32" } }, "a: tag: expected an integer"],
    ["field_number", { a: { field_number: 1, type: "int32" } }, "expected the number as tag"],
    ["enum:Color", { a: { tag: 1, type: "enum:Color" } }, "expected the name alone, Color"],
    ["no type", { a: { tag: 1 } }, "a: type: expected the name of a type, got undefined"],
    ["an option King lacks", { a: { ...int, map: "string" } }, "got the option map"],
    ["a list for a field", { a: [1, "int32"] }, "a: expected { tag, type }, got an array"],
    ["keys of floating point", { a: { tag: 1, type: "map<float,int32>" } }, "for the keys"],
    ["keys of bytes", { a: { tag: 1, type: "map<bytes,int32>" } }, "for the keys"],
    ["keys of a message", { a: { tag: 1, type: "map<Inner,int32>" } }, "for the keys"],
    ["a map of maps", { a: { tag: 1, type: "map<string,map<string,int32>>" } }, "for the values"],
    ["a map of lists", { a: { tag: 1, type: "map<string,repeated_int32>" } }, "for the values"],
    ["a map without values", { a: { tag: 1, type: "map<string>" } }, "expected map<key,value>"],
    ["a map with no value type", { a: { tag: 1, type: "map<string,>" } }, "for the values"],
    ["blanks in a map", { a: { tag: 1, type: "map<string, int32>" } }, "without blanks"],
    ["a list of maps", { a: { tag: 1, type: "repeated_map<string,int32>" } }, "expected a list of"],
    ["a list of lists", { a: { tag: 1, type: "repeated_repeated_int32" } }, "expected a list of"],
    ["packed text", { a: { tag: 1, type: "repeated_string", packed: true } }, "a: packed is for"],
    [
      "packed messages",
      { a: { tag: 1, type: "repeated_Inner", packed: true } },
      "a: packed is for",
    ],
    ["packed alone", { a: { ...int, packed: true } }, "a: packed needs repeated: true"],
    ["a packed map", { a: { tag: 1, type: "map<string,int32>", packed: true } }, "a: packed needs"],
    [
      "packed as a number",
      { a: { tag: 1, type: "repeated_int32", packed: 1 } },
      "a boolean, got 1",
    ],
    ["required as text", { a: { ...int, required: "yes" } }, "required: expected a boolean"],
    [
      "default of a message",
      { a: { tag: 1, type: "Inner", default: 1 } },
      "default is for scalars",
    ],
    ["default of a list", { a: { tag: 1, type: "repeated_int32", default: 1 } }, "exclude each"],
    ["default of a map", { a: { tag: 1, type: "map<string,int32>", default: 1 } }, "exclude each"],
    ["default and required", { a: { ...int, required: true, default: 1 } }, "exclude each other"],
    ["default in a oneof", { a: { ...int, oneof: "o", default: 1 } }, "exclude each other"],
    ["default that is no member", { a: { tag: 1, type: "Color", default: "BLUE" } }, "a member of"],
    [
      "oneof of a list",
      { a: { tag: 1, type: "repeated_int32", oneof: "o" } },
      "exclude each other",
    ],
    ["oneof of a map", { a: { tag: 1, type: "map<string,int32>", oneof: "o" } }, "exclude each"],
    ["oneof and required", { a: { ...int, oneof: "o", required: true } }, "exclude each other"],
    ["a oneof without a name", { a: { ...int, oneof: "" } }, "oneof: expected a string"],
  ])("%s", (_, fields, says) => {
    const define = () => fromKing("S", fields as Record<string, KingField>, registryOfTypes());
    expect(define).toThrow(expect.objectContaining({ code: "KING_IIBIN_SCHEMA_INVALID" }));
    expect(define).toThrow(says);
  });

  test("a type that does not exist, without a registry", () => {
    expect(() => fromKing("S", { a: { tag: 1, type: "Color" } })).toThrow(
      "schema S, field a: type: expected a type that exists, got Color",
    );
  });

  test("a name that is taken", () => {
    expect(() => fromKing("Inner", {}, registryOfTypes())).toThrow(
      expect.objectContaining({ code: "KING_IIBIN_REGISTRY" }),
    );
  });

  test("a message of the other profile", () => {
    const registry = new Registry();
    defineSchema("P", {}, { registry });
    expect(() => fromKing("S", { p: { tag: 1, type: "P" } }, registry)).toThrow(
      "P is of profile protobuf, S is not",
    );
  });
});
