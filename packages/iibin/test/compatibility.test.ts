import { describe, expect, test } from "vitest";
import { checkCompatibility } from "../src/compatibility.ts";
import { defineEnum } from "../src/enum.ts";
import { importProto } from "../src/proto/import-proto.ts";
import { Registry } from "../src/registry.ts";
import type { Reserved } from "../src/reserved.ts";
import {
  type AnySchema,
  defineSchema,
  type FieldDefinitions,
  type Profile,
} from "../src/schema.ts";

const Level = defineEnum("Level", { LOW: 0, HIGH: 1 });
const Inner = defineSchema("Inner", { a: { tag: 1, type: "int32" } });
const KingInner = defineSchema("Inner", { a: { tag: 1, type: "int32" } }, { profile: "king" });

/** What changes when `M` has other fields: breaks, and warnings after a question mark. */
function changes(old: FieldDefinitions, next: FieldDefinitions, profile: Profile = "protobuf") {
  const found = checkCompatibility(
    defineSchema("M", old, { profile }),
    defineSchema("M", next, { profile }),
  );
  expect(found.compatible).toBe(found.breaks.length === 0);
  return [...found.breaks.map(({ rule }) => rule), ...found.warnings.map(({ rule }) => `?${rule}`)];
}

type Row = [what: string, old: FieldDefinitions, next: FieldDefinitions, rules: string[]];

const field = (type: string, more: object = {}) => ({ a: { tag: 1, type, ...more } });

describe("what changes nothing on the wire", () => {
  test.each<Row>([
    ["nothing at all", field("int32"), field("int32"), []],
    ["a new field", field("int32"), { ...field("int32"), b: { tag: 2, type: "string" } }, []],
    [
      "a list that is packed",
      field("int32", { repeated: true, packed: false }),
      field("int32", { repeated: true, packed: true }),
      [],
    ],
    [
      "another order",
      { a: { tag: 1, type: "bool" }, b: { tag: 2, type: "bool" } },
      {
        b: { tag: 2, type: "bool" },
        a: { tag: 1, type: "bool" },
      },
      [],
    ],
    ["a field that is gone", field("int32"), {}, ["?field-removed"]],
    ["another name", field("int32"), { b: { tag: 1, type: "int32" } }, ["?json-name-changed"]],
    [
      "another key with the same names",
      field("int32"),
      {
        b: { tag: 1, type: "int32", protoName: "a" },
      },
      [],
    ],
    [
      "another name in JSON",
      field("int32"),
      field("int32", { jsonName: "z" }),
      ["?json-name-changed"],
    ],
    ["presence", field("int32"), field("int32", { optional: true }), ["?presence-changed"]],
    ["presence taken", field("int32", { optional: true }), field("int32"), ["?presence-changed"]],
    ["a default", field("int32"), field("int32", { default: 7 }), ["?default-changed"]],
    [
      "another default",
      field("int32", { default: 6 }),
      field("int32", { default: 7 }),
      ["?default-changed"],
    ],
    [
      "the same default",
      field("bytes", { default: Uint8Array.of(1) }),
      field("bytes", { default: Uint8Array.of(1) }),
      [],
    ],
    ["text that may be any bytes", field("string"), field("bytes"), ["?json-form-changed"]],
  ])("%s", (_, old, next, rules) => {
    expect(changes(old, next)).toEqual(rules);
    expect(changes(old, next, "king")).toEqual(
      // Every field of profile king has presence.
      rules.filter((rule) => rule !== "?presence-changed"),
    );
  });

  test("a message that becomes bytes, or an enum an integer", () => {
    const of = (type: FieldDefinitions[string]["type"]) => ({ a: { tag: 1, type } });
    expect(changes(of(Inner), of("bytes"))).toEqual(["?json-form-changed", "?presence-changed"]);
    expect(changes(of(KingInner), of("bytes"), "king")).toEqual(["?json-form-changed"]);
    expect(changes(of(Level), of("int32"))).toEqual(["?json-form-changed"]);
    expect(changes(of("int32"), of(Level))).toEqual(["?json-form-changed"]);
  });
});

describe("what breaks in either profile", () => {
  test.each<Row>([
    ["a number that becomes text", field("int32"), field("string"), ["wire-type-changed"]],
    ["a number of other width", field("fixed32"), field("fixed64"), ["wire-type-changed"]],
    ["float and double", field("float"), field("double"), ["wire-type-changed"]],
    ["an integer that becomes a fraction", field("fixed32"), field("float"), ["type-changed"]],
    ["int and sint", field("int32"), field("sint32"), ["type-changed"]],
    ["sint and int", field("sint64"), field("int64"), ["type-changed"]],
    ["sint and bool", field("sint32"), field("bool"), ["type-changed"]],
    ["bytes that become text", field("bytes"), field("string"), ["type-changed"]],
    [
      "a value and a list",
      field("string"),
      field("string", { repeated: true }),
      ["cardinality-changed"],
    ],
    [
      "a list and a value",
      field("string", { repeated: true }),
      field("string"),
      ["cardinality-changed"],
    ],
    [
      "a list and a map",
      field("string", { repeated: true }),
      field("string", { map: "int32" }),
      ["cardinality-changed"],
    ],
    [
      "a map and a value",
      field("string", { map: "int32" }),
      field("string"),
      ["cardinality-changed"],
    ],
    [
      "items of a list",
      field("int32", { repeated: true }),
      field("string", { repeated: true }),
      ["wire-type-changed"],
    ],
    [
      "keys of a map",
      field("int32", { map: "int32" }),
      field("int32", { map: "string" }),
      ["wire-type-changed"],
    ],
    [
      "values of a map",
      field("int32", { map: "int32" }),
      field("sint32", { map: "int32" }),
      ["type-changed"],
    ],
    [
      "keys and values of a map",
      field("int32", { map: "int32" }),
      field("string", { map: "sint32" }),
      ["type-changed", "wire-type-changed"],
    ],
    [
      "a field that becomes required",
      field("string", { optional: true }),
      field("string", { required: true }),
      ["required-added"],
    ],
    ["a new required field", {}, field("string", { required: true }), ["required-added"]],
    [
      "a field that is required no more",
      field("string", { required: true }),
      field("string", { optional: true }),
      ["required-removed"],
    ],
    [
      "a required field that is gone",
      field("string", { required: true }),
      {},
      ["required-removed"],
    ],
    [
      "a tag of another field and type",
      field("int32"),
      { b: { tag: 1, type: "string" } },
      ["tag-reused"],
    ],
    ["another tag", field("int32"), { a: { tag: 2, type: "int32" } }, ["tag-changed"]],
    [
      "tags that were swapped",
      { a: { tag: 1, type: "int32" }, b: { tag: 2, type: "int32" } },
      { a: { tag: 2, type: "int32" }, b: { tag: 1, type: "int32" } },
      ["tag-changed", "tag-changed"],
    ],
    [
      "another tag, the old one reused",
      field("int32"),
      { a: { tag: 2, type: "int32" }, b: { tag: 1, type: "string" } },
      ["tag-changed", "tag-reused"],
    ],
  ])("%s", (_, old, next, rules) => {
    expect(changes(old, next)).toEqual(rules);
    expect(changes(old, next, "king")).toEqual(rules);
  });

  test("bytes or text that becomes a message, and a message that becomes another type", () => {
    const of = (type: FieldDefinitions[string]["type"]) => ({ a: { tag: 1, type } });
    expect(changes(of("bytes"), of(Inner))).toEqual(["type-changed"]);
    expect(changes(of("string"), of(Inner))).toEqual(["type-changed"]);
    expect(changes(of(Inner), of("string"))).toEqual(["type-changed"]);
    expect(changes(of(Inner), of("int32"))).toEqual(["wire-type-changed"]);
    expect(changes(of(Level), of(Inner))).toEqual(["wire-type-changed"]);
    expect(changes(of(Level), of("sint32"))).toEqual(["type-changed"]);
  });

  test("the profile", () => {
    const { breaks } = checkCompatibility(
      defineSchema("M", field("int32", { optional: true })),
      defineSchema("M", field("int32"), { profile: "king" }),
    );
    expect(breaks).toMatchObject([{ rule: "profile-changed", schema: "M" }]);
  });
});

describe("integers of another range", () => {
  test.each([
    ["int32", "int64", "?range-changed", "?range-changed"],
    ["int64", "int32", "?range-changed", "range-narrowed"],
    ["int32", "uint32", "?range-changed", "range-narrowed"],
    ["uint32", "int64", "?range-changed", "?range-changed"],
    ["uint32", "int32", "?range-changed", "range-narrowed"],
    ["bool", "uint64", "?range-changed", "?range-changed"],
    ["uint64", "bool", "?range-changed", "range-narrowed"],
    ["sint32", "sint64", "?range-changed", "?range-changed"],
    ["sint64", "sint32", "?range-changed", "range-narrowed"],
    ["fixed32", "sfixed32", "?range-changed", "range-narrowed"],
    ["sfixed64", "fixed64", "?range-changed", "range-narrowed"],
    // King's unsigned integers have 63 bits.
    ["uint64", "int64", "?range-changed", "?range-changed"],
    ["int64", "uint64", "?range-changed", "range-narrowed"],
    ["fixed64", "sfixed64", "?range-changed", "?range-changed"],
  ])("%s and %s: %s in profile protobuf, %s in king", (old, next, inProtobuf, inKing) => {
    expect(changes(field(old), field(next))).toEqual([inProtobuf]);
    expect(changes(field(old), field(next), "king")).toEqual([inKing]);
    const keys = (map: string) => field("string", { map });
    expect(changes(keys(old), keys(next))).toEqual([inProtobuf]);
  });
});

describe("oneofs", () => {
  const one = (tag: number, oneof?: string) => ({
    tag,
    type: "string",
    ...(oneof === undefined ? { optional: true } : { oneof }),
  });
  test.each<Row>([
    [
      "two fields that exclude each other now",
      { a: one(1), b: one(2) },
      { a: one(1, "o"), b: one(2, "o") },
      ["oneof-changed", "oneof-changed"],
    ],
    [
      "two fields that exclude each other no more",
      { a: one(1, "o"), b: one(2, "o") },
      { a: one(1), b: one(2) },
      ["oneof-changed", "oneof-changed"],
    ],
    [
      "a field that joins two",
      { a: one(1, "o"), b: one(2, "o"), c: one(3) },
      { a: one(1, "o"), b: one(2, "o"), c: one(3, "o") },
      ["oneof-changed", "oneof-changed", "oneof-changed"],
    ],
    ["a field and new ones in a new oneof", { a: one(1) }, { a: one(1, "o"), b: one(2, "o") }, []],
    ["a new field in a oneof", { a: one(1, "o") }, { a: one(1, "o"), b: one(2, "o") }, []],
    ["another name", { a: one(1, "o"), b: one(2, "o") }, { a: one(1, "p"), b: one(2, "p") }, []],
    [
      "a oneof of which one field is left",
      { a: one(1, "o"), b: one(2, "o") },
      { a: one(1) },
      ["?field-removed"],
    ],
  ])("%s", (_, old, next, rules) => {
    expect(changes(old, next)).toEqual(rules);
    expect(changes(old, next, "king")).toEqual(rules);
  });
});

describe("enums", () => {
  const compare = (old: Record<string, number>, next: Record<string, number>) => {
    const found = checkCompatibility(
      defineEnum("E", old, { allowAlias: true }),
      defineEnum("E", next, { allowAlias: true }),
    );
    return [...found.breaks, ...found.warnings].map(({ rule, field, tag }) => [rule, field, tag]);
  };
  test.each<[string, Record<string, number>, Record<string, number>, unknown[]]>([
    ["a new member", { A: 0 }, { A: 0, B: 1 }, []],
    ["a number without a member", { A: 0, B: 1 }, { A: 0 }, [["enum-number-removed", "B", 1]]],
    ["another number", { A: 0, B: 1 }, { A: 0, B: 2 }, [["enum-number-changed", "B", 1]]],
    ["another name", { A: 0, B: 1 }, { A: 0, C: 1 }, [["enum-name-changed", "B", 1]]],
    ["an alias less", { A: 0, B: 0 }, { A: 0 }, [["enum-name-changed", "B", 0]]],
    [
      "names that were swapped",
      { A: 0, B: 1 },
      { A: 1, B: 0 },
      [
        ["enum-number-changed", "A", 0],
        ["enum-number-changed", "B", 1],
      ],
    ],
    [
      "a member called toString that is gone",
      { A: 0, toString: 1 } as never,
      { A: 0 },
      [["enum-number-removed", "toString", 1]],
    ],
  ])("%s", (_, old, next, rules) => {
    expect(compare(old, next)).toEqual(rules);
  });
});

describe("messages inside messages", () => {
  const outer = (inner: AnySchema, more: object = {}) =>
    defineSchema("Outer", { i: { tag: 1, type: inner, ...more } });

  test.each([{}, { repeated: true }, { map: "string" }])("are compared: %j", (more) => {
    const other = defineSchema("Inner", { a: { tag: 1, type: "string" } });
    expect(checkCompatibility(outer(Inner, more), outer(other, more)).breaks).toEqual([
      {
        rule: "wire-type-changed",
        schema: "Inner",
        field: "a",
        tag: 1,
        message: "Inner.a (tag 1) was int32 and is string: it lies otherwise on the wire",
      },
    ]);
  });

  test("of another name go on when their fields do", () => {
    const other = defineSchema("Other", { a: { tag: 1, type: "int32" } });
    const { compatible, warnings } = checkCompatibility(outer(Inner), outer(other));
    expect(compatible).toBe(true);
    expect(warnings).toMatchObject([{ rule: "type-renamed", schema: "Outer", field: "i" }]);
  });

  test("that contain each other are compared once", () => {
    const cycle = (type: string) => {
      const registry = new Registry();
      defineSchema("A", { b: { tag: 1, type: "B" }, a: { tag: 2, type: "A" } }, { registry });
      defineSchema("B", { a: { tag: 1, type: "A" }, v: { tag: 2, type } }, { registry });
      return registry.schema("A");
    };
    const { breaks } = checkCompatibility(cycle("int32"), cycle("string"));
    expect(breaks.map(({ message }) => message)).toEqual([
      "B.v (tag 2) was int32 and is string: it lies otherwise on the wire",
    ]);
  });

  test("in a chain of any length", () => {
    const chain = (type: string) => {
      let last = defineSchema("S0", { v: { tag: 1, type } }) as AnySchema;
      for (let i = 1; i <= 20_000; i++) last = defineSchema(`S${i}`, { s: { tag: 1, type: last } });
      return last;
    };
    expect(checkCompatibility(chain("int32"), chain("bytes")).breaks).toMatchObject([
      { schema: "S0", field: "v" },
    ]);
  });
});

describe("registries", () => {
  test("lack nothing they had, and what they have goes on", () => {
    const old = new Registry([
      Level,
      Inner,
      defineSchema("Gone", {}),
      defineEnum("Kind", { A: 0 }),
    ]);
    const next = new Registry([
      defineEnum("Level", { LOW: 0 }),
      defineSchema("Inner", { a: { tag: 1, type: "bool" } }),
      defineSchema("Kind", {}),
      defineSchema("New", {}),
    ]);
    const { breaks, warnings } = checkCompatibility(old, next);
    expect(breaks).toEqual([
      {
        rule: "definition-removed",
        schema: "Gone",
        message: "the schema Gone is gone",
      },
      {
        rule: "definition-removed",
        schema: "Kind",
        message: "the enum Kind is no enum any more",
      },
      {
        rule: "enum-number-removed",
        schema: "Level",
        field: "HIGH",
        tag: 1,
        message: "Level.HIGH (1) is gone, and no member has its number: values of it have no name",
      },
    ]);
    expect(warnings).toMatchObject([{ rule: "range-changed", schema: "Inner" }]);
  });

  test("are not compared with schemas", () => {
    expect(() => checkCompatibility(new Registry() as never, Inner)).toThrow(
      expect.objectContaining({ code: "KING_IIBIN_OPTION_INVALID" }),
    );
  });
});

describe("what the old side reserves", () => {
  const a = { a: { tag: 1, type: "string" } } as const;
  const old = defineSchema("A", a, { reserved: [5, [10, 20], "b"] });
  const check = (fields: FieldDefinitions, reserved?: readonly Reserved[]) => {
    const { breaks, warnings } = checkCompatibility(
      old,
      defineSchema("A", { ...a, ...fields }, { reserved: reserved ?? [] }),
    );
    return { breaks, warnings };
  };

  test("cannot be used by a field of the next", () => {
    const rest = [[10, 20], "b"] as const;
    const { breaks, warnings } = check({ n: { tag: 5, type: "int32" } }, rest);
    expect(breaks).toEqual([
      {
        rule: "reserved-reused",
        schema: "A",
        field: "n",
        tag: 5,
        message: "A.n (tag 5) has the tag 5, which nothing may use again: it was reserved",
      },
    ]);
    expect(warnings).toEqual([]);
    expect(check({ n: { tag: 15, type: "int32" } }).breaks).toMatchObject([{ tag: 15 }]);
    expect(check({ b: { tag: 6, type: "int32" } }).breaks).toMatchObject([{ field: "b", tag: 6 }]);
    expect(check({ c: { tag: 6, type: "int32", protoName: "b" } }).breaks).toHaveLength(1);
    expect(check({ b: { tag: 5, type: "int32" } }).breaks).toHaveLength(1);
    expect(check({ n: { tag: 6, type: "int32" } }, old.reserved).breaks).toEqual([]);
  });

  test("is missed when it is not reserved any more", () => {
    expect(check({}, [[1_000, 2_000], ...old.reserved]).warnings).toEqual([]);
    expect(check({}, [[4, 30], "b", "c"]).warnings).toEqual([]);
    const { breaks, warnings } = check({ n: { tag: 12, type: "int32" } }, [[14, 15], 20]);
    expect(breaks).toMatchObject([{ rule: "reserved-reused", tag: 12 }]);
    expect(warnings.map(({ rule }) => rule)).toEqual(Array(5).fill("reservation-removed"));
    expect(warnings.map(({ tag, field, message }) => [tag, field, message.slice(0, 34)])).toEqual([
      [5, undefined, "A does not reserve 5 any more: a f"],
      [10, undefined, "A does not reserve 10 to 11 any mo"],
      [13, undefined, "A does not reserve 13 any more: a "],
      [16, undefined, "A does not reserve 16 to 19 any mo"],
      [undefined, "b", "A does not reserve the name b any "],
    ]);
  });

  test("comes from .proto files too", () => {
    const of = (body: string) => importProto(`syntax = "proto3"; message A { ${body} }`);
    const found = checkCompatibility(
      of('string a = 1; reserved 5; reserved "b";'),
      of("string a = 1; int32 n = 5;"),
    );
    expect(found.breaks.map(({ rule }) => rule)).toEqual(["reserved-reused"]);
    expect(found.warnings.map(({ field }) => field)).toEqual(["b"]);
  });
});
