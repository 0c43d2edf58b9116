import protobufjs from "protobufjs";
import { describe, expect, test } from "vitest";
import { defineEnum } from "../../src/enum.ts";
import { fromKing } from "../../src/from-king.ts";
import { exportProto } from "../../src/proto/export-proto.ts";
import { importProto } from "../../src/proto/import-proto.ts";
import { Registry } from "../../src/registry.ts";
import { type AnySchema, defineSchema } from "../../src/schema.ts";
import { wellKnownTypes } from "../../src/well-known/well-known-types.ts";
import { bundledProto } from "./bundled-proto.ts";

const State = defineEnum("shop.Order.State", { OPEN: 0, PAID: 1, LOST: -1 });
const Line = defineSchema("shop.Order.Line", { sku: { tag: 1, type: "string" } });
const Order = defineSchema("shop.Order", {
  id: { tag: 1, type: "uint64" },
  state: { tag: 2, type: State },
  lines: { tag: 3, type: Line, repeated: true },
  notes: { tag: 4, type: "string", map: "string" },
  card: { tag: 6, type: "string", oneof: "paid_by" },
  note: { tag: 7, type: "string", optional: true, jsonName: 'the "note"' },
  cash: { tag: 8, type: "int32", oneof: "paid_by" },
  at: { tag: 9, type: wellKnownTypes().schema("google.protobuf.Timestamp") },
  sizes: { tag: 10, type: "sint32", repeated: true, packed: false },
  userId: { tag: 11, type: "int32", protoName: "user_id" },
});

test("writes a file as people do", () => {
  expect(exportProto([Order])).toBe(`syntax = "proto3";

package shop;

import "google/protobuf/timestamp.proto";

message Order {
  enum State {
    OPEN = 0;
    PAID = 1;
    LOST = -1;
  }

  message Line {
    string sku = 1;
  }

  uint64 id = 1;
  State state = 2;
  repeated Line lines = 3;
  map<string, string> notes = 4;
  oneof paid_by {
    string card = 6;
    int32 cash = 8;
  }
  optional string note = 7 [json_name = "the \\"note\\""];
  google.protobuf.Timestamp at = 9;
  repeated sint32 sizes = 10 [packed = false];
  int32 user_id = 11;
}
`);
});

test("what it writes is read again as the same", () => {
  const { fields } = importProto(exportProto([Order])).schema("shop.Order");
  expect(
    fields.map(({ name, tag, presence, packed, oneof, jsonName }) => ({
      name,
      tag,
      presence,
      packed,
      oneof,
      jsonName,
    })),
  ).toEqual(
    Order.fields.map(({ name, tag, presence, packed, oneof, jsonName }) => ({
      name,
      tag,
      presence,
      packed,
      oneof,
      jsonName,
    })),
  );
});

test("the schemas of protobuf's conformance test come back whole", () => {
  const first = importProto(bundledProto("google/protobuf/test_messages_proto3.proto"));
  const second = importProto(exportProto(first));
  expect(
    second
      .schemas()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(
    first
      .schemas()
      .map(({ name }) => name)
      .sort(),
  );
  for (const { name } of first.schemas())
    expect(second.describe(name)).toEqual(first.describe(name));
  for (const { name } of first.enums()) expect(second.describe(name)).toEqual(first.describe(name));
});

test("what proto3 lacks is said in comments, and profile king shows in labels", () => {
  const registry = new Registry();
  fromKing(
    "Q",
    {
      id: { tag: 1, type: "int32", required: true },
      name: { tag: 2, type: "string", default: "a\nb\u2028c" },
      raw: { tag: 3, type: "bytes", default: Uint8Array.of(0, 255) },
      big: { tag: 4, type: "uint64", default: 2n ** 63n - 1n },
      self: { tag: 5, type: "Q", required: true },
      list: { tag: 6, type: "repeated_int32", required: true },
      tight: { tag: 7, type: "repeated_int32", packed: true },
    },
    registry,
  );
  expect(exportProto(registry)).toBe(`syntax = "proto3";

message Q {
  // Required: messages without this field are refused.
  optional int32 id = 1;
  // Default: "a\\nb c".
  optional string name = 2;
  // Default: the bytes 00ff.
  optional bytes raw = 3;
  // Default: 9223372036854775807.
  optional uint64 big = 4;
  // Required: messages without this field are refused.
  Q self = 5;
  // Required: messages without this field are refused.
  repeated int32 list = 6 [packed = false];
  repeated int32 tight = 7;
}
`);
});

test("an enum's zero comes first, and aliases are allowed", () => {
  const E = defineEnum("E", { B: 1, A: 0, C: 1 }, { allowAlias: true });
  expect(exportProto([E])).toContain(
    "enum E {\n  option allow_alias = true;\n  A = 0;\n  B = 1;\n  C = 1;\n}",
  );
});

describe("packages", () => {
  const A = defineSchema("A", {});
  const B = defineSchema("A.B", { a: { tag: 1, type: A } });

  test("are what names begin with, unless that is a message", () => {
    expect(exportProto([defineSchema("x.y.A", {})])).toBe(
      'syntax = "proto3";\n\npackage x.y;\n\nmessage A {}\n',
    );
    expect(exportProto([B])).not.toContain("package");
    expect(
      importProto(exportProto([B]))
        .schemas()
        .map(({ name }) => name),
    ).toEqual(["A", "A.B"]);
  });

  test("can be given to names without one, and to names that have it", () => {
    const text = exportProto([B, defineSchema("x.C", {})], { package: "x" });
    expect(
      importProto(text)
        .schemas()
        .map(({ name }) => name),
    ).toEqual(["x.C", "x.A", "x.A.B"]);
  });
});

test("types are called by names that no reader can take for others", () => {
  const registry = new Registry();
  const types = ["int32", "message", "M.Inner", "Inner", "b", "M.optional"];
  for (const name of types) defineSchema(`p.${name}`, {}, { registry });
  defineSchema(
    "p.M",
    Object.fromEntries(types.map((type, i) => [`f${i}`, { tag: i + 1, type: `p.${type}` }])),
    { registry },
  );
  defineSchema(
    "p.N",
    { b: { tag: 1, type: "p.b" }, c: { tag: 2, type: "p.M.optional" } },
    { registry },
  );
  const text = exportProto(registry);
  const again = importProto(text);
  expect(again.describe("p.M")).toEqual(registry.describe("p.M"));
  expect(again.describe("p.N")).toEqual(registry.describe("p.N"));
  const { root } = protobufjs.parse(text);
  root.resolveAll();
  const names = root
    .lookupType("p.M")
    .fieldsArray.map(({ resolvedType }) => resolvedType?.fullName);
  expect(names).toEqual(types.map((type) => `.p.${type}`));
});

describe("what it refuses", () => {
  const one = (name: string, fields: Parameters<typeof defineSchema>[1] = {}) =>
    defineSchema(name, fields);
  const int = { tag: 1, type: "int32" };
  const other = { tag: 2, type: "int32" };
  const loop = () => {
    let name = "A";
    const all = [one(name)];
    for (let i = 0; i < 32; i++) {
      name += ".A";
      all.push(one(name));
    }
    return all;
  };
  test.each<[string, Parameters<typeof exportProto>[0], string]>([
    [
      "a name that is no identifier",
      [one("my-schema")],
      'my-schema: expected letters, digits and _ for the name of a definition, got "my-schema"',
    ],
    ["an empty part of a name", [one("a..b")], 'got ""'],
    [
      "a package that is no identifier",
      [one("a-b.C")],
      "a-b: expected letters, digits and _ for the name of a package",
    ],
    [
      "a field that is no identifier",
      [one("M", { "a b": int })],
      "M, a b: expected letters, digits and _ for the name of a field",
    ],
    ["a proto name that is none", [one("M", { a: { ...int, protoName: "1a" } })], 'got "1a"'],
    ["a oneof that is no identifier", [one("M", { a: { ...int, oneof: "o!" } })], 'got "o!"'],
    ["a member that is no identifier", [defineEnum("E", { "A-B": 0 })], 'got "A-B"'],
    ["an enum without 0", [defineEnum("E", { A: 1 })], "E: expected a member of number 0"],
    ["an empty enum", [defineEnum("E", {})], "E: expected a member of number 0"],
    [
      "members of the same name in one package",
      [defineEnum("E", { A: 0 }), defineEnum("F", { A: 0 })],
      "F, A: expected A once in the file",
    ],
    [
      "a field and a type of the same name",
      [one("M", { N: int }), one("M.N")],
      "M, N: expected N once in M",
    ],
    [
      "a oneof called like a field",
      [one("M", { a: { ...int, oneof: "b" }, b: other })],
      "expected b once in M",
    ],
    [
      "a message called like a map's entries",
      [one("M", { a: { ...int, map: "int32" } }), one("M.AEntry")],
      "expected AEntry once in M",
    ],
    [
      "names that are one in JSON",
      [one("M", { a_b: int, aB: other })],
      "M, aB: expected a name of its own in JSON, got aB twice",
    ],
    [
      "JSON names of lone surrogates",
      [one("M", { a: { ...int, jsonName: "\ud800" } })],
      "expected well-formed text",
    ],
    [
      "several packages",
      [one("a.A"), one("b.B")],
      "b.B: expected all names in one package, got b beside a",
    ],
    ["a package beside none", [one("A"), one("b.B")], "got b beside none"],
    ["messages nested too deep", loop(), "expected at most 32 messages in each other"],
    [
      "a name of endless parts",
      [one(`${"a.".repeat(10_000)}b`)],
      "expected a name below 512 characters",
    ],
  ])("%s", (_, definitions, says) => {
    expect(() => exportProto(definitions)).toThrow(
      expect.objectContaining({ code: "KING_IIBIN_PROTO_UNSUPPORTED" }),
    );
    expect(() => exportProto(definitions)).toThrow(says);
  });

  test.each([19_000, 19_999])("the tag %i, which profile king has and proto3 has not", (tag) => {
    const S = defineSchema("S", { f: { tag, type: "int32" } }, { profile: "king" });
    expect(() => exportProto([S])).toThrow(
      expect.objectContaining({
        code: "KING_IIBIN_PROTO_UNSUPPORTED",
        message: `S, f: expected a tag that proto3 allows, which 19000 to 19999 are not, got ${tag}`,
        details: { schema: "S", field: "f" },
      }),
    );
  });

  test("two definitions of one name", () => {
    expect(() => exportProto([one("A"), one("A")])).toThrow(
      expect.objectContaining({
        code: "KING_IIBIN_REGISTRY",
        message: "expected definitions of different names, got two called A",
      }),
    );
  });

  test("names outside of a package that was given", () => {
    expect(() => exportProto([one("y.A")], { package: "x" })).toThrow(
      "y.A: expected all names in package x, got y",
    );
    expect(() => exportProto([one("A"), one("x.A")], { package: "x" })).toThrow(
      "x.A: expected a name that x has once",
    );
    expect(() => exportProto([one("A")], { package: "x-y" })).toThrow("for the name of a package");
  });
});

test("an enum of any size is written", () => {
  const members = Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`M${i}`, i]));
  const text = exportProto([defineEnum("E", members)]);
  expect(Object.keys(importProto(text).enum("E").members)).toHaveLength(200_000);
});

test("a chain of any length is written", () => {
  let last = defineSchema("S0", {}) as AnySchema;
  for (let i = 1; i <= 5_000; i++) last = defineSchema(`S${i}`, { s: { tag: 1, type: last } });
  expect(importProto(exportProto([last])).schemas()).toHaveLength(5_001);
});

test("reserved tags and names are written, and read back", () => {
  const reserved = [5, [7, 9], [1_000, 536_870_911], "old", 'the "b"'] as const;
  const M = defineSchema("M", { a: { tag: 1, type: "int32" } }, { reserved });
  const text = exportProto([M]);
  expect(text).toContain(`message M {
  reserved 5, 7 to 9, 1000 to max;
  reserved "old", "the \\"b\\"";
  int32 a = 1;
}`);
  expect(importProto(text).schema("M").reserved).toEqual(reserved);
  const Nul = defineSchema("Nul", {}, { reserved: ["\0"] });
  expect(() => exportProto([Nul])).toThrow(
    expect.objectContaining({ code: "KING_IIBIN_PROTO_UNSUPPORTED", details: { schema: "Nul" } }),
  );
});
