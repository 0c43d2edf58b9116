import { expectTypeOf, test } from "vitest";
import { encodeBatch } from "../src/batch.ts";
import { createCodec } from "../src/codec.ts";
import { delimitedEncoder } from "../src/delimited.ts";
import { encode } from "../src/encode.ts";
import { defineEnum } from "../src/enum.ts";
import type { Message, MessageInput } from "../src/message.ts";
import { type AnySchema, defineSchema } from "../src/schema.ts";
import { unknownFields } from "../src/unknown-fields.ts";

const Level = defineEnum("Level", { LOW: 0, HIGH: 1 });
const Geo = defineSchema("Geo", {
  lat: { tag: 1, type: "double", required: true },
  alt: { tag: 3, type: "float" },
});
const Node = defineSchema("Node", {
  id: { tag: 1, type: "uint64" },
  name: { tag: 2, type: "string", default: "anon" },
  level: { tag: 3, type: Level },
  home: { tag: 4, type: Geo },
  next: { tag: 5, type: "Node" },
  children: { tag: 6, type: "Node", repeated: true },
  attrs: { tag: 7, type: "bytes", map: "string" },
  byId: { tag: 8, type: Level, map: "int64" },
  maybe: { tag: 9, type: "int32", optional: true },
  a: { tag: 10, type: "bool", oneof: "choice" },
  scores: { tag: 11, type: "int32", repeated: true },
  flags: { tag: 13, type: "string", map: "bool" },
  later: { tag: 12, type: (): AnySchema => Geo },
});

test("the type of messages follows from the literal, recursion included", () => {
  type M = Message<typeof Node>;
  expectTypeOf<M["id"]>().toEqualTypeOf<bigint>();
  expectTypeOf<Message<typeof Node, number>["id"]>().toEqualTypeOf<number>();
  expectTypeOf<M["name"]>().toEqualTypeOf<string>();
  expectTypeOf<M["level"]>().toEqualTypeOf<number>();
  expectTypeOf<M["home"]>().toEqualTypeOf<{ lat: number; alt: number } | undefined>();
  expectTypeOf<NonNullable<NonNullable<M["next"]>["next"]>["id"]>().toEqualTypeOf<bigint>();
  expectTypeOf<M["children"][number]["children"][number]["name"]>().toEqualTypeOf<string>();
  expectTypeOf<M["attrs"]>().toEqualTypeOf<Record<string, Uint8Array<ArrayBuffer>>>();
  expectTypeOf<M["byId"]>().toEqualTypeOf<Record<string, number>>();
  expectTypeOf<M["maybe"]>().toEqualTypeOf<number | undefined>();
  expectTypeOf<M["flags"]>().toEqualTypeOf<{ true?: string; false?: string }>();
  expectTypeOf<M["flags"]["false"]>().toEqualTypeOf<string | undefined>();
  expectTypeOf<M["a"]>().toEqualTypeOf<boolean | undefined>();
});

test("what encoding takes is wider than what decoding gives", () => {
  type I = MessageInput<typeof Node>;
  expectTypeOf<Record<never, never>>().toExtend<I>();
  expectTypeOf<{ id: 1; level: "HIGH"; next: { id: 1n } }>().toExtend<I>();
  expectTypeOf<{ level: "MIDDLE" }>().not.toExtend<I>();
  expectTypeOf<{ scores: Int32Array; byId: Map<bigint, number> }>().toExtend<I>();
  expectTypeOf<{ flags: { true: "a" } }>().toExtend<I>();
  expectTypeOf<{ flags: { maybe: "a" } }>().not.toExtend<I>();
  expectTypeOf<{ flags: Map<boolean, string> }>().toExtend<I>();
  expectTypeOf<{ [unknownFields]: Uint8Array }>().toExtend<I>();
  expectTypeOf<{ home: { alt: 1 } }>().not.toExtend<I>();
  expectTypeOf<Message<typeof Node>>().toExtend<I>();
});

test("encoded bytes and decoded ones go where no shared memory may, as into a Response", async () => {
  const message = { attrs: { a: new Uint8Array(1) } };
  const bytes = encode(Node, message);
  expectTypeOf(bytes).toEqualTypeOf<Uint8Array<ArrayBuffer>>();
  expectTypeOf(encodeBatch(Node, [message])).toEqualTypeOf<Uint8Array<ArrayBuffer>[]>();
  const codec = createCodec(Node);
  expectTypeOf(encodeBatch(codec, [message])).toEqualTypeOf<Uint8Array<ArrayBuffer>[]>();
  expectTypeOf(codec.encode).returns.toEqualTypeOf<Uint8Array<ArrayBuffer>>();
  const chunks = delimitedEncoder(codec).readable;
  expectTypeOf(chunks).toEqualTypeOf<ReadableStream<Uint8Array<ArrayBuffer>>>();
  new Blob([bytes, ...Object.values(codec.decode(bytes).attrs)]);
  expectTypeOf(bytes).toExtend<ConstructorParameters<typeof Response>[0]>();
});
