import { KingError } from "@king-runtime/core/errors";
import { describe, expect, test } from "vitest";
import { type ImportProtoOptions, importProto } from "../../src/proto/import-proto.ts";
import { describe as describeDefinition, type SchemaDescription } from "../../src/registry.ts";
import { bundledProto } from "./bundled-proto.ts";

const head = 'syntax = "proto3";\n';

/** Type of each field, by key. */
function types(source: string, schema: string, options?: ImportProtoOptions) {
  const description = importProto(source, options).describe(schema) as SchemaDescription;
  return Object.fromEntries(description.fields.map(({ name, type }) => [name, type]));
}

/** Where and why a text is refused. */
function refusal(source: string | Record<string, string>, options?: ImportProtoOptions) {
  try {
    importProto(source, options);
  } catch (error) {
    if (!KingError.is(error, "KING_IIBIN_PROTO_INVALID")) throw error;
    return error;
  }
  throw new Error("expected a refusal");
}

describe("what it makes", () => {
  test("schemas and enums by their full names, in profile protobuf", () => {
    const registry = importProto(`${head}
      package shop.v1;
      message Order {
        enum State { OPEN = 0; PAID = 1; LOST = -1; }
        message Line { string sku = 1; uint32 count = 2; }
        uint64 id = 1;
        State state = 2;
        repeated Line lines = 3;
      }`);
    expect(registry.schemas().map(({ name }) => name)).toEqual([
      "shop.v1.Order",
      "shop.v1.Order.Line",
    ]);
    expect(registry.schema("shop.v1.Order").profile).toBe("protobuf");
    expect(registry.enum("shop.v1.Order.State").members).toEqual({ OPEN: 0, PAID: 1, LOST: -1 });
    expect(registry.describe("shop.v1.Order")).toEqual({
      kind: "schema",
      name: "shop.v1.Order",
      profile: "protobuf",
      fields: [
        { name: "id", tag: 1, type: "uint64", presence: "implicit" },
        { name: "state", tag: 2, type: "shop.v1.Order.State", presence: "implicit" },
        { name: "lines", tag: 3, type: "repeated shop.v1.Order.Line", presence: "implicit" },
      ],
    });
  });

  test("every scalar, list, map, oneof and optional field", () => {
    const scalars =
      "double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string bytes";
    const lines = scalars.split(" ").map((type, i) => `${type} f_${type} = ${i + 1};`);
    expect(Object.values(types(`${head}message M {${lines.join("")}}`, "M"))).toEqual(
      scalars.split(" "),
    );
    const { fields } = importProto(`${head}message M {
      repeated int32 packed = 1;
      repeated int32 loose = 2 [packed = false];
      repeated string texts = 3;
      map < string , M > by_name = 4 ;
      optional int32 maybe = 5;
      oneof choice { int32 a = 6; M b = 7; }
      M one = 8;
    }`).schema("M");
    expect(fields).toMatchObject([
      { name: "packed", repeated: true, packed: true },
      { name: "loose", repeated: true, packed: false },
      { name: "texts", repeated: true, packed: false },
      { name: "byName", map: "string", kind: "message" },
      { name: "maybe", presence: "explicit" },
      { name: "a", oneof: "choice", presence: "explicit" },
      { name: "b", oneof: "choice" },
      { name: "one", presence: "explicit" },
    ]);
  });

  test("keys in camel case or as they are written, beside both names", () => {
    const source = `${head}message M { int32 user_id = 1; int32 x = 2 [json_name = "the\\x58"]; }`;
    expect(importProto(source).schema("M").fields).toMatchObject([
      { name: "userId", protoName: "user_id", jsonName: "userId" },
      { name: "x", protoName: "x", jsonName: "theX" },
    ]);
    expect(importProto(source, { fieldNames: "proto" }).schema("M").fields).toMatchObject([
      { name: "user_id", protoName: "user_id", jsonName: "userId" },
      { name: "x" },
    ]);
  });

  test("fields and members that are called like something of JavaScript's", () => {
    const source = `${head}
      message Holder { enum E { constructor = 0; __proto__ = 1; } }
      message __proto__ {
        __proto__ constructor = 1; Holder.E __proto__ = 2; int32 toString = 3; int32 hasOwnProperty = 4;
      }`;
    expect(types(source, "__proto__", { fieldNames: "proto" })).toEqual(
      Object.fromEntries([
        ["constructor", "__proto__"],
        ["__proto__", "Holder.E"],
        ["toString", "int32"],
        ["hasOwnProperty", "int32"],
      ]),
    );
    expect(Object.keys(types(source, "__proto__"))).toEqual([
      "constructor",
      "Proto",
      "toString",
      "hasOwnProperty",
    ]);
    expect(Object.entries(importProto(source).enum("Holder.E").members)).toEqual([
      ["constructor", 0],
      ["__proto__", 1],
    ]);
    expect(({} as Record<string, unknown>)["int32"]).toBeUndefined();
  });

  test("a message called like a scalar, which a leading dot names", () => {
    expect(types(`${head}message string { string a = 1; .string b = 2; }`, "string")).toEqual({
      a: "string",
      b: "string",
    });
    const { fields } = importProto(`${head}message string { string a = 1; .string b = 2; }`).schema(
      "string",
    );
    expect(fields.map(({ kind }) => kind)).toEqual(["scalar", "message"]);
  });

  test("messages that refer to themselves and to each other, before and after", () => {
    const registry = importProto(`${head}message A { B b = 1; A a = 2; } message B { A a = 1; }`);
    const [b] = registry.schema("A").fields;
    expect(b).toMatchObject({ kind: "message", message: registry.schema("B") });
    expect(registry.schema("B").fields[0]).toMatchObject({ message: registry.schema("A") });
  });
});

describe("what it reads over", () => {
  test("comments, options, services and extensions of protobuf's options", () => {
    const registry = importProto(`\uFEFF// first
      /* a
       * block */ syntax /**/ = 'pro' "to3"; ;
      import "google/protobuf/descriptor.proto";
      option java_package = "com." 'example';
      option (my.file).deep.(er) = { a: [1, 2.5e3, { b: "}" }] c { d: -inf } e: 0x1F };
      extend google.protobuf.FieldOptions { repeated string checks = 50000; M m = 50001; ; }
      message M {
        option deprecated = true;
        extend .google.protobuf.MessageOptions { optional bool own = 50000; }
        reserved 5, 7 to 9, 1000 to max; reserved "old", "older";
        int32 a = 0x1 [deprecated = true, (my.rule).x = { min: 1 }, ctype = CORD, (n) = -1.5f];
        int32 b = 02;
        oneof o { option (x) = nan; int32 c = 3; }
      }
      enum E {
        option allow_alias = true;
        reserved -5 to -1, 40 to max; reserved "GONE";
        ZERO = 0 [(label) = "null"]; NONE = 0; HEX = 0x10; option = 3; reserved = 4;
      }
      service Api {
        option (own) = 1;
        rpc Get (M) returns (M);
        rpc Watch (stream M) returns (stream .M) { option idempotency_level = NO_SIDE_EFFECTS; ; };
      }`);
    expect(registry.schema("M").fields.map(({ name, tag }) => [name, tag])).toEqual([
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ]);
    expect(registry.enum("E").members).toEqual({
      ZERO: 0,
      NONE: 0,
      HEX: 16,
      option: 3,
      reserved: 4,
    });
  });

  test("words of the language where they are names", () => {
    expect(
      Object.keys(
        types(
          `${head}package option.rpc; message message { int32 message = 1; string syntax = 2; int32 map = 3;
           map<string, stream> repeated = 4; stream max = 5; enum to { import = 0; } to oneof_ = 6; } message stream {}`,
          "option.rpc.message",
        ),
      ),
    ).toEqual(["message", "syntax", "map", "repeated", "max", "oneof"]);
  });
});

describe("how names of types are found", () => {
  test("innermost first, and from the root with a leading dot", () => {
    const source = `${head}package a.b;
      message X { int32 root = 1; }
      message M {
        message X { message Y {} }
        X inner = 1; .a.b.X outer = 2; b.X through_package = 3; X.Y deep = 4; a.b.M.X.Y full = 5;
      }`;
    expect(types(source, "a.b.M")).toEqual({
      inner: "a.b.M.X",
      outer: "a.b.X",
      throughPackage: "a.b.X",
      deep: "a.b.M.X.Y",
      full: "a.b.M.X.Y",
    });
  });

  test("the first part decides: what it hides is not looked for further out", () => {
    const source = `${head}message X { message Y {} } message M { message X {}\n X.Y y = 1; }`;
    expect(refusal(source).message).toBe("input.proto:3:2: expected a type that exists, got X.Y");
  });

  test("a field hides no type", () => {
    expect(types(`${head}message X {} message M { X X = 1; X again = 2; }`, "M")).toEqual({
      X: "X",
      again: "X",
    });
  });

  test("through imports, public ones included", () => {
    const registry = importProto({
      "app.proto": `${head}import "mid.proto"; message M { lib.L l = 1; mid.N n = 2; }`,
      "mid.proto": `${head}import public "dir/lib.proto"; package mid; message N {}`,
      "dir/lib.proto": `${head}package lib; message L {}`,
    });
    expect(registry.schema("M").fields.map((each) => each.kind)).toEqual(["message", "message"]);
  });

  test("not in files that are not imported, whose packages hide nothing either", () => {
    const files = {
      "app.proto": `${head}import "lib.proto"; package top; message M { inner.L l = 1; }`,
      "lib.proto": `${head}package inner; message L {}`,
      "other.proto": `${head}package top.inner; message O {}`,
    };
    expect(importProto(files).schema("top.M").fields[0]).toMatchObject({
      message: { name: "inner.L" },
    });
    const missing = { ...files, "app.proto": `${head}message M {\n  inner.L l = 1; }` };
    expect(refusal(missing)).toMatchObject({
      message:
        'app.proto:3:3: expected a type that exists, got inner.L: import "lib.proto", which defines inner.L',
      details: { file: "app.proto", line: 3, column: 3 },
    });
    const indirect = {
      "a.proto": `${head}import "b.proto"; message A { C c = 1; }`,
      "b.proto": `${head}import "c.proto";`,
      "c.proto": `${head}message C {}`,
    };
    expect(refusal(indirect).message).toContain('import "c.proto"');
  });

  test("protobuf's own types need no file, and one that is given is not read", () => {
    const registry = importProto({
      "google/protobuf/timestamp.proto": 'syntax = "proto2";',
      "google/protobuf/descriptor.proto": 'syntax = "proto2";',
      "a.proto": `${head}import "google/protobuf/timestamp.proto"; import "google/protobuf/struct.proto";
        message M { google.protobuf.Timestamp at = 1; google.protobuf.NullValue none = 2; }`,
    });
    expect(registry.schema("M").fields).toMatchObject([
      { message: registry.schema("google.protobuf.Timestamp") },
      { enum: registry.enum("google.protobuf.NullValue") },
    ]);
    expect(registry.has("google.protobuf.Any")).toBe(false);
    expect(refusal(`${head}message M { google.protobuf.Any a = 1; }`).message).toContain(
      "expected a type that exists, got google.protobuf.Any",
    );
  });
});

describe("the schemas of protobuf's conformance test", () => {
  test("test_messages_proto3.proto", () => {
    const registry = importProto(bundledProto("google/protobuf/test_messages_proto3.proto"));
    const all = registry.schema("protobuf_test_messages.proto3.TestAllTypesProto3");
    expect(all.fields).toHaveLength(151);
    const byTag = new Map(all.fields.map((field) => [field.tag, field]));
    expect(byTag.get(27)).toMatchObject({ message: all });
    expect(byTag.get(75)).toMatchObject({ packed: true });
    expect(byTag.get(89)).toMatchObject({ packed: false });
    expect(byTag.get(73)).toMatchObject({ map: "string", kind: "enum" });
    expect(byTag.get(120)).toMatchObject({ oneof: "oneof_field" });
    expect(byTag.get(306)).toMatchObject({ message: { name: "google.protobuf.Value" } });
    expect(all.fields.filter(({ tag }) => tag > 400).map(({ jsonName }) => jsonName)).toEqual([
      "fieldname1",
      "fieldName2",
      "FieldName3",
      "fieldName4",
      "field0name5",
      "field0Name6",
      "fieldName7",
      "FieldName8",
      "fieldName9",
      "FieldName10",
      "FIELDNAME11",
      "FIELDName12",
      "FieldName13",
      "FieldName14",
      "fieldName15",
      "fieldName16",
      "fieldName17",
      "FieldName18",
    ]);
    const aliases = registry.enum("protobuf_test_messages.proto3.TestAllTypesProto3.AliasedEnum");
    expect(aliases.members).toMatchObject({ ALIAS_BAZ: 2, moo: 2, bAz: 2 });
  });

  test("conformance.proto", () => {
    const registry = importProto(bundledProto("conformance/conformance.proto"));
    expect(registry.schemas().map(({ name }) => name)).toContain("conformance.ConformanceRequest");
    expect(describeDefinition(registry.enum("conformance.TestCategory"))).toMatchObject({
      members: { TEXT_FORMAT_TEST: 5 },
    });
  });

  test.each([
    ["google/protobuf/test_messages_proto2.proto", 'expected "proto3", got the string "proto2"'],
    ["google/protobuf/test_messages_edition2023.proto", "got an edition, which cannot be imported"],
  ])("refuses %s", (path, says) => {
    expect(refusal(bundledProto(path)).message).toContain(says);
  });
});

describe("what it refuses", () => {
  test.each([
    [
      "",
      '1:1: expected syntax = "proto3"; before all else, or the file is proto2, got the end of the file',
    ],
    ["message M {}", '1:1: expected syntax = "proto3"; before all else'],
    ['edition = "2023";', "1:1: expected"],
    [`${head}message M {`, "2:12: expected a type, got the end of the file"],
    [`${head}message M { required int32 a = 1; }`, "got required, which is proto2's"],
    [`${head}message M { extensions 5; }`, "got extensions, which are proto2's"],
    [`${head}extend M { int32 a = 5; }`, "2:8: expected one of protobuf's options"],
    [`${head}message M { repeated group G = 1 {} }`, "got a group"],
    [
      `${head}message M { oneof o { optional int32 a = 1; } }`,
      'got "optional", which no oneof has',
    ],
    [`${head}message M { oneof o { map<int32, int32> a = 1; } }`, "got a map"],
    [`${head}message M { oneof o {} }`, "expected a field in oneof o, got none"],
    [`${head}message M { optional map<int32, int32> a = 1; }`, 'without a label, got "optional"'],
    [`${head}message M { map<float, int32> a = 1; }`, 'for the keys, got "float"'],
    [`${head}message M { map<M, int32> a = 1; }`, 'for the keys, got "M"'],
    [`${head}message M { map<int32, map<int32, int32>> a = 1; }`, 'expected ">", got "<"'],
    [`${head}message M { int32 a = 0; }`, "2:23: expected a number from 1 to 536870911"],
    [`${head}message M { int32 a = 536870912; }`, "got 536870912"],
    [`${head}message M { int32 a = 19500; }`, "without 19000 to 19999, got 19500"],
    [`${head}message M { int32 a = 99999999999999999999; }`, "got 100000000000000000000"],
    [`${head}message M { int32 a = 1; int32 b = 1; }`, "for field b of M, got 1, the number of a"],
    [`${head}message M { int32 a = 1; int32 a = 2; }`, "expected a name that is free in M, got a"],
    [`${head}message M { int32 a_b = 1; int32 aB = 2; }`, "which gives aB like a_b"],
    [`${head}message M { int32 a = 1; int32 b = 2 [json_name = "a"]; }`, 'which is "a" like a'],
    [`${head}message M { int32 a = 1 [json_name = ""]; }`, "expected a json_name"],
    [`${head}message M { int32 a = 1 [default = 5]; }`, "got default, which is proto2's"],
    [`${head}message M { int32 a = 1 [packed = true]; }`, "got it on a"],
    [`${head}message M { repeated string a = 1 [packed = true]; }`, "got it on a"],
    [`${head}message M { repeated M a = 1 [packed = true]; }`, "got it on a"],
    [`${head}message M { repeated int32 a = 1 [packed = 1]; }`, 'expected "true" or "false"'],
    [`${head}message M { reserved 1; int32 a = 1; }`, "not reserved, got 1"],
    [
      `${head}message M { int32 a = 7; reserved 9, 5 to 8; }`,
      "2:23: expected a number that is not reserved",
    ],
    [`${head}message M { int32 a = 7; reserved 1 to 100; }`, "not reserved, got 7"],
    [`${head}message M { reserved 1 to 5, 4; }`, "2:30: expected numbers that are reserved once"],
    [`${head}message M { reserved 4; reserved 1 to 5; }`, "reserved once, got 4 again"],
    [`${head}message M { reserved "a", "a"; }`, "reserved once, got a again"],
    [`${head}enum E { A = 0; reserved -5 to -1, -1; }`, "reserved once, got -1 again"],
    [`${head}message M { reserved "a"; int32 a = 1; }`, "not reserved, got a"],
    [`${head}message M { reserved 5 to 3; }`, "got 5 to 3"],
    [`${head}message M { reserved 0; }`, "expected a range from 1"],
    [`${head}message M { reserved a; }`, 'expected a number or a name in quotes, got "a"'],
    [
      `${head}message M { map<int32, int32> a_b = 1; message ABEntry {} }`,
      "got ABEntry, the name of a map entry",
    ],
    [`${head}message M {} enum M { A = 0; }`, "got M, the name of a message of input.proto"],
    [`${head}enum E { A = 0; } enum F { A = 0; }`, "got A, the name of a member"],
    [`${head}package a.b; message M {} package c;`, "a file has one package"],
    [`${head}enum E {}`, "expected a member of number 0 in enum E, got none"],
    [`${head}enum E { A = 1; }`, "expected 0, the number of an enum's first member, got 1"],
    [`${head}enum E { A = 0; B = 0; }`, "got 0, the number of A"],
    [`${head}enum E { A = 0; B = 2147483648; }`, "expected a number of 32 bits"],
    [`${head}enum E { A = 0; reserved 0 to 5; }`, "not reserved, got 0"],
    [`${head}enum E { A = 0; reserved "A"; }`, "not reserved, got A"],
    [`${head}message M { Missing a = 1; }`, "expected a type that exists, got Missing"],
    [`${head}enum E { A = 0; } message M { A a = 1; }`, "expected a type that exists, got A"],
    [`${head}import "gone.proto";`, '2:8: expected a file that was given, got import "gone.proto"'],
    [`${head}/* open`, 'expected "*/"'],
    [`${head}import "open\n";`, "expected the string to end on its line"],
    [`${head}import "\\q";`, "expected an escape such as"],
    [`${head}import "\\xff";`, "got bytes that are no UTF-8"],
    [`${head}import "\\u{1}";`, "expected an escape such as"],
    [`${head}message M { int32 a = 1x; }`, "expected a number"],
    [`${head}message M { int32 a = 08; }`, "octal digits"],
    [`${head}message M { int32 a = 0x; }`, "hexadecimal digits"],
    [`${head}message M { int32 a = 1.0; }`, "expected the number of the field"],
    [`${head}message M { int32 a = 1`, 'expected ";", got the end of the file'],
    [`${head}option a = { b: [1} };`, 'expected "]", got "}"'],
    [`${head}option a = { b`, 'expected "}" after this "{", got none'],
    [`${head}message Ä {}`, "got the character U+00C4"],
    [`${head}message \u{1F600} {}`, "got the character U+1F600"],
    [`${head}service S { int32 a = 1; }`, 'expected "rpc", "option" or "}", got "int32"'],
    [`${head}service S { rpc A (M) }`, 'expected "returns", got "}"'],
    [`${head}int32 a = 1;`, 'expected "import", "package", "option"'],
    [`${head}package ${"a".repeat(600)};`, "expected a package of at most 512 characters"],
    [`${head}package ${"a".repeat(510)}; message Mmm {}`, "at most 512 characters, got one of 514"],
  ])("%j: %s", (source, says) => {
    expect(refusal(source).message).toContain(says);
  });

  test("names of any length, in messages of bounded length", () => {
    const { message } = refusal(`${head}message M { ${"a.".repeat(100_000)}b c = 1; }`);
    expect(message).toMatch(/^input.proto:2:13: expected a type that exists, got a.a.a/);
    expect(message.length).toBeLessThan(600);
  });

  test("names of packages and types that clash between files", () => {
    expect(
      refusal({ "a.proto": `${head}message p {}`, "b.proto": `${head}package p;` }).message,
    ).toBe("b.proto:2:1: expected a package of its own name, got p, a message of a.proto");
    expect(
      refusal({ "a.proto": `${head}message M {}`, "b.proto": `${head}\n message M {}` }).message,
    ).toBe("b.proto:3:10: expected a name that is free, got M, the name of a message of a.proto");
  });

  test("more than the limits allow", () => {
    const nested = (depth: number) => head + "message M {".repeat(depth) + "}".repeat(depth);
    expect(importProto(nested(32)).schemas()).toHaveLength(32);
    expect(refusal(nested(33)).message).toContain("nested at most 32 deep");
    expect(refusal(nested(100_000)).message).toContain("nested at most 32 deep");
    expect(refusal(nested(3), { maxNesting: 2 }).message).toContain("at most 2 deep");
    const fields = (count: number) =>
      `${head}message M {${Array.from({ length: count }, (_, i) => `int32 f${i} = ${i + 1};`).join("")}}`;
    expect(importProto(fields(1024)).schema("M").fields).toHaveLength(1024);
    expect(refusal(fields(1025)).message).toContain("at most 1024 fields in M");
    expect(refusal(`${head}// ${"ä".repeat(50)}`, { maxSourceBytes: 100 }).message).toContain(
      "at most 100 bytes",
    );
    expect(refusal({ a: head, b: head }, { maxFiles: 1 }).message).toContain("at most 1 files");
    expect(refusal(`${head}option a = ${"{".repeat(1_000_000)}`).message).toContain(
      'expected "}" after this',
    );
  });

  test.each([
    [{ fieldNames: "snake" }, "fieldNames"],
    [{ maxFields: 0 }, "maxFields"],
    [{ maxDepth: 3 }, "maxDepth"],
  ])("options that are none: %j", (options, option) => {
    expect(() => importProto(head, options as ImportProtoOptions)).toThrow(
      expect.objectContaining({ code: "KING_IIBIN_OPTION_INVALID", details: { option } }),
    );
  });
});

describe("files that import each other in a circle are refused", () => {
  test("one that imports itself", () => {
    expect(refusal({ "a.proto": `${head}import "a.proto";` }).message).toContain(
      "a.proto:2:8: expected an import of another file, got itself",
    );
  });

  test("two and more, at the import that leads back", () => {
    const files = {
      "main.proto": `${head}import "a.proto"; import "b.proto";`,
      "a.proto": `${head}import "b.proto";`,
      "b.proto": `${head}import "google/protobuf/empty.proto"; import public "a.proto";`,
    };
    expect(refusal(files).message).toMatch(
      /b\.proto:2:53: .*got a cycle: "a.proto" imports "b.proto" imports "a.proto"$/,
    );
  });

  test("and not files that are imported by several, nor long chains", () => {
    const chain = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, i) => [
        `${i}.proto`,
        i === 999 ? head : `${head}import "${i + 1}.proto"; import "999.proto";`,
      ]),
    );
    expect(importProto(chain).schemas()).toEqual([]);
    chain["999.proto"] = `${head}import "0.proto";`;
    expect(refusal(chain).message.length).toBeLessThan(400);
  });
});

test.each([null, undefined, 5, true, [`${head}message M {}`]])(
  "what is neither text nor texts by path is refused: %j",
  (source) => {
    expect(() => importProto(source as never)).toThrow(
      expect.objectContaining({
        code: "KING_IIBIN_OPTION_INVALID",
        details: { option: "source" },
      }),
    );
  },
);
