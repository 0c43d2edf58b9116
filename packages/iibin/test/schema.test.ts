import { describe, expect, test } from "vitest";
import { createCodec } from "../src/codec.ts";
import { decode } from "../src/decode.ts";
import { encode } from "../src/encode.ts";
import { defineEnum } from "../src/enum.ts";
import {
  describe as describeDefinition,
  Registry,
  type SchemaDescription,
} from "../src/registry.ts";
import { type AnySchema, defineSchema, type FieldDefinition } from "../src/schema.ts";

const Level = defineEnum("Level", { LOW: 0, HIGH: 1, BELOW: -1 });
const Geo = defineSchema("Geo", { lat: { tag: 1, type: "double" } });

const refused = (field: string | undefined, message: RegExp) =>
  expect.objectContaining({
    code: "KING_IIBIN_SCHEMA_INVALID",
    message: expect.stringMatching(message),
    details: field === undefined ? { schema: "S" } : { schema: "S", field },
  });

describe("a schema cannot be defined when", () => {
  const cases: [why: string, field: unknown, message: RegExp][] = [
    ["a tag is zero", { tag: 0, type: "int32" }, /tag: expected an integer from 1/],
    ["a tag is no integer", { tag: 1.5, type: "int32" }, /tag: expected an integer from 1/],
    ["a tag is beyond 2^29-1", { tag: 2 ** 29, type: "int32" }, /536870911, got 536870912/],
    ["a tag is reserved", { tag: 19_500, type: "int32" }, /reserved by protobuf/],
    ["there is no tag", { type: "int32" }, /tag: expected an integer/],
    ["there is no type", { tag: 1 }, /type: expected a type that exists, got undefined/],
    ["a type is unknown", { tag: 1, type: "int33" }, /type that exists, got int33/],
    ["a type is something else", { tag: 1, type: 7 }, /type that exists, got 7/],
    ["an option is unknown", { tag: 1, type: "int32", field_number: 1 }, /option field_number/],
    ["an option is of another type", { tag: 1, type: "int32", packed: 1 }, /packed: expected/],
    ["a map's keys are bytes", { tag: 1, type: "int32", map: "bytes" }, /map: expected/],
    ["a map's keys are floats", { tag: 1, type: "int32", map: "double" }, /map: expected/],
    ["it is a list and a map", { tag: 1, type: "int32", map: "int32", repeated: true }, /exclude/],
    ["a list is optional", { tag: 1, type: "int32", repeated: true, optional: true }, /exclude/],
    ["a list is in a oneof", { tag: 1, type: "int32", repeated: true, oneof: "o" }, /exclude/],
    ["a list has a default", { tag: 1, type: "int32", repeated: true, default: 1 }, /exclude/],
    ["a map is required", { tag: 1, type: "int32", map: "int32", required: true }, /exclude/],
    [
      "a required field is in a oneof",
      { tag: 1, type: "int32", required: true, oneof: "o" },
      /excl/,
    ],
    [
      "a required field has a default",
      { tag: 1, type: "int32", required: true, default: 1 },
      /excl/,
    ],
    ["a oneof has a default", { tag: 1, type: "int32", oneof: "o", default: 1 }, /exclude/],
    ["text is packed", { tag: 1, type: "string", repeated: true, packed: true }, /packed is for/],
    ["one value is packed", { tag: 1, type: "int32", packed: true }, /packed needs/],
    ["a message has a default", { tag: 1, type: Geo, default: {} }, /default is for/],
    ["a default is of another type", { tag: 1, type: "int32", default: "1" }, /default: expected/],
    ["a default is out of range", { tag: 1, type: "uint32", default: -1 }, /from 0 to 4294967295/],
    ["a default is no member", { tag: 1, type: Level, default: "MIDDLE" }, /a member of Level/],
    ["a field is no object", 7, /expected \{ tag, type \}, got 7/],
  ];
  test.each(cases)("%s", (_, field, message) => {
    expect(() => defineSchema("S", { f: field as FieldDefinition })).toThrow(refused("f", message));
  });

  test.each([
    ["uint64", "protobuf", 2n ** 64n - 1n],
    ["fixed64", "protobuf", 2n ** 64n - 1n],
    ["uint64", "king", 2n ** 63n - 1n],
    ["fixed64", "king", 2n ** 63n - 1n],
    ["int64", "king", 2n ** 63n - 1n],
  ] as const)("a default of %s is beyond what profile %s can encode", (type, profile, most) => {
    const withDefault = (value: bigint) =>
      defineSchema("S", { f: { tag: 1, type, default: value } }, { profile });
    const S = withDefault(most);
    expect(decode(S, encode(S, { f: most }))).toEqual({ f: most });
    expect(() => withDefault(most + 1n)).toThrow(refused("f", new RegExp(` to ${most}, got`)));
  });

  test("two fields share a tag", () => {
    const fields = { a: { tag: 1, type: "int32" }, f: { tag: 1, type: "int32" } } as const;
    expect(() => defineSchema("S", fields)).toThrow(refused("f", /tag 1 is the tag of a already/));
  });

  test("it has more fields than maxFields, 512 by default", () => {
    const fields = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`f${i}`, { tag: i + 1, type: "bool" as const }]),
      );
    expect(() => defineSchema("S", fields(513))).toThrow(refused(undefined, /at most 512.*513/));
    expect(defineSchema("S", fields(513), { maxFields: 513 }).fields).toHaveLength(513);
  });

  test("it nests a schema of the other profile", () => {
    expect(() => defineSchema("S", { f: { tag: 1, type: Geo } }, { profile: "king" })).toThrow(
      refused("f", /Geo is of profile protobuf/),
    );
  });
});

describe("an enum", () => {
  test("refuses a number used twice, unless aliases are allowed", () => {
    expect(() => defineEnum("S", { A: 0, B: 0 })).toThrow(refused("B", /0 is the number of A/));
    expect(defineEnum("S", { A: 0, B: 0 }, { allowAlias: true }).members).toEqual({ A: 0, B: 0 });
  });

  test.each([1.5, 2 ** 31, -(2 ** 31) - 1, Number.NaN])("refuses %s as a number", (number) => {
    expect(() => defineEnum("S", { A: number })).toThrow(refused("A", /integer of 32 bits/));
  });

  test("takes names and numbers, and lets numbers without a name pass", () => {
    const S = defineSchema("S", { level: { tag: 1, type: Level, optional: true } });
    for (const level of ["BELOW", -1] as const)
      expect(decode(S, encode(S, { level }))).toEqual({ level: -1 });
    expect(decode(S, encode(S, { level: 99 }))).toEqual({ level: 99 });
  });
});

describe("types that come later", () => {
  test("a schema names itself", () => {
    const List = defineSchema("List", {
      value: { tag: 1, type: "int32" },
      next: { tag: 2, type: "List" },
    });
    const list = { value: 1, next: { value: 2, next: { value: 3 } } };
    expect(decode(List, encode(List, list))).toEqual(list);
  });

  test("a function gives what is defined further down", () => {
    const A = defineSchema("A", { b: { tag: 1, type: (): AnySchema => B } });
    const B = defineSchema("B", { a: { tag: 1, type: A, repeated: true } });
    expect(decode(A, encode(A, { b: { a: [{}, { b: {} }] } }))).toEqual({
      b: { a: [{}, { b: { a: [] } }] },
    });
  });

  test("a registry finds what is defined in it at any time before use", () => {
    const registry = new Registry();
    const A = defineSchema("A", { b: { tag: 1, type: "B" } }, { registry });
    expect(() => encode(A, {})).toThrow(
      expect.objectContaining({
        message: "schema A, field b: type: expected a type that exists, got B",
      }),
    );
    defineSchema("B", { c: { tag: 1, type: "C" } }, { registry });
    defineEnum("C", { ZERO: 0, ONE: 1 }, { registry });
    expect(decode(A, encode(A, { b: { c: "ONE" } }))).toEqual({ b: { c: 1 } });
  });
});

describe("a registry", () => {
  test("lists, tests and describes what it holds", () => {
    const registry = new Registry([Level]);
    defineSchema(
      "User",
      {
        id: { tag: 1, type: "uint64", required: true },
        levels: { tag: 3, type: "Level", repeated: true },
        byName: { tag: 2, type: "User", map: "string" },
        nick: { tag: 4, type: "string", default: "anon" },
        phone: { tag: 5, type: "string", oneof: "contact" },
      },
      { registry },
    );
    expect(registry.has("User")).toBe(true);
    expect(registry.has("user")).toBe(false);
    expect(registry.schemas().map(({ name }) => name)).toEqual(["User"]);
    expect(registry.enums()).toEqual([Level]);
    expect(registry.describe("Level")).toEqual({
      kind: "enum",
      name: "Level",
      members: { LOW: 0, HIGH: 1, BELOW: -1 },
    });
    expect(registry.describe("User")).toEqual({
      kind: "schema",
      name: "User",
      profile: "protobuf",
      fields: [
        { name: "id", tag: 1, type: "uint64", presence: "required" },
        { name: "byName", tag: 2, type: "map<string, User>", presence: "implicit" },
        { name: "levels", tag: 3, type: "repeated Level", presence: "implicit", packed: true },
        { name: "nick", tag: 4, type: "string", presence: "explicit", default: "anon" },
        { name: "phone", tag: 5, type: "string", presence: "explicit", oneof: "contact" },
      ],
    });
  });

  test("never redefines a name, and takes the same definition twice", () => {
    const registry = new Registry([Level, Level]);
    const taken = expect.objectContaining({
      code: "KING_IIBIN_REGISTRY",
      details: { name: "Level" },
    });
    expect(() => defineEnum("Level", {}, { registry })).toThrow(taken);
    expect(() => defineSchema("Level", {}, { registry })).toThrow(taken);
  });

  test("says which name it lacks", () => {
    const registry = new Registry([Level]);
    expect(() => registry.schema("Level")).toThrow(/there is no schema Level/);
    expect(() => registry.enum("None")).toThrow(/there is no enum None/);
    expect(() => registry.describe("None")).toThrow(/nothing is called None/);
  });
});

test("the options of a definition are copied: what changes later changes nothing", () => {
  const fields = { a: { tag: 1, type: "int32" as const } };
  const S = defineSchema("S", fields);
  fields.a.tag = 2;
  expect(S.definition.a.tag).toBe(1);
  expect(Object.isFrozen(S)).toBe(true);
  expect(Object.isFrozen(S.fields[0])).toBe(true);
});

test("a description can be written as JSON, whatever the defaults are", () => {
  const registry = new Registry();
  const S = defineSchema(
    "S",
    {
      key: { tag: 1, type: "bytes", default: Uint8Array.of(1, 2) },
      big: { tag: 2, type: "uint64", default: 2n ** 64n - 1n },
      nan: { tag: 3, type: "double", default: Number.NaN },
      low: { tag: 4, type: "float", default: Number.NEGATIVE_INFINITY },
      on: { tag: 5, type: "bool", default: true },
      level: { tag: 6, type: Level, default: "HIGH" },
    },
    { registry },
  );
  for (const description of [describeDefinition(S), registry.describe("S")]) {
    const { fields } = JSON.parse(JSON.stringify(description)) as SchemaDescription;
    const defaults = fields.map((field) => field.default);
    expect(defaults).toEqual(["AQI=", "18446744073709551615", "NaN", "-Infinity", true, 1]);
    expect(description).toMatchObject({ fields });
  }
});

test("fields of any name are own properties, whatever objects inherit", () => {
  const S = defineSchema("S", {
    ["__proto__"]: { tag: 1, type: "string", optional: true },
    constructor: { tag: 2, type: "string" },
    toString: { tag: 3, type: "int32", optional: true },
  });
  for (const generate of [true, false]) {
    const codec = createCodec(S, { generate });
    expect(codec.encode({} as never)).toEqual(new Uint8Array(0));
    const decoded = codec.decode(new Uint8Array([0x0a, 1, 0x61])) as object;
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
    expect(Object.getOwnPropertyDescriptor(decoded, "__proto__")?.value).toBe("a");
    expect(Object.hasOwn(decoded, "toString")).toBe(false);
  }
});

describe("data that looks like a definition is none", () => {
  const forgedEnum = JSON.parse(
    '{"kind":"enum","name":"E","members":{"A":"(globalThis.forged=1)"}}',
  );
  const forgedSchema = JSON.parse(
    '{"kind":"schema","name":"E","profile":"protobuf","definition":{},"fields":[{"name":"a","tag":1,"kind":"scalar","scalar":"int32","repeated":false,"packed":false,"presence":"explicit","default":["(globalThis.forged=1)"]}]}',
  );

  test.each([
    ["an enum", forgedEnum],
    ["a schema", forgedSchema],
  ])("%s cannot be a field's type, nor be in a registry, nor be encoded by", (_, forged) => {
    expect(() => defineSchema("S", { f: { tag: 1, type: forged } })).toThrow(
      refused("f", /type: expected a type that exists/),
    );
    expect(() => new Registry([forged])).toThrow(
      expect.objectContaining({ code: "KING_IIBIN_REGISTRY" }),
    );
    expect(() => decode(forged, new Uint8Array([10, 0]))).toThrow(
      expect.objectContaining({ code: "KING_IIBIN_OPTION_INVALID" }),
    );
    expect(globalThis).not.toHaveProperty("forged");
  });

  test("what is checked is what is used", () => {
    let reads = 0;
    const members = {
      get A() {
        return reads++ === 0 ? 0 : ("(globalThis.forged=1)" as never);
      },
    };
    const Twice = defineEnum("Twice", members);
    const S = defineSchema("S", {
      get f() {
        return { tag: 1, type: Twice, optional: true } as const;
      },
    });
    expect(decode(S, encode(S, { f: "A" }))).toEqual({ f: 0 });
    class Joined extends Uint8Array {
      override join() {
        return "0]);globalThis.forged=1;new Uint8Array([";
      }
    }
    const T = defineSchema("T", { f: { tag: 1, type: "bytes", default: new Joined(2) } });
    expect(decode(T, new Uint8Array(0))).toEqual({ f: new Uint8Array(2) });
    expect(globalThis).not.toHaveProperty("forged");
  });

  test("nothing that objects inherit is an option", () => {
    Object.defineProperty(Object.prototype, "required", { value: true, configurable: true });
    try {
      expect(defineSchema("S", { f: { tag: 1, type: "int32" } }).fields[0]?.presence).toBe(
        "implicit",
      );
    } finally {
      delete (Object.prototype as { required?: true }).required;
    }
  });
});

test("schemas that functions make without end are refused", () => {
  const make = (n: number): AnySchema =>
    defineSchema(`T${n}`, { next: { tag: 1, type: (): AnySchema => make(n + 1) } });
  expect(() => encode(make(0), {})).toThrow(/at most 10000 schemas that hold each other/);
});

describe("what a schema reserves", () => {
  const define = (reserved: unknown, fields = {}) =>
    defineSchema("S", fields, { reserved: reserved as [] });

  test("is kept, frozen, and described", () => {
    const range: [number, number] = [7, 9];
    const given = [5, range, "old"];
    const S = define(given);
    given.push(6);
    range[1] = 6;
    expect(S.reserved).toEqual([5, [7, 9], "old"]);
    expect(Object.isFrozen(S.reserved) && Object.isFrozen(S.reserved[1])).toBe(true);
    expect(describeDefinition(S)).toMatchObject({ reserved: [5, [7, 9], "old"] });
    expect(describeDefinition(defineSchema("S", {}))).not.toHaveProperty("reserved");
  });

  test.each([
    [5, /expected an array, got 5/],
    [null, /expected an array, got null/],
    [[0], /expected tags from 1 to 536870911/],
    [[1.5], /expected tags/],
    [[[5, 3]], /expected tags/],
    [[[1, 2, 3]], /expected tags/],
    [[[1, 2 ** 29]], /expected tags/],
    [[""], /expected tags/],
    [[null], /got null/],
    [[[1, 5], 4], /tag 4 is reserved already/],
    [["a", "a"], /the name a is reserved already/],
  ])("is refused as %j", (reserved, message) => {
    expect(() => define(reserved)).toThrow(refused(undefined, message));
  });

  test("cannot be a field's", () => {
    const a = { tag: 8, type: "int32" };
    expect(() => define([[7, 9]], { a })).toThrow(refused("a", /tag 8 is reserved/));
    expect(() => define(["a"], { a })).toThrow(refused("a", /the name a is reserved/));
    expect(() => define(["b"], { a: { ...a, protoName: "b" } })).toThrow(refused("a", /name b/));
    // As .proto files have it, where the key means nothing.
    expect(define(["a"], { a: { ...a, protoName: "b" } }).fields).toHaveLength(1);
  });
});
