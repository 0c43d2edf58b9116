import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createCodec } from "../src/codec.ts";
import { decode } from "../src/decode.ts";
import { encode } from "../src/encode.ts";
import { defineEnum } from "../src/enum.ts";
import { fromKing, type KingField } from "../src/from-king.ts";
import { Registry } from "../src/registry.ts";
import type { AnySchema } from "../src/schema.ts";

type CompactField = [tag: number, type: string, ...options: string[]];

/** What King's extension did with these values and bytes; values are JSON as PHP prints it. */
interface Vectors {
  readonly enums: Record<string, Record<string, number>>;
  readonly schemas: Record<string, Record<string, CompactField>>;
  readonly encode: { label: string; schema: string; value: string; hex: string }[];
  readonly decode: { label: string; schema: string; hex: string; value: string }[];
  readonly errors: { op: string; label: string; schema: string; input: string }[];
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL("king-vectors.json", import.meta.url), "utf8"),
);

/** Tags that protobuf does not have, with which King loses data. */
const beyondProtobuf = ["Tbig", "Thuge"];

const registry = new Registry();
for (const [name, members] of Object.entries(vectors.enums))
  defineEnum(name, members, { registry });
for (const [name, fields] of Object.entries(vectors.schemas))
  if (!beyondProtobuf.includes(name)) fromKing(name, kingFields(fields), registry);

function kingFields(fields: Record<string, CompactField>): Record<string, KingField> {
  const entries = Object.entries(fields).map(([name, [tag, type, ...options]]) => {
    const field: Record<string, unknown> = { tag, type };
    for (const option of options) {
      const [key = "", value] = option.split("=");
      field[key] = value === undefined ? true : /^\d+$/.test(value) ? Number(value) : value;
    }
    return [name, field as unknown as KingField] as const;
  });
  return Object.fromEntries(entries);
}

type Reviver = (key: string, item: unknown, context: { source?: string }) => unknown;
/** The standard function; its third argument is newer than the compiler's declarations. */
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => unknown;

/** PHP has one type for lists and maps: an empty one is whatever the schema says. */
function fromPhp(json: string, schema: AnySchema): unknown {
  if (json.startsWith("{v: bytes")) {
    const bytes = json.match(/\b[\da-f]{2}\b/g) ?? [];
    return { v: Uint8Array.from(bytes, (each) => Number.parseInt(each, 16)) };
  }
  const value = parseWithSource(json, (_, item, context) =>
    typeof item === "number" && !Number.isSafeInteger(item) && Number.isInteger(item)
      ? BigInt(context.source ?? String(item))
      : item,
  );
  return asMessage(value, schema);
}

function asMessage(value: unknown, schema: AnySchema): unknown {
  if (Array.isArray(value) && value.length === 0) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([name, item]) => {
    const field = schema.fields.find((each) => each.name === name);
    // PHP's array has the keys 1 and 0 in this order, in which an object cannot have them.
    if (field?.map === "bool")
      return [
        name,
        new Map([
          [true, item["1"]],
          [false, item["0"]],
        ]),
      ];
    if (field?.map !== undefined) {
      const map = Array.isArray(item) ? {} : item;
      if (field.kind !== "message") return [name, map];
      const { message } = field;
      return [
        name,
        Object.fromEntries(Object.entries(map).map(([k, v]) => [k, asMessage(v, message)])),
      ];
    }
    if (field?.kind === "message")
      return [
        name,
        field.repeated
          ? item.map((each: unknown) => asMessage(each, field.message))
          : asMessage(item, field.message),
      ];
    return [name, item];
  });
  return Object.fromEntries(entries);
}

const bytesOf = (hex: string) =>
  hex === "(empty)" ? new Uint8Array(0) : Uint8Array.from(Buffer.from(hex, "hex"));
/** Whole numbers of 64 bits are compared as numbers where King's are. */
const plain = (value: unknown) =>
  JSON.parse(JSON.stringify(value, (_, item) => (typeof item === "bigint" ? Number(item) : item)));

/** What decoding adds for absent fields changes the bytes. */
function hasDefaults(schema: AnySchema): boolean {
  return schema.fields.some(
    (field) =>
      field.default !== undefined || (field.kind === "message" && hasDefaults(field.message)),
  );
}

const deliveries = { generated: true, closures: false };

describe.each(Object.entries(deliveries))("King's vectors, %s", (_, generate) => {
  const usable = <V extends { schema: string }>(all: readonly V[]) =>
    all.filter(({ schema }) => !beyondProtobuf.includes(schema));

  test.each(usable(vectors.encode))("$schema, $label: $value is $hex", (vector) => {
    const schema = registry.schema(vector.schema);
    const codec = createCodec(schema, { generate });
    const message = fromPhp(vector.value, schema) as object;
    expect(Buffer.from(codec.encode(message)).toString("hex")).toBe(vector.hex);
    // And back: what was written is read, and where no default is added is written the same again.
    const decoded = codec.decode(bytesOf(vector.hex)) as object;
    if (!hasDefaults(schema))
      expect(Buffer.from(codec.encode(decoded)).toString("hex")).toBe(vector.hex);
    else expect(plain(decoded)).toMatchObject(plain(message));
  });

  test.each(usable(vectors.decode).filter(({ label }) => label !== "invalid utf8"))(
    "$schema, $label: $hex is $value",
    (vector) => {
      const schema = registry.schema(vector.schema);
      const decoded = createCodec(schema, { generate }).decode(bytesOf(vector.hex));
      expect(plain(decoded)).toEqual(plain(fromPhp(vector.value, schema)));
    },
  );

  // JavaScript has no 1.0 that is no integer.
  const errors = usable(vectors.errors).filter(({ input }) => input !== '{"v":1.0}');
  test.each(errors)("$op of $schema, $label: $input is refused", (vector) => {
    const schema = registry.schema(vector.schema);
    const codec = createCodec(schema, { generate });
    if (vector.op === "decode")
      expect(() => codec.decode(bytesOf(vector.input))).toThrow(
        expect.objectContaining({ code: "KING_IIBIN_WIRE_INVALID" }),
      );
    else
      expect(() => codec.encode(fromPhp(vector.input, schema) as object)).toThrow(
        expect.objectContaining({ code: "KING_IIBIN_VALUE_INVALID" }),
      );
  });
});

test("text that is no UTF-8, which King passes on, cannot be text here and is refused", () => {
  const vector = vectors.decode.find(({ label }) => label === "invalid utf8");
  const schema = registry.schema("S_string");
  expect(() => decode(schema, bytesOf(vector?.hex ?? ""))).toThrow(
    expect.objectContaining({
      code: "KING_IIBIN_WIRE_INVALID",
      details: expect.objectContaining({ path: "v" }),
    }),
  );
  // Whoever needs these bytes asks for them.
  expect(decode(registry.schema("S_bytes"), bytesOf(vector?.hex ?? ""))).toEqual({
    v: new Uint8Array([0xc3, 0x28]),
  });
});

test.each(beyondProtobuf)("%s, whose tags protobuf does not have, cannot be defined", (name) => {
  expect(() => fromKing(name, kingFields(vectors.schemas[name] ?? {}))).toThrow(
    expect.objectContaining({ code: "KING_IIBIN_SCHEMA_INVALID" }),
  );
});

test("1.0 is the integer 1, for JavaScript has no other", () => {
  expect(encode(registry.schema("S_int32"), { v: 1.0 })).toEqual(new Uint8Array([8, 1]));
});
