import { defineEnum, defineSchema } from "../../src/index.ts";

/** The schemas that pages encode and decode with; each call compiles anew. */
export function defineSchemas() {
  const Small = defineSchema("Small", {
    id: { tag: 1, type: "uint32" },
    ts: { tag: 2, type: "int64" },
    value: { tag: 3, type: "double" },
    name: { tag: 4, type: "string" },
    ok: { tag: 5, type: "bool" },
  });
  const Level = defineEnum("Level", { NONE: 0, LOW: 1, HIGH: 2 });
  const Place = defineSchema("Place", {
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
    home: { tag: 12, type: Place },
    scores: { tag: 13, type: "int32", repeated: true },
    tags: { tag: 14, type: "string", repeated: true },
    attrs: { tag: 15, type: "string", map: "string" },
    avatar: { tag: 16, type: "bytes" },
    color: { tag: 17, type: "fixed32" },
    offset: { tag: 18, type: "sint64" },
    total: { tag: 19, type: "uint64" },
    note: { tag: 20, type: "string" },
  });
  const Wide = defineSchema("Wide", {
    int64: { tag: 1, type: "int64", repeated: true },
    uint64: { tag: 2, type: "uint64", repeated: true },
    sint64: { tag: 3, type: "sint64", repeated: true },
    fixed64: { tag: 4, type: "fixed64", repeated: true },
    sfixed64: { tag: 5, type: "sfixed64", repeated: true },
    bytes: { tag: 6, type: "bytes", repeated: true },
    texts: { tag: 7, type: "string", map: "string" },
    counts: { tag: 8, type: "double", map: "uint64" },
    flags: { tag: 9, type: "float", map: "bool" },
    smalls: { tag: 10, type: Small, map: "sint32" },
    inner: { tag: 11, type: "Wide" },
  });
  return { Small, Medium, Wide };
}

export type SchemaName = keyof ReturnType<typeof defineSchemas>;
