import { defineConfig } from "@king-runtime/core";
import { describe, expect, test } from "vitest";
import { decodeBatch, encodeBatch } from "../src/batch.ts";
import { createCodec } from "../src/codec.ts";
import { iibinSection } from "../src/config.ts";
import { decode } from "../src/decode.ts";
import { encode } from "../src/encode.ts";
import type { Limits } from "../src/limits.ts";
import { defineSchema } from "../src/schema.ts";

const fields = {
  next: { tag: 1, type: "S" },
  text: { tag: 2, type: "string" },
  bytes: { tag: 3, type: "bytes" },
  list: { tag: 4, type: "bool", repeated: true },
  names: { tag: 5, type: "string", repeated: true },
  map: { tag: 6, type: "bool", map: "string" },
} as const;
const S = defineSchema("S", fields);
const Strict = defineSchema("S", fields, { profile: "king" });

const tooMuch = (limit: keyof Limits, max: number) =>
  expect.objectContaining({
    code: "KING_IIBIN_LIMIT",
    category: "limit",
    details: expect.objectContaining({ limit, max }),
  });

/** A message of so many levels below its root, as bytes. */
function nested(levels: number): Uint8Array {
  let message: number[] = [];
  const varint = (n: number) => (n < 128 ? [n] : [(n & 127) | 128, n >> 7]);
  for (let i = 0; i < levels; i++) message = [0x0a, ...varint(message.length), ...message];
  return Uint8Array.from(message);
}

type Chain = { next?: Chain };
function chain(levels: number): Chain {
  let message: Chain = {};
  for (let i = 0; i < levels; i++) message = { next: message };
  return message;
}

describe.each([true, false])("generated: %s", (generate) => {
  const open = (limits?: Limits) => createCodec(S, { generate, ...(limits && { limits }) });

  test.each([
    ["protobuf", S, 100],
    ["king", Strict, 32],
  ] as const)("a message of profile %s has levels, and no more", (_, schema, depth) => {
    const codec = createCodec(schema, { generate });
    expect(codec.decode(nested(depth))).toBeTypeOf("object");
    expect(codec.encode(chain(depth) as object)).toEqual(nested(depth));
    expect(() => codec.decode(nested(depth + 1))).toThrow(tooMuch("maxDepth", depth));
    expect(() => codec.encode(chain(depth + 1) as object)).toThrow(tooMuch("maxDepth", depth));
  });

  test("a message that holds itself is refused", () => {
    const message: Chain = {};
    message.next = message;
    expect(() => open().encode(message as object)).toThrow(tooMuch("maxDepth", 100));
  });

  test("groups nest no deeper than messages", () => {
    const groups = (levels: number) =>
      Uint8Array.from([...Array(levels).fill(0x7b), ...Array(levels).fill(0x7c)]);
    expect(open().decode(groups(100))).toBeTypeOf("object");
    expect(() => open().decode(groups(101))).toThrow(tooMuch("maxDepth", 100));
  });

  test("maxBytes bounds a whole message, in both directions", () => {
    const codec = open({ maxBytes: 10 });
    const bytes = codec.encode({ text: "12345678" });
    expect(bytes).toHaveLength(10);
    expect(codec.decode(bytes).text).toBe("12345678");
    expect(() => codec.encode({ text: "123456789" })).toThrow(tooMuch("maxBytes", 10));
    expect(() => codec.encode({ names: Array(5_000).fill("name") })).toThrow(
      tooMuch("maxBytes", 10),
    );
    expect(() => codec.decode(new Uint8Array(11))).toThrow(tooMuch("maxBytes", 10));
  });

  test.each(["12345", "Zoë1", "a".repeat(50), "ü".repeat(50), "x".repeat(5_000)])(
    "maxStringBytes bounds text by its bytes: %s",
    (text) => {
      const size = Buffer.byteLength(text);
      const exact = open({ maxStringBytes: size });
      expect(exact.decode(exact.encode({ text })).text).toBe(text);
      const short = open({ maxStringBytes: size - 1 });
      expect(() => short.encode({ text })).toThrow(tooMuch("maxStringBytes", size - 1));
      expect(() => short.decode(exact.encode({ text }))).toThrow(
        tooMuch("maxStringBytes", size - 1),
      );
    },
  );

  test("what is too long has a path", () => {
    const short = open({ maxStringBytes: 3 });
    const path = (path: string) =>
      expect.objectContaining({ details: expect.objectContaining({ path }) });
    expect(() => short.encode({ text: "four" })).toThrow(path("text"));
    expect(() => short.encode({ next: { names: ["", "four"] } })).toThrow(path("next.names[1]"));
    expect(() => short.encode({ bytes: new Uint8Array(4) })).toThrow(path("bytes"));
    expect(() => short.encode({ map: { four: true } })).toThrow(path("map[*]"));
    expect(() => short.decode(open().encode({ next: { text: "four" } }))).toThrow(
      path("next.text"),
    );
  });

  test("maxStringBytes bounds bytes", () => {
    const bytes = new Uint8Array(40);
    const short = open({ maxStringBytes: 39 });
    expect(() => short.encode({ bytes })).toThrow(tooMuch("maxStringBytes", 39));
    expect(() => short.decode(open().encode({ bytes }))).toThrow(tooMuch("maxStringBytes", 39));
  });

  test("maxItems bounds lists, maps and messages", () => {
    const codec = open({ maxItems: 3 });
    const most = { list: [true, true, true] };
    expect(codec.decode(codec.encode(most)).list).toHaveLength(3);
    for (const more of [
      { list: Array(4).fill(true) },
      { names: Array(4).fill("") },
      { map: { a: true, b: true, c: true, d: true } },
    ]) {
      expect(() => codec.encode(more)).toThrow(tooMuch("maxItems", 3));
      expect(() => codec.decode(open().encode(more))).toThrow(tooMuch("maxItems", 3));
    }
    // Together, when they are decoded.
    const together = open().encode({ list: [true, true], names: [""], map: { a: true } });
    expect(() => codec.decode(together)).toThrow(tooMuch("maxItems", 3));
    expect(() => codec.decode(nested(1))).toThrow(tooMuch("maxItems", 3));
    // Each message starts afresh.
    expect(codec.decode(codec.encode(most)).list).toHaveLength(3);
  });

  test("a nested message counts for the lists and maps it has, empty or not, and the root does not", () => {
    // Three of them, one of type bytes, and itself.
    expect(open({ maxItems: 10 }).decode(nested(2))).toBeTypeOf("object");
    expect(() => open({ maxItems: 9 }).decode(nested(2))).toThrow(tooMuch("maxItems", 9));
    const Row = defineSchema("Row", { id: { tag: 1, type: "int32" } });
    const Table = defineSchema("Table", {
      rows: { tag: 1, type: Row, repeated: true },
      byId: { tag: 2, type: Row, map: "int32" },
    });
    const table = { rows: [{}, {}], byId: { 7: {} } };
    const bytes = encode(Table, table);
    const at = (maxItems: number) => createCodec(Table, { generate, limits: { maxItems } });
    expect(at(3).decode(bytes).rows).toHaveLength(2);
    expect(() => at(2).decode(bytes)).toThrow(tooMuch("maxItems", 2));
  });

  test("many empty messages cost no more memory than maxItems allows", () => {
    const lists = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [
        `f${i}`,
        { tag: i + 2, type: "bytes" as const, ...(i % 2 === 0 && { repeated: true }) },
      ]),
    );
    const Wide = defineSchema("Wide", lists);
    const Many = defineSchema("Many", { all: { tag: 1, type: Wide, repeated: true } });
    const bytes = new Uint8Array(2_000_000);
    for (let i = 0; i < bytes.length; i += 2) bytes[i] = 0x0a;
    const before = process.memoryUsage().rss;
    expect(() => createCodec(Many, { generate }).decode(bytes)).toThrow(
      tooMuch("maxItems", 1_048_576),
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(700_000_000);
  });

  test("keys that are integers reserve no memory for smaller ones", () => {
    const Inner = defineSchema("Inner", {
      numbers: { tag: 1, type: "bool", map: "uint32" },
      texts: { tag: 2, type: "bool", map: "string" },
    });
    const Outer = defineSchema("Outer", { all: { tag: 1, type: Inner, repeated: true } });
    const codec = createCodec(Outer, { generate });
    const number = codec.encode({ all: [{ numbers: { 1023: true } }] });
    const text = codec.encode({ all: [{ texts: { 1023: true } }] });
    const both = Buffer.concat([number, text]);
    const bytes = Buffer.concat(Array(20_000).fill(both));
    const before = process.memoryUsage().heapUsed;
    const { all } = codec.decode(bytes);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(150_000_000);
    expect(all[0]?.numbers).toEqual({ 1023: true });
    expect(all[39_999]?.texts).toEqual({ 1023: true });
  });

  test("unknown fields are kept in memory in proportion, and between known ones count as items", () => {
    const One = defineSchema("One", { a: { tag: 1, type: "int32" } });
    const codec = createCodec(One, { generate, unknownFields: "keep" });
    const unknown = new Uint8Array(4_000_000);
    for (let i = 0; i < unknown.length; i += 2) unknown.set([16, 1], i);
    const before = process.memoryUsage().rss;
    const kept = codec.decode(unknown);
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
    expect(Buffer.compare(codec.encode(kept), unknown)).toBe(0);
    const mixed = new Uint8Array(8_000_000);
    for (let i = 0; i < mixed.length; i += 4) mixed.set([16, 1, 8, 1], i);
    expect(() => codec.decode(mixed)).toThrow(tooMuch("maxItems", 1_048_576));
  });

  test("levels that the stack has no room for are refused as too deep", () => {
    const wide = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, i) => [
        `f${i}`,
        { tag: i + 2, type: "int32" as const, ...(i % 2 === 0 && { repeated: true }) },
      ]),
    );
    const Wide = defineSchema(
      "Wide",
      { ...wide, next: { tag: 1, type: "Wide" } },
      { maxFields: 1_024 },
    );
    const codec = createCodec(Wide, { generate, limits: { maxDepth: 256 } });
    // A generated function has its fields on the stack, 256 times a thousand here; closures have not.
    const run = () => codec.decode(nested(256));
    if (generate) expect(run).toThrow(tooMuch("maxDepth", 256));
    else expect(run()).toBeTypeOf("object");
  });

  test("a key is too long whether it was met before or not", () => {
    const bytes = open().encode({ map: { "ten letters": true } });
    open().decode(bytes);
    expect(() => open({ maxStringBytes: 3 }).decode(bytes)).toThrow(tooMuch("maxStringBytes", 3));
  });

  test("parts of a message that are put together count against maxBytes", () => {
    const part = open().encode({ next: { text: "x".repeat(40) } });
    const bytes = new Uint8Array(Buffer.concat([part, part, part]));
    expect(open({ maxBytes: bytes.length }).decode(bytes).next?.text).toHaveLength(40);
    // At each level again: what is put together at 20 levels is 20 times as much.
    let deep = part;
    for (let i = 0; i < 20; i++) {
      const head = [0x0a, (deep.length & 127) | 128, deep.length >> 7];
      deep = Uint8Array.from([...head, ...deep, 0x0a, 0]);
    }
    expect(() => open({ maxBytes: deep.length * 2 }).decode(deep)).toThrow(
      tooMuch("maxBytes", deep.length * 2),
    );
  });

  test("parts of a message count as items", () => {
    const bytes = new Uint8Array(6_000_000);
    for (let i = 0; i < bytes.length; i += 2) bytes[i] = 0x0a;
    expect(() => open().decode(bytes)).toThrow(tooMuch("maxItems", 1_048_576));
    const Entries = defineSchema("Entries", { m: { tag: 1, type: S, map: "int32" } });
    const value = new Uint8Array(6_000_000);
    for (let i = 0; i < value.length; i += 2) value[i] = 0x12;
    const entry = Buffer.concat([Buffer.from("0a809bee02", "hex"), value]);
    expect(() => createCodec(Entries, { generate }).decode(entry)).toThrow(
      tooMuch("maxItems", 1_048_576),
    );
  });

  test("a packed list that would be too long is not allocated", () => {
    const count = 1_048_577;
    const packed = new Uint8Array(count + 4);
    packed.set([0x22, 0x81, 0x80, 0x40]);
    const before = process.memoryUsage().heapUsed;
    expect(() => open().decode(packed)).toThrow(tooMuch("maxItems", 1_048_576));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(4_000_000);
  });
});

test("maxBatch is looked at before any record", () => {
  const limits = { maxBatch: 2 };
  const records = [{}, {}, 7] as object[];
  expect(() => encodeBatch(S, records, { limits })).toThrow(tooMuch("maxBatch", 2));
  expect(() => decodeBatch(createCodec(S, { limits }), Array(3).fill(7))).toThrow(
    tooMuch("maxBatch", 2),
  );
  expect(() => encodeBatch(S, Array(65_537).fill({}))).toThrow(tooMuch("maxBatch", 65_536));
  expect(encodeBatch(S, Array(65_536).fill({}))).toHaveLength(65_536);
});

test("the functions take limits too", () => {
  expect(() => encode(S, { text: "xx" }, { limits: { maxBytes: 3 } })).toThrow(
    tooMuch("maxBytes", 3),
  );
  expect(() => decode(S, new Uint8Array(4), { limits: { maxBytes: 3 } })).toThrow(
    tooMuch("maxBytes", 3),
  );
});

test.each([
  { maxBytes: -1 },
  { maxBytes: 2 ** 31 },
  { maxDepth: 257 },
  { maxItems: 1.5 },
  { maxStringBytes: "1" },
  { maxBatch: Number.NaN },
])("%o is no limit", (limits) => {
  expect(() => createCodec(S, { limits: limits as Limits })).toThrow(
    expect.objectContaining({
      code: "KING_IIBIN_OPTION_INVALID",
      details: { option: Object.keys(limits)[0] },
    }),
  );
});

test("an operator's config has the same limits", () => {
  const config = defineConfig({
    sections: [iibinSection],
    overrides: { iibin: { maxBytes: 3, maxDepth: 200 } },
  });
  const limits = config.section(iibinSection);
  expect(() => createCodec(S, { limits }).decode(new Uint8Array(4))).toThrow(
    tooMuch("maxBytes", 3),
  );
  // King's depth is 32 whatever is asked for.
  expect(() =>
    createCodec(Strict, { limits: { ...limits, maxBytes: 1_000 } }).decode(nested(33)),
  ).toThrow(tooMuch("maxDepth", 32));
});

test("nested messages are charged for their fields when decoding, so encoding can write more than is read", () => {
  const Row = defineSchema("Row", {
    a: { tag: 1, type: "int32", repeated: true },
    b: { tag: 2, type: "string", map: "string" },
    c: { tag: 3, type: "bytes" },
  });
  const Table = defineSchema("Table", { rows: { tag: 1, type: Row, repeated: true } });
  const rows = (count: number) => encode(Table, { rows: Array(count).fill({}) });
  expect(decode(Table, rows(262_144)).rows).toHaveLength(262_144);
  expect(() => decode(Table, rows(262_145))).toThrow(/more than maxItems/);
});
