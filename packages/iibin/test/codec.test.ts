import { KingError } from "@king-runtime/core";
import { memoryInUse } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { decodeBatch, encodeBatch } from "../src/batch.ts";
import { createCodec } from "../src/codec.ts";
import { decode } from "../src/decode.ts";
import { delimitedDecoder, delimitedEncoder } from "../src/delimited.ts";
import { encode } from "../src/encode.ts";
import { defineSchema } from "../src/schema.ts";
import { unknownFields } from "../src/unknown-fields.ts";

const Point = defineSchema("Point", {
  x: { tag: 1, type: "int32" },
  y: { tag: 2, type: "sint64" },
});
const Shape = defineSchema("Shape", {
  name: { tag: 1, type: "string" },
  points: { tag: 2, type: Point, repeated: true },
  data: { tag: 3, type: "bytes" },
  byName: { tag: 4, type: Point, map: "string" },
});

describe.each([true, false])("generated: %s", (generate) => {
  test("the codec and the functions do the same", () => {
    const codec = createCodec(Shape, { generate });
    const shape = {
      name: "dot",
      points: [{ x: 1, y: -2n }],
      data: new Uint8Array([7]),
      byName: {},
    };
    expect(codec.contentType).toBe("application/x-protobuf");
    expect(codec.encode(shape)).toEqual(encode(Shape, shape));
    expect(codec.decode(encode(Shape, shape))).toEqual(shape);
    expect(decode(Shape, codec.encode(shape))).toEqual(shape);
  });

  test("64 bits are bigint, or numbers that must be safe", () => {
    const exact = createCodec(Point, { generate });
    const numbers = createCodec(Point, { generate, int64: "number" });
    expect(exact.decode(exact.encode({ y: 2 ** 53 - 1 })).y).toBe(2n ** 53n - 1n);
    expect(numbers.decode(exact.encode({ y: -(2 ** 53) + 1 })).y).toBe(-(2 ** 53) + 1);
    expect(() => numbers.decode(exact.encode({ y: 2n ** 53n }))).toThrow(
      expect.objectContaining({
        code: "KING_IIBIN_WIRE_INVALID",
        message: 'Point.y: a number is no safe integer (decode with int64: "bigint") at byte 1',
      }),
    );
  });

  test("bytes are copies, or views on what was decoded", () => {
    const bytes = encode(Shape, { data: new Uint8Array([1, 2, 3]) });
    const { data: copy } = createCodec(Shape, { generate }).decode(bytes);
    const { data: view } = createCodec(Shape, { generate, bytes: "view" }).decode(bytes);
    bytes.fill(9);
    expect(copy).toEqual(new Uint8Array([1, 2, 3]));
    expect(view).toEqual(new Uint8Array([9, 9, 9]));
    expect(view.buffer).toBe(bytes.buffer);
  });

  test("what was encoded stays as it is, whatever is encoded after it", () => {
    const codec = createCodec(Point, { generate });
    const all = Array.from({ length: 20_000 }, (_, x) => codec.encode({ x }));
    for (const [x, bytes] of all.entries()) expect(codec.decode(bytes).x).toBe(x);
  });

  test("with copy: true each message has memory of its own, and no more of it", () => {
    const bytes = createCodec(Point, { generate, copy: true }).encode({ x: 1 });
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  test("a large message does not keep more memory than a quarter of its size", () => {
    const codec = createCodec(Shape, { generate });
    for (const size of [20_000, 70_000, 3_000_000, 90_000]) {
      const bytes = codec.encode({ data: new Uint8Array(size) });
      expect(bytes.buffer.byteLength).toBeLessThan(size * 1.26 + 65_536 * Number(size < 65_536));
    }
  });

  test("encodeInto writes where it is told, and nothing when there is no room", () => {
    const codec = createCodec(Point, { generate });
    const target = new Uint8Array(6).fill(0xff);
    expect(codec.encodeInto({ x: 300 }, target, 2)).toBe(3);
    expect(target).toEqual(new Uint8Array([0xff, 0xff, 8, 0xac, 2, 0xff]));
    for (const offset of [4, -1, 1.5, 7])
      expect(() => codec.encodeInto({ x: 300 }, target, offset)).toThrow(
        expect.objectContaining({
          code: "KING_IIBIN_OPTION_INVALID",
          details: { option: "target" },
        }),
      );
    expect(target[5]).toBe(0xff);
  });

  test("unknown fields are dropped, or kept and written again at every level", () => {
    const Newer = defineSchema("Newer", {
      ...Shape.definition,
      points: {
        tag: 2,
        type: defineSchema("NewerPoint", {
          ...Point.definition,
          z: { tag: 3, type: "string", optional: true },
        }),
        repeated: true,
      },
      colour: { tag: 9, type: "int32" },
      more: { tag: 10, type: "double", repeated: true },
    });
    const newer = { name: "n", points: [{ x: 1, z: "up" }, {}], colour: 3, more: [1.5, 2.5] };
    const sent = encode(Newer, newer);
    const through = (unknown: "drop" | "keep") => {
      const codec = createCodec(Shape, { generate, unknownFields: unknown });
      return decode(Newer, codec.encode(codec.decode(sent)));
    };
    expect(through("keep")).toEqual(decode(Newer, sent));
    expect(through("drop")).toMatchObject({ colour: 0, more: [], points: [{ x: 1 }, {}] });
    const kept = createCodec(Shape, { generate, unknownFields: "keep" }).decode(sent);
    const { [unknownFields]: ofRoot } = kept as { [unknownFields]?: Uint8Array };
    expect(Buffer.from(ofRoot ?? []).toString("hex")).toMatch(/^48035210/);
    expect(Object.getOwnPropertySymbols(kept.points[1] ?? {})).toEqual([]);
  });

  test("what stands for unknown fields must be bytes", () => {
    const message = { [unknownFields]: "7b" };
    expect(() => createCodec(Point, { generate }).encode(message as object)).toThrow(
      expect.objectContaining({ code: "KING_IIBIN_VALUE_INVALID" }),
    );
  });

  test("messages are instances of classes, for the root alone or by schema", () => {
    class MyPoint {
      declare x: number;
      declare y: bigint;
      get sum(): bigint {
        return BigInt(this.x) + this.y;
      }
    }
    class MyShape {
      made = true;
    }
    const bytes = encode(Shape, { points: [{ x: 1, y: 2 }], byName: { a: { x: 5 } } });
    const root = createCodec(Point, { generate, into: MyPoint }).decode(encode(Point, { x: 4 }));
    expect(root).toBeInstanceOf(MyPoint);
    expect(root.sum).toBe(4n);
    const into = new Map<typeof Shape | typeof Point, new () => object>([
      [Shape, MyShape],
      [Point, MyPoint],
    ]);
    const shape = createCodec(Shape, { generate, into }).decode(bytes);
    expect(shape).toBeInstanceOf(MyShape);
    expect(shape).toMatchObject({ made: true, name: "" });
    expect(shape.points[0]).toBeInstanceOf(MyPoint);
    expect(shape.byName["a"]).toBeInstanceOf(MyPoint);
    expect(decode(Shape, bytes, { into: MyShape })).toBeInstanceOf(MyShape);
  });

  test("a class may decode something itself", () => {
    const inner = createCodec(Shape, { generate });
    const bytes = encode(Shape, { name: "outer", points: [{ x: 1 }, { x: 2 }] });
    class Nosy {
      seen = inner.decode(bytes).points.length;
    }
    const codec = createCodec(Shape, { generate, into: new Map([[Point, Nosy]]) });
    expect(codec.decode(bytes).points).toMatchObject([
      { seen: 2, x: 1 },
      { seen: 2, x: 2 },
    ]);
  });
});

test.each([
  [{ int64: "string" }, "int64"],
  [{ bytes: "slice" }, "bytes"],
  [{ unknownFields: true }, "unknownFields"],
  [{ into: 7 }, "into"],
  [{ into: new Map([[defineSchema("Other", {}), class {}]]) }, "into"],
])("%o is refused as an option", (options, option) => {
  const refusal = expect.objectContaining({
    code: "KING_IIBIN_OPTION_INVALID",
    details: { option },
  });
  expect(() => createCodec(Shape, options as object)).toThrow(refusal);
  expect(() => decode(Shape, new Uint8Array(0), options as object)).toThrow(refusal);
});

describe("a batch", () => {
  test("is a list of messages in order, with nothing between them", () => {
    const messages = encodeBatch(Point, [{ x: 1 }, { x: 2 }]);
    expect(messages.map((each) => Buffer.from(each).toString("hex"))).toEqual(["0801", "0802"]);
    expect(decodeBatch(Point, messages, { int64: "number" })).toEqual([
      { x: 1, y: 0 },
      { x: 2, y: 0 },
    ]);
    const codec = createCodec(Point, { int64: "number" });
    expect(decodeBatch(codec, encodeBatch(codec, [{ x: 3 }]))).toEqual([{ x: 3, y: 0 }]);
  });

  test("fails as a whole, with the index of the first that fails and its error", () => {
    const failure = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        if (KingError.is(error, "KING_IIBIN_BATCH")) return error;
      }
      throw new Error("it did not fail");
    };
    const encoding = failure(() => encodeBatch(Point, [{ x: 1 }, { x: "2" as never }, 7 as never]));
    expect(encoding.message).toBe(
      "record 1 of Point failed: Point.x: expected an integer from -2^31 to 2^31-1, got a string of 1 characters",
    );
    expect(encoding.details).toEqual({ schema: "Point", index: 1 });
    expect(encoding.cause).toMatchObject({ code: "KING_IIBIN_VALUE_INVALID" });
    const decoding = failure(() =>
      decodeBatch(Point, [new Uint8Array(0), "x" as never, new Uint8Array([8])]),
    );
    expect(decoding.details).toEqual({ schema: "Point", index: 1 });
    expect(decoding.cause).toMatchObject({ code: "KING_IIBIN_OPTION_INVALID" });
  });

  test("is an array", () => {
    for (const records of [{}, "ab", null])
      expect(() => encodeBatch(Point, records as never)).toThrow(
        expect.objectContaining({ code: "KING_IIBIN_OPTION_INVALID" }),
      );
  });
});

describe.each([true, false])("a message that comes in parts, generated: %s", (generate) => {
  const Inner = defineSchema("Inner", {
    a: { tag: 1, type: "int32", required: true },
    b: { tag: 2, type: "string", required: true },
    list: { tag: 3, type: "int32", repeated: true },
  });
  const Outer = defineSchema("Outer", {
    inner: { tag: 1, type: Inner },
    map: { tag: 2, type: Inner, map: "int32" },
    other: { tag: 3, type: Inner, oneof: "choice" },
    number: { tag: 4, type: "int32", oneof: "choice" },
  });
  const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

  test("may have a required field in each", () => {
    const codec = createCodec(Outer, { generate });
    const whole = { a: 1, b: "x", list: [7, 8] };
    expect(codec.decode(bytes("0a05 0801 1a01 07 0a06 1201 78 1a01 08")).inner).toEqual(whole);
    expect(codec.decode(bytes("120f 0805 1204 0801 1807 1205 1201 78 1808")).map).toEqual({
      5: whole,
    });
  });

  test("is what came after another member of its oneof", () => {
    const codec = createCodec(Outer, { generate });
    const decoded = codec.decode(bytes("1a04 0801 1807 2001 1a05 0802 1201 79"));
    expect(decoded).toEqual({ map: {}, other: { a: 2, b: "y", list: [] } });
  });

  test("makes one instance", () => {
    let made = 0;
    class Counted {
      #list = new Set<number>();
      constructor() {
        made++;
      }
      set list(items: Iterable<number>) {
        this.#list = new Set(items);
      }
      get size() {
        return this.#list.size;
      }
    }
    const codec = createCodec(Outer, { generate, into: new Map([[Inner, Counted]]) });
    const decoded = codec.decode(bytes("0a05 0801 1a01 07 0a06 1201 78 1a01 08"));
    expect((decoded.inner as unknown as Counted).size).toBe(2);
    expect(made).toBe(1);
  });

  test("has the place of a fault in the bytes as they came", () => {
    const codec = createCodec(Outer, { generate });
    expect(() => codec.decode(bytes("0a02 0801 0a03 1201 ff"))).toThrow(
      expect.objectContaining({ message: "Outer.inner.b: a string is no UTF-8 at byte 8" }),
    );
  });

  test("keeps unknown fields in time in proportion", () => {
    const codec = createCodec(Outer, { generate, unknownFields: "keep" });
    const inner: { a: number; b: string } = { a: 1, b: "x" };
    const head = codec.encode({ inner: Object.assign(inner, { [unknownFields]: bytes("7a00") }) });
    const part = bytes("0a02 1802");
    const message = new Uint8Array(head.length + part.length * 100_000);
    message.set(head);
    for (let i = head.length; i < message.length; i += part.length) message.set(part, i);
    expect(codec.decode(message).inner?.list).toHaveLength(100_000);
  });
});

test("fields that are no keys are counted as what they are", () => {
  class Point {
    extra = 5;
    get x() {
      return 1;
    }
  }
  for (const generate of [true, false]) {
    const codec = createCodec(Point2, { generate });
    expect(() => codec.encode(new Point())).toThrow(
      /expected a field of Point2, got an unknown one/,
    );
    const Length = defineSchema("Length", { length: { tag: 1, type: "int32" } });
    expect(() => createCodec(Length, { generate }).encode([7] as never)).toThrow(
      /expected an object, a message of Length, got an array/,
    );
  }
});

const Point2 = defineSchema("Point2", { x: { tag: 1, type: "int32" } });

test("a field called __proto__ does not become the prototype of an instance", () => {
  const S = defineSchema("S", {
    ["__proto__"]: { tag: 1, type: Point2 },
    n: { tag: 2, type: "int32" },
  });
  class C {
    declare n: number;
  }
  for (const generate of [true, false]) {
    const decoded = createCodec(S, { generate, into: C }).decode(new Uint8Array([0x0a, 2, 8, 1]));
    expect(decoded).toBeInstanceOf(C);
    expect(Object.getOwnPropertyDescriptor(decoded, "__proto__")?.value).toEqual({ x: 1 });
  }
});

test("options nobody reads, and schemas that are none, are refused", () => {
  const refusal = (option: string) =>
    expect.objectContaining({ code: "KING_IIBIN_OPTION_INVALID", details: { option } });
  const misspelled: [string, object][] = [
    ["unknownField", { unknownField: "keep" }],
    ["maxByte", { limits: { maxByte: 0 } }],
    ["copy", { copy: "no" }],
    ["generate", { generate: 1 }],
  ];
  for (const [option, options] of misspelled)
    expect(() => createCodec(Shape, options)).toThrow(refusal(option));
  expect(() => decode(Shape, new Uint8Array(0), { copy: true } as object)).toThrow(refusal("copy"));
  expect(() => encode(Shape, {}, { int64: "number" } as object)).toThrow(refusal("int64"));
  for (const given of [undefined, {}, "Shape"]) {
    const schema = given as unknown as typeof Shape;
    expect(() => createCodec(schema)).toThrow(refusal("schema"));
    expect(() => encode(schema, {})).toThrow(refusal("schema"));
    expect(() => decode(schema, new Uint8Array(0))).toThrow(refusal("schema"));
  }
});

test("a default that is no safe integer cannot be a number", () => {
  const S = defineSchema("S", { n: { tag: 1, type: "uint64", default: 2n ** 60n } });
  expect(decode(S, new Uint8Array(0))).toEqual({ n: 2n ** 60n });
  expect(() => createCodec(S, { int64: "number" })).toThrow(
    /the default of S\.n is no safe integer/,
  );
});

test("memory of a message that failed, or went elsewhere, is let go", async () => {
  const codec = createCodec(Shape);
  const large = new Uint8Array(10_000_000);
  const target = new Uint8Array(large.length + 10);
  const { buffers } = await memoryInUse();
  expect(() => codec.encode({ data: large, byName: { a: 1 as never } })).toThrow(/byName/);
  expect((await memoryInUse()).buffers - buffers).toBeLessThan(1_000_000);
  codec.encodeInto({ data: large }, target);
  expect((await memoryInUse()).buffers - buffers).toBeLessThan(1_000_000);
});

describe.each([true, false])(
  "what values say of themselves does not count, generated: %s",
  (generate) => {
    const codec = createCodec(Shape, { generate });
    const refusal = expect.objectContaining({
      code: "KING_IIBIN_VALUE_INVALID",
      details: expect.objectContaining({ path: "data" }),
    });

    test("more bytes than there are would be somebody else's", () => {
      class Longer extends Uint8Array {
        override get length() {
          return 200;
        }
      }
      const claimed = Object.defineProperty(new Uint8Array(4), "length", { value: 100 });
      for (const data of [new Longer(4), claimed])
        expect(codec.encode({ data })).toEqual(new Uint8Array([0x1a, 4, 0, 0, 0, 0]));
    });

    test("what only looks like bytes is refused", () => {
      for (const data of [Object.create(Uint8Array.prototype), new Proxy(new Uint8Array(3), {})])
        expect(() => codec.encode({ data })).toThrow(refusal);
    });

    test("bytes whose memory went elsewhere are refused, in both directions", () => {
      const gone = new Uint8Array(8);
      structuredClone(gone, { transfer: [gone.buffer] });
      expect(() => codec.encode({ data: gone })).toThrow(refusal);
      expect(() => codec.decode(gone)).toThrow(
        expect.objectContaining({ code: "KING_IIBIN_OPTION_INVALID" }),
      );
    });

    test("every absent bytes field has memory of its own", () => {
      const first = codec.decode(new Uint8Array(0));
      const second = codec.decode(new Uint8Array(0));
      structuredClone(first.data, { transfer: [first.data.buffer as ArrayBuffer] });
      structuredClone(second.data, { transfer: [second.data.buffer as ArrayBuffer] });
    });

    test("all that is no number has one form", () => {
      const Floats = defineSchema("Floats", {
        double: { tag: 1, type: "double", repeated: true },
        float: { tag: 2, type: "float" },
      });
      const floats = createCodec(Floats, { generate });
      const odd = new Uint8Array(
        Buffer.from("0a10010000000000f07fefbe00000000ffff150100a0ff", "hex"),
      );
      expect(Buffer.from(floats.encode(floats.decode(odd))).toString("hex")).toBe(
        "0a10000000000000f87f000000000000f87f150000c07f",
      );
    });
  },
);

test("a large message now and then does not make small ones reserve as much", () => {
  const codec = createCodec(Shape);
  const data = new Uint8Array(1_000_000);
  for (let i = 0; i < 20; i++) {
    codec.encode({ data });
    // The next may still find a buffer for a large one; those after it do not.
    codec.encode({ name: "small" });
    expect(codec.encode({ name: "small" }).buffer.byteLength).toBe(65_536);
  }
});

describe.each([true, false])("what changes while it is looked at, generated: %s", (generate) => {
  const Lists = defineSchema("Lists", {
    packed: { tag: 1, type: "int64", repeated: true },
    items: { tag: 2, type: "int32", repeated: true, packed: false },
    text: { tag: 3, type: "string" },
  });
  const codec = createCodec(Lists, { generate });

  test.each(["packed", "items"] as const)("the length of a list counts as it was: %s", (name) => {
    const growing = [1];
    Object.defineProperty(growing, 0, {
      get() {
        if (growing.length === 1) for (let i = 0; i < 200_000; i++) growing.push(1);
        return 1;
      },
    });
    const decoded = codec.decode(codec.encode({ [name]: growing, text: "x" }));
    expect(decoded).toMatchObject({ [name]: name === "packed" ? [1n] : [1], text: "x" });
    const shrinking = [1, 2, 3];
    Object.defineProperty(shrinking, 0, {
      get() {
        shrinking.length = 1;
        return 1;
      },
    });
    expect(() => codec.encode({ [name]: shrinking })).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ path: `${name}[1]` }) }),
    );
  });

  test("a target's own method does not see memory that is used again", () => {
    class Target extends Uint8Array {
      override set(from: ArrayLike<number>, offset?: number) {
        codec.encode({ text: "ZZZZZZZZ" });
        super.set(from, offset);
      }
    }
    const target = new Target(20);
    codec.encodeInto({ text: "AAAA" }, target);
    expect(Buffer.from(target).toString("latin1", 2, 6)).toBe("AAAA");
  });

  test("memory that shrank is not empty", () => {
    const memory = new ArrayBuffer(16, { maxByteLength: 32 });
    const view = new Uint8Array(memory, 4, 4);
    const list = new Float64Array(memory, 8, 1);
    memory.resize(2);
    const refusal = expect.objectContaining({ category: "validation" });
    expect(() => createCodec(Shape, { generate }).encode({ data: view })).toThrow(refusal);
    expect(() => codec.decode(view)).toThrow(refusal);
    expect(() => codec.encode({ items: list })).toThrow(refusal);
    expect(codec.decode(new Uint8Array(new ArrayBuffer(0, { maxByteLength: 8 })))).toEqual({
      packed: [],
      items: [],
      text: "",
    });
  });

  test("what only looks like bytes is not decoded", () => {
    class Longer extends Uint8Array {
      override get length() {
        return 1_000;
      }
    }
    expect(() => codec.decode(new Longer([0x1a, 0x90, 3, 0x41]))).toThrow(
      expect.objectContaining({ code: "KING_IIBIN_WIRE_INVALID" }),
    );
    for (const bytes of [new Proxy(new Uint8Array(3), {}), Object.create(Uint8Array.prototype)])
      expect(() => codec.decode(bytes)).toThrow(
        expect.objectContaining({ code: "KING_IIBIN_OPTION_INVALID" }),
      );
  });
});

test("the largest index is a key like any other", () => {
  const S = defineSchema("S", { m: { tag: 1, type: "string", map: "string" } });
  const m = { "4294967294": "a", "7abc": "b", "5": "c" };
  for (const generate of [true, false]) {
    const codec = createCodec(S, { generate });
    expect(codec.decode(codec.encode({ m }))).toEqual({ m });
  }
});

test("a batch has the length it had when it came", () => {
  let reads = 0;
  const records = new Proxy([{ x: 1 }], {
    get: (target, key) => (key === "length" ? (reads++ === 0 ? 1 : 100) : Reflect.get(target, key)),
  });
  expect(encodeBatch(Point, records, { limits: { maxBatch: 2 } })).toHaveLength(1);
});

test("options beside a codec, whose own are decided, are refused", () => {
  const codec = createCodec(Point) as never;
  const refusal = expect.objectContaining({
    code: "KING_IIBIN_OPTION_INVALID",
    details: { option: "limits" },
  });
  const options = { limits: { maxBatch: 1 } } as never;
  expect(() => encodeBatch(codec, [], options)).toThrow(refusal);
  expect(() => decodeBatch(codec, [], options)).toThrow(refusal);
  expect(() => delimitedEncoder(codec, options)).toThrow(refusal);
  expect(() => delimitedDecoder(codec, options)).toThrow(refusal);
});
