import { inspect } from "node:util";
import { describe, expect, expectTypeOf, test } from "vitest";
import { defineEnum } from "../../src/enum.ts";
import { fromJson } from "../../src/json/from-json.ts";
import { fromJsonText } from "../../src/json/from-json-text.ts";
import { toJson } from "../../src/json/to-json.ts";
import { type AnySchema, defineSchema } from "../../src/schema.ts";
import { wellKnownTypes } from "../../src/well-known/well-known-types.ts";

const Level = defineEnum("Level", { LOW: 0, HIGH: 1, TOP: 1 }, { allowAlias: true });
const Row = defineSchema("Row", {
  at: { tag: 1, type: "int32" },
  rows: { tag: 2, type: "Row", repeated: true },
});
const Table = defineSchema("Table", {
  userName: { tag: 1, type: "string", protoName: "user_name" },
  level: { tag: 2, type: Level },
  rows: { tag: 3, type: Row, repeated: true },
  counts: { tag: 4, type: "int64", map: "string" },
  byId: { tag: 5, type: Row, map: "int64", protoName: "by_id" },
  flags: { tag: 6, type: "string", map: "bool" },
  note: { tag: 7, type: "string", optional: true },
  text: { tag: 8, type: "string", oneof: "choice" },
  number: { tag: 9, type: "int32", oneof: "choice" },
  row: { tag: 10, type: Row },
  levels: { tag: 11, type: Level, repeated: true },
  named: { tag: 12, type: "int32", jsonName: "other-name" },
});

const empty = {
  userName: "",
  level: 0,
  rows: [],
  counts: {},
  byId: {},
  flags: {},
  levels: [],
  named: 0,
};
const full = {
  ...empty,
  userName: "Ada",
  level: 1,
  rows: [{ at: 1, rows: [] }],
  counts: { a: 1n },
  byId: { "-5": { at: 0, rows: [] } },
  flags: { true: "yes" },
  note: "",
  number: 0,
  row: { at: 0, rows: [] },
  levels: [0, 7],
  named: 3,
};
const fullJson = {
  userName: "Ada",
  level: "HIGH",
  rows: [{ at: 1 }],
  counts: { a: "1" },
  byId: { "-5": {} },
  flags: { true: "yes" },
  note: "",
  number: 0,
  row: {},
  levels: ["LOW", 7],
  "other-name": 3,
};

const refusal = (message: string, path: string, code = "KING_IIBIN_JSON_INVALID") =>
  expect.objectContaining({
    code,
    message: expect.stringContaining(message),
    details: expect.objectContaining({ path }),
  });

test("what is absent or zero is left out, unless its presence tells something", () => {
  expect(toJson(Table, {})).toEqual({});
  expect(toJson(Table, empty as never)).toEqual({});
  expect(toJson(Table, full as never)).toEqual(fullJson);
});

test("what is read is the message that decoding gives", () => {
  expect(fromJson(Table, {})).toEqual(empty);
  expect(fromJson(Table, fullJson)).toEqual(full);
  expect(Object.keys(fromJson(Table, { row: {}, userName: "x" }))).toEqual([
    ...["userName", "level", "rows", "counts", "byId", "flags", "row", "levels", "named"],
  ]);
});

test("options choose names, numbers of enums, and fields without presence", () => {
  const message = { userName: "Ada", level: 1, byId: { 1: {} } } as const;
  expect(toJson(Table, message, { useProtoFieldName: true, enumsAsIntegers: true })).toEqual({
    user_name: "Ada",
    level: 1,
    by_id: { 1: {} },
  });
  expect(toJson(Table, {}, { alwaysPrintFieldsWithNoPresence: true })).toEqual({
    userName: "",
    level: "LOW",
    rows: [],
    counts: {},
    byId: {},
    flags: {},
    levels: [],
    "other-name": 0,
  });
});

test("whatever encoding takes is written: Map, typed arrays, member names, null for absent", () => {
  const message = {
    level: "TOP",
    counts: new Map([["a", 1]]),
    byId: new Map<bigint | number, object>([
      [1n, {}],
      [2, {}],
    ]),
    levels: Uint8Array.of(0, 1),
    note: null,
    row: undefined,
  } as const;
  expect(toJson(Table, message as never)).toEqual({
    level: "HIGH",
    counts: { a: "1" },
    byId: { 1: {}, 2: {} },
    levels: ["LOW", "HIGH"],
  });
});

test("fields go by either name, once", () => {
  expect(fromJson(Table, { user_name: "x", by_id: { 1: {} } })).toMatchObject({ userName: "x" });
  expect(() => fromJson(Table, { user_name: "x", userName: null })).toThrow(
    refusal("expected the field once", "userName"),
  );
  expect(() => fromJson(Table, { named: 3 })).not.toThrow();
});

test("null is absence, but not as an item or an entry", () => {
  const nulls = Object.fromEntries(Object.keys(fullJson).map((key) => [key, null]));
  expect(fromJson(Table, nulls)).toEqual(empty);
  expect(() => fromJson(Table, { levels: [null] })).toThrow(refusal("got null", "levels[0]"));
  expect(() => fromJson(Table, { rows: [{}, null] })).toThrow(refusal("got null", "rows[1]"));
  expect(() => fromJson(Table, { byId: { 7: null } })).toThrow(refusal("got null", "byId[7]"));
});

test("of a oneof one member is set", () => {
  expect(fromJson(Table, { text: null, number: 5 })).toEqual({ ...empty, number: 5 });
  expect(() => fromJson(Table, { text: "", number: 5 })).toThrow(
    refusal("expected at most one member of choice, and got text too", "number"),
  );
  expect(() => toJson(Table, { text: "", number: 5 })).toThrow(
    refusal("expected at most one member of choice, and got text too", "number"),
  );
});

test("unknown fields and members are refused, or passed over where asked", () => {
  const unknown = { userNames: 1, level: "NONE", levels: ["LOW", "NONE"], counts: { a: 1 } };
  expect(() => fromJson(Table, unknown)).toThrow(
    refusal("expected a field of Table, got userNames", ""),
  );
  expect(() => fromJson(Table, { level: "NONE" })).toThrow(refusal("a member of Level", "level"));
  expect(() => fromJson(Table, { level: "constructor" })).toThrow(refusal("Level", "level"));
  expect(() => fromJson(Table, { level: 2 ** 31 })).toThrow(refusal("Level", "level"));
  expect(fromJson(Table, unknown, { ignoreUnknownFields: true })).toEqual({
    ...empty,
    levels: [0],
    counts: { a: 1n },
  });
  expect(() => toJson(Table, { user: 1 } as never)).toThrow(refusal("got user", ""));
});

test("keys of maps are of their type, each once, and harmless", () => {
  const json = JSON.parse('{"counts": {"__proto__": "1", "constructor": 2}}');
  const message = fromJson(Table, json);
  expect(Object.getPrototypeOf(message.counts)).toBe(Object.prototype);
  expect(Object.entries(message.counts)).toEqual([
    ["__proto__", 1n],
    ["constructor", 2n],
  ]);
  expect(JSON.stringify(toJson(Table, message))).toBe(
    '{"counts":{"__proto__":"1","constructor":"2"}}',
  );
  expect(() => fromJson(Table, { byId: { "1": {}, "1.0": {} } })).toThrow(
    refusal("expected each key once", "byId[*]"),
  );
  expect(() => fromJson(Table, { byId: { x: {} } })).toThrow(refusal("an integer", "byId[*]"));
  expect(() => fromJson(Table, { flags: { yes: "" } })).toThrow(
    refusal("true or false", "flags[*]"),
  );
  expect(() => toJson(Table, { byId: { 1.5: {} } } as never)).toThrow(
    refusal("integer", "byId[*]"),
  );
  expect(() => toJson(Table, { flags: { yes: "" } } as never)).toThrow(refusal("true", "flags[*]"));
});

test.each([null, undefined, 5, "x", true, []])("%o is no message", (value) => {
  expect(() => fromJson(Table, value)).toThrow(refusal("expected an object", ""));
  expect(() => toJson(Table, value as never)).toThrow(refusal("expected a message of Table", ""));
});

test("errors tell the path, and no contents", () => {
  const json = { rows: [...Array(17).fill({}), { rows: [{ at: "hunter2" }] }] };
  expect(() => fromJson(Table, json)).toThrow(
    refusal("Table.rows[17].rows[0].at: expected an integer", "rows[17].rows[0].at"),
  );
  for (const secret of [
    json,
    { level: "hunter2" },
    { "hunter2!": 1 },
    { counts: { hunter2: "x" } },
  ])
    expect(() => fromJson(Table, secret)).toThrow(expect.not.stringContaining("hunter2"));
  let refused: unknown;
  try {
    fromJsonText(Table, '{"userName": hunter2}');
  } catch (error) {
    refused = error;
  }
  expect(inspect(refused)).not.toContain("hunter2");
});

test("profile king keeps zeros, and knows no empty lists", () => {
  const King = defineSchema(
    "King",
    {
      id: { tag: 1, type: "int32", required: true },
      level: { tag: 2, type: Level, default: "HIGH" },
      tags: { tag: 3, type: "string", repeated: true },
      key: { tag: 4, type: "bytes", default: Uint8Array.of(1) },
    },
    { profile: "king" },
  );
  expect(toJson(King, { id: 0, level: "LOW", tags: [] })).toEqual({ id: 0, level: "LOW" });
  expect(fromJson(King, { id: 0, tags: [] })).toEqual({ id: 0, level: 1, key: Uint8Array.of(1) });
  expect(() => fromJson(King, {})).toThrow(refusal("expected a value, got none", "id"));
  expect(() => toJson(King, {} as never)).toThrow(refusal("expected a value, got none", "id"));
});

test("unsigned integers of 64 bits have 63 in profile king", () => {
  const fields = {
    id: { tag: 1, type: "uint64" },
    at: { tag: 2, type: "fixed64" },
    byId: { tag: 3, type: "bool", map: "uint64" },
  } as const;
  const Both = [defineSchema("Wide", fields), defineSchema("Wide", fields, { profile: "king" })];
  const most = 2n ** 63n - 1n;
  for (const [schema, max] of [
    [Both[0], 2n ** 64n - 1n],
    [Both[1], most],
  ] as [AnySchema, bigint][]) {
    const json = { id: `${max}`, at: `${max}`, byId: { [`${max}`]: true } };
    const message = fromJson(schema, json);
    expect(message).toMatchObject({ id: max, at: max });
    expect(toJson(schema, message)).toEqual(json);
    const beyond = `${max + 1n}`;
    const expected = `expected an integer from 0 to ${max}, got`;
    for (const wrong of [{ id: beyond }, { at: beyond }, { byId: { [beyond]: true } }])
      expect(() => fromJson(schema, wrong)).toThrow(expected);
    for (const wrong of [{ id: max + 1n }, { at: max + 1n }, { byId: { [beyond]: true } }])
      expect(() => toJson(schema, wrong)).toThrow(expected);
  }
});

test("two fields cannot have one JSON name", () => {
  const Twins = defineSchema("Twins", {
    a_b: { tag: 1, type: "int32" },
    aB: { tag: 2, type: "int32" },
  });
  expect(() => toJson(Twins, {})).toThrow(
    expect.objectContaining({ code: "KING_IIBIN_SCHEMA_INVALID" }),
  );
});

describe("limits", () => {
  const nested = (depth: number): object => (depth === 0 ? {} : { rows: [nested(depth - 1)] });
  const limit = (name: string) =>
    expect.objectContaining({
      code: "KING_IIBIN_LIMIT",
      details: expect.objectContaining({ limit: name }),
    });

  test("depth is 100 unless said otherwise, in both directions", () => {
    for (const convert of [toJson, fromJson] as ((
      s: AnySchema,
      v: never,
      o?: object,
    ) => unknown)[]) {
      expect(() => convert(Row, nested(100) as never)).not.toThrow();
      expect(() => convert(Row, nested(101) as never)).toThrow(limit("maxDepth"));
      const limits = { maxDepth: 1 };
      expect(() => convert(Row, nested(1) as never, { limits })).not.toThrow();
      expect(() => convert(Row, nested(2) as never, { limits })).toThrow(limit("maxDepth"));
    }
  });

  test("a message that holds itself ends in an error", () => {
    const row: { rows: object[] } = { rows: [] };
    row.rows.push(row);
    expect(() => toJson(Row, row)).toThrow(limit("maxDepth"));
  });

  test("items, entries and messages count together", () => {
    const json = { levels: [0, 1], counts: { a: 1 }, row: {}, rows: [{}] };
    expect(() => fromJson(Table, json, { limits: { maxItems: 5 } })).not.toThrow();
    expect(() => fromJson(Table, json, { limits: { maxItems: 4 } })).toThrow(limit("maxItems"));
    expect(() => toJson(Table, json as never, { limits: { maxItems: 4 } })).toThrow(
      limit("maxItems"),
    );
  });
});

describe("text", () => {
  test("is parsed, with the key that an object has twice refused", () => {
    expect(fromJsonText(Table, ' {"userName":"a\\"b","rows":[{"at":1},{"at":1}]}')).toMatchObject({
      userName: 'a"b',
      rows: [{ at: 1 }, { at: 1 }],
    });
    for (const twice of [
      '{"level": 1, "level": 1}',
      '{"rows": [1, {"at": [], "rows": {}, "at": 2}]}',
      '{"counts": {"a": 1, "\\u0061": 1}}',
      '{"row": {"rows": []}, "note": "x", "row": {}}',
    ])
      expect(() => fromJsonText(Table, twice)).toThrow(refusal("each key once", ""));
    for (const once of ['{"note": "{\\"a\\":1,\\"a\\":2}"}', '{"counts": {"a": 1, "a\\\\": 2}}'])
      expect(() => fromJsonText(Table, once)).not.toThrow();
  });

  test.each(["", "{", "{} {}", "{'a': 1}", 5, undefined])("%o is none", (text) => {
    expect(() => fromJsonText(Table, text as string)).toThrow(refusal("expected JSON text", ""));
  });

  test("can have long strings, whatever is in them", () => {
    for (const unit of ["x", '"', "\\", '\\"', "{"]) {
      const userName = unit.repeat(1_000_000);
      expect(fromJsonText(Table, JSON.stringify({ userName, note: "" })).userName).toBe(userName);
    }
  });

  test("has a limit", () => {
    expect(() => fromJsonText(Table, "{}  ", { limits: { maxBytes: 3 } })).toThrow(
      refusal("more than maxBytes (3) allows", "", "KING_IIBIN_LIMIT"),
    );
  });
});

describe("integers beyond 2^53 in text", () => {
  const N = defineSchema("N", {
    id: { tag: 1, type: "int64" },
    ids: { tag: 2, type: "uint64", repeated: true },
    byName: { tag: 3, type: "sfixed64", map: "string" },
    double: { tag: 4, type: "double" },
    float: { tag: 5, type: "float" },
    small: { tag: 6, type: "int32" },
    level: { tag: 7, type: Level },
    any: { tag: 8, type: wellKnownTypes().schema("google.protobuf.Value") },
    object: { tag: 9, type: wellKnownTypes().schema("google.protobuf.Struct") },
    wrapped: { tag: 10, type: wellKnownTypes().schema("google.protobuf.Int64Value") },
    text: { tag: 11, type: "string" },
  });

  test("keep their digits in fields of 64 bits, however they are written", () => {
    expect(
      fromJsonText(
        N,
        `{"id":-9007199254740993,"ids":[18446744073709551615,900719925474099.3e1,123456789012347e4,1],
          "byName":{"a":9223372036854775807},"wrapped":9007199254740993}`,
      ),
    ).toMatchObject({
      id: -9_007_199_254_740_993n,
      ids: [2n ** 64n - 1n, 9_007_199_254_740_993n, 1_234_567_890_123_470_000n, 1n],
      byName: { a: 2n ** 63n - 1n },
      wrapped: { value: 9_007_199_254_740_993n },
    });
  });

  test("are numbers where numbers are held", () => {
    const message = fromJsonText(
      N,
      '{"double":9007199254740993,"float":9007199254740993,"any":[9007199254740993],"object":{"a":18446744073709551615}}',
    );
    expect(message).toMatchObject({
      double: 2 ** 53,
      float: 2 ** 53,
      any: { listValue: { values: [{ numberValue: 2 ** 53 }] } },
      object: { fields: { a: { numberValue: 2 ** 64 } } },
    });
  });

  test.each(["id", "ids", "small", "level", "text"])(
    "are refused where they do not fit: %s",
    (name) => {
      const literal = "18446744073709551616";
      const text = `{"${name}":${name === "ids" ? `[${literal}]` : literal}}`;
      expect(() => fromJsonText(N, text)).toThrow(
        expect.objectContaining({ code: "KING_IIBIN_JSON_INVALID" }),
      );
    },
  );

  test("are refused when numbers are asked for, and when JSON has them as bigint without text", () => {
    for (const read of [
      () => fromJsonText(N, '{"id":9007199254740993}', { int64: "number" }),
      () => fromJson(N, { id: 9_007_199_254_740_993n }),
      () => fromJson(N, { double: 1n }),
    ])
      expect(read).toThrow(expect.objectContaining({ code: "KING_IIBIN_JSON_INVALID" }));
  });

  test("do not make deep text run out of stack", () => {
    const deep = `${"[".repeat(50_000)}9007199254740993${"]".repeat(50_000)}`;
    for (const ignoreUnknownFields of [false, true])
      expect(() => fromJsonText(N, `{"any":${deep}}`, { ignoreUnknownFields })).toThrow(
        expect.objectContaining({ code: "KING_IIBIN_LIMIT" }),
      );
  });
});

test("types follow from the schema", () => {
  expectTypeOf(fromJson(Row, {}).at).toEqualTypeOf<number>();
  expectTypeOf(fromJson(Table, {}).counts).toEqualTypeOf<Record<string, bigint>>();
  expectTypeOf(fromJson(Table, {}, { int64: "number" }).counts).toEqualTypeOf<
    Record<string, number>
  >();
  expectTypeOf(fromJsonText(Table, "{}").note).toEqualTypeOf<string | undefined>();
  expectTypeOf<{ level: "NONE" }>().not.toExtend<Parameters<typeof toJson<typeof Table>>[1]>();
});
