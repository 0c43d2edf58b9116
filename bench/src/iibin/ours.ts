import { type CodecOptions, createCodec, defineEnum, defineSchema } from "@king-runtime/iibin";
import { asIs, type Codec } from "./codec.ts";
import { type ContentName, contents, type Schema } from "./messages.ts";

/** The schemas of `messages.proto`, made anew, so that nothing is compiled yet. */
export function defineSchemas() {
  const Level = defineEnum("Level", { LOW: 0, MEDIUM: 1, HIGH: 2 });
  const Small = defineSchema("Small", {
    id: { tag: 1, type: "uint32" },
    ts: { tag: 2, type: "int64" },
    value: { tag: 3, type: "double" },
    name: { tag: 4, type: "string" },
    ok: { tag: 5, type: "bool" },
  });
  const Geo = defineSchema("Geo", {
    lat: { tag: 1, type: "double" },
    lon: { tag: 2, type: "double" },
  });
  const Medium = defineSchema("Medium", {
    uuid: { tag: 1, type: "string" },
    created: { tag: 2, type: "int64" },
    updated: { tag: 3, type: "int64" },
    name: { tag: 4, type: "string" },
    email: { tag: 5, type: "string" },
    level: { tag: 6, type: Level },
    active: { tag: 7, type: "bool" },
    visits: { tag: 8, type: "uint32" },
    balance: { tag: 9, type: "sint32" },
    score: { tag: 10, type: "double" },
    ratio: { tag: 11, type: "float" },
    home: { tag: 12, type: Geo },
    scores: { tag: 13, type: "int32", repeated: true },
    tags: { tag: 14, type: "string", repeated: true },
    attrs: { tag: 15, type: "string", map: "string" },
    avatar: { tag: 16, type: "bytes" },
    color: { tag: 17, type: "fixed32" },
    offset: { tag: 18, type: "sint64" },
    total: { tag: 19, type: "uint64" },
    note: { tag: 20, type: "string" },
  });
  const Large = defineSchema("Large", { rows: { tag: 1, type: Small, repeated: true } });
  return { Small, Medium, Large } satisfies Record<Schema, unknown>;
}

/** The codec, with options such as `{ generate: false }`. */
export function openOurs(content: ContentName, options: CodecOptions = {}): Codec {
  const { schema: name, values } = contents[content];
  const schema = defineSchemas()[name as "Small"];
  const codec = createCodec(schema, { ...options, int64: "number" });
  return {
    values: values(),
    encode: (value) => codec.encode(value as object),
    decode: (bytes) => codec.decode(bytes),
    toPlain: asIs,
  };
}
