import avro from "avsc";
import { asIs, type Codec } from "./codec.ts";
import { type ContentName, contents } from "./messages.ts";

/** Types that hold every value; integers without sign are longs, as Avro has no others. */
export function openAvsc(content: ContentName): Codec {
  const { schema, values } = contents[content];
  const type = avro.Type.forSchema(schemas[schema]);
  return {
    // Avro's bytes are Buffers.
    values: values().map((value) =>
      "avatar" in value ? { ...value, avatar: Buffer.from(value.avatar as Uint8Array) } : value,
    ),
    encode: (value) => type.toBuffer(value),
    decode: (bytes) => type.fromBuffer(bytes),
    toPlain: asIs,
  };
}

const small: avro.Schema = {
  type: "record",
  name: "Small",
  fields: [
    { name: "id", type: "long" },
    { name: "ts", type: "long" },
    { name: "value", type: "double" },
    { name: "name", type: "string" },
    { name: "ok", type: "boolean" },
  ],
};

const schemas = {
  Small: small,
  Medium: {
    type: "record",
    name: "Medium",
    fields: [
      { name: "uuid", type: "string" },
      { name: "created", type: "long" },
      { name: "updated", type: "long" },
      { name: "name", type: "string" },
      { name: "email", type: "string" },
      { name: "level", type: "int" },
      { name: "active", type: "boolean" },
      { name: "visits", type: "long" },
      { name: "balance", type: "int" },
      { name: "score", type: "double" },
      { name: "ratio", type: "float" },
      {
        name: "home",
        type: {
          type: "record",
          name: "Geo",
          fields: [
            { name: "lat", type: "double" },
            { name: "lon", type: "double" },
          ],
        },
      },
      { name: "scores", type: { type: "array", items: "int" } },
      { name: "tags", type: { type: "array", items: "string" } },
      { name: "attrs", type: { type: "map", values: "string" } },
      { name: "avatar", type: "bytes" },
      { name: "color", type: "long" },
      { name: "offset", type: "long" },
      { name: "total", type: "long" },
      { name: "note", type: "string" },
    ],
  },
  Large: {
    type: "record",
    name: "Large",
    fields: [{ name: "rows", type: { type: "array", items: small } }],
  },
} satisfies Record<string, avro.Schema>;
